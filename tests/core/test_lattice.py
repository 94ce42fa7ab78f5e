"""Reduced bases, and what is no lattice."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from ase.geometry import is_minkowski_reduced, minkowski_reduce
from hypothesis import assume, given
from hypothesis import strategies as st

from raggedh5.core.lattice import Lattice
from raggedh5.core.minkowski import dot, dual_basis, reduce_basis
from raggedh5.errors import SchemaError

PBC = list(product((False, True), repeat=3))

integers = st.integers(-9, 9)
bases = st.lists(st.lists(integers, min_size=3, max_size=3), min_size=3, max_size=3)
skews = st.lists(st.integers(-(10**4), 10**4), min_size=3, max_size=3)


@st.composite
def matrices(draw):
    """Integer matrices, some so skewed that their reduced basis is far from what they show."""
    matrix = np.array(draw(bases))
    assume(round(np.linalg.det(matrix)) != 0)
    if draw(st.booleans()):
        a, b, c = draw(skews)
        matrix = np.array([[1, 0, 0], [a, 1, 0], [b, c, 1]]) @ matrix
    return matrix


def exact(matrix):
    return [tuple(map(Fraction, row)) for row in matrix.tolist()]


@given(matrices(), st.integers(1, 3))
def test_a_reduced_basis_is_of_the_lattice_and_each_vector_the_shortest(matrix, dimensions):
    vectors = exact(matrix)[:dimensions]
    reduced, counts = reduce_basis(vectors)
    assert (np.array(counts) @ matrix[:dimensions]).tolist() == [list(map(int, v)) for v in reduced]
    assert abs(round(np.linalg.det(np.array(counts, float)))) == 1
    squares = [dot(v, v) for v in reduced]
    assert squares == sorted(squares)
    # Minkowski's own conditions: no sum that has a vector once, with shorter ones, is shorter.
    for i in range(dimensions):
        for steps in product((-1, 0, 1), repeat=i):
            other = [
                reduced[i][axis] + sum(s * reduced[k][axis] for k, s in enumerate(steps))
                for axis in range(3)
            ]
            assert dot(other, other) >= squares[i]


@given(matrices(), st.sampled_from(PBC[1:]))
def test_it_is_as_short_as_the_one_of_ase(matrix, pbc):
    lattice = Lattice.of(matrix, pbc)
    n = sum(pbc)
    alone = np.where(np.array(pbc)[:, None], matrix, 0.0)
    if n > 1:
        if n == 2:  # ase reduces two vectors in a cell that has a third
            (flat,) = np.flatnonzero(~np.array(pbc))
            alone[flat] = np.cross(alone[flat - 2], alone[flat - 1])
        theirs, _ = minkowski_reduce(alone, pbc)
        lengths = np.sort(np.linalg.norm(theirs[list(pbc)], axis=1))
        assert np.allclose(np.linalg.norm(lattice.reduced[:n], axis=1), lengths, rtol=1e-9)
    if n == 3:
        assert is_minkowski_reduced(lattice.reduced)
    assert (lattice.transform @ matrix == lattice.reduced).all()
    assert np.allclose(
        lattice.reduced @ lattice.dual.T, np.diag([1] * n + [0] * (3 - n)), atol=1e-12
    )


@given(matrices(), st.integers(1, 3))
def test_the_dual_basis_is_exact(matrix, dimensions):
    vectors = exact(matrix)[:dimensions]
    for i, direction in enumerate(dual_basis(vectors)):
        assert [dot(direction, v) for v in vectors] == [i == k for k in range(dimensions)]


@pytest.mark.parametrize(
    ("matrix", "pbc", "message"),
    [
        ([[1, 0, 0], [0, 1, 0], [1, 1, 0]], True, "linearly dependent"),
        ([[0.1, 0.2, 0.3], [0.3, 0.6, 0.9], [0, 0, 1]], True, "linearly dependent"),
        ([[1, 2, 0], [2, 4, 0], [0, 0, 1]], (True, True, False), "linearly dependent"),
        ([[1, 2, 0], [2, 4, 0], [0, 0, 1]], (True, False, True), "linearly dependent"),
        ([[1, 0, 0], [0, 0, 0], [0, 0, 1]], True, "vector 1.* is zero; pbc=False"),
        ([[1, 0, 0], [0, 1e200, 0], [0, 0, 1]], True, "vector 1.* too long"),
        ([[1, 0, 0], [0, 1e-200, 0], [0, 0, 1]], True, "vector 1.* too short"),
        ([[1e-7, 0, 0], [0, 1, 0], [1e10, 1e-2, 1e4]], True, "too skewed"),
        ([[1, 0, 0], [0, np.nan, 0], [0, 0, 1]], True, "not finite"),
        ([[1, 0, 0], [0, 1, 0], [0, 0, np.inf]], (True, True, False), "not finite"),
        ([1, 2, 3], True, r"shape \(3, 3\)"),
        (np.eye(3, dtype=complex), True, "complex"),
        (np.eye(3), (True, False), "pbc"),
        (np.eye(3), (0, 1, 2), "pbc"),
    ],
)
def test_what_is_no_lattice_is_refused(matrix, pbc, message):
    with pytest.raises(SchemaError, match=message):
        Lattice.of(matrix, pbc)


def test_vectors_that_are_not_periodic_may_be_zero():
    lattice = Lattice.of([[0, 0, 0], [0, 2, 0], [0, 0, 0]], (False, True, False))
    assert lattice.reduced.tolist() == [[0, 2, 0], [0, 0, 0], [0, 0, 0]]
    assert lattice.near == 1


def test_a_lattice_keeps_its_own_matrix():
    matrix = np.eye(3)
    lattice = Lattice.of(matrix)
    matrix[0, 0] = 7
    assert lattice.matrix[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        lattice.matrix[0, 0] = 7
