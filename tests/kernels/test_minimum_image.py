"""The shortest images of displacements, held to a search of all that could be."""

from itertools import product

import numpy as np
import pytest
from ase.geometry import find_mic
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import reference
from raggedh5.core.images import minimum_image, unwrapped, wrapped
from raggedh5.core.lattice import Lattice
from raggedh5.errors import SchemaError

PBC = list(product((False, True), repeat=3))

small = st.integers(-6, 6)
vectors = st.lists(small, min_size=3, max_size=3)
long_vectors = st.lists(st.integers(-15, 15), min_size=3, max_size=3)


@settings(max_examples=200)
@given(st.lists(vectors, min_size=3, max_size=3), st.sampled_from(PBC), long_vectors)
def test_integers_have_the_very_shortest_image(matrix, pbc, displacement):
    assume(round(np.linalg.det(np.array(matrix))) != 0)
    periodic = np.array(matrix)[np.array(pbc)]
    reach = np.linalg.norm(np.linalg.pinv(periodic), axis=0) * np.linalg.norm(displacement)
    assume(np.prod(4 * reach + 3) < 3000)  # so many images does the reference try
    [image], [counts] = minimum_image([displacement], Lattice.of(matrix, pbc))
    assert (image == np.array(displacement) + counts @ np.array(matrix)).all()
    assert not counts[~np.array(pbc)].any()
    assert image @ image == reference.shortest_image(displacement, matrix, pbc)


def cells(rng):
    """Lattices of many kinds: orthorhombic, cubic, hexagonal, triclinic, flat."""
    yield np.diag([3.0, 4.0, 50.0])
    yield np.array([[0, 2.0, 2.0], [2.0, 0, 2.0], [2.0, 2.0, 0]])
    yield np.array([[-2.0, 2.0, 2.0], [2.0, -2.0, 2.0], [2.0, 2.0, -2.0]])
    yield np.array([[3.0, 0, 0], [-1.5, 1.5 * np.sqrt(3), 0], [0, 0, 5.0]])
    for _ in range(12):
        yield rng.normal(size=(3, 3)) * rng.choice([0.1, 1.0, 30.0], (3, 1))


@pytest.mark.parametrize("pbc", PBC)
def test_ase_finds_none_shorter(pbc):
    rng = np.random.default_rng(5)
    for cell in cells(rng):
        # ase measures along the whole cell: perpendicular to what is periodic it agrees with us.
        alone = np.where(np.array(pbc)[:, None], cell, 0.0)
        skewed = np.array([[1, 0, 0], [7, 1, 0], [-40, 12, 1]]) @ alone
        shown = skewed if all(pbc) else alone
        displacements = rng.normal(size=(200, 3)) * 3 * np.abs(cell).max()
        images, counts = minimum_image(displacements, Lattice.of(shown, pbc))
        _, lengths = find_mic(displacements, alone, pbc)
        assert np.allclose(np.linalg.norm(images, axis=1), lengths, rtol=1e-9, atol=1e-10)
        assert np.allclose(images, displacements + counts @ shown, rtol=0, atol=1e-8)


def test_a_point_far_off_the_plane_has_the_same_image_within():
    """The shortest is looked for where the lattice is, not among squares that differ by nothing."""
    lattice = Lattice.of([[1, 0, 0], [0.5, 0.9, 0], [0, 0, 0]], (True, True, False))
    near = np.random.default_rng(3).uniform(-3, 3, (100, 3))
    _, counts = minimum_image(near, lattice)
    _, far = minimum_image(near + np.array([0, 0, 1e12]), lattice)
    assert counts.any()
    assert (far == counts).all()


def test_a_displacement_that_needs_no_image_keeps_its_bits():
    displacements = np.array([[-0.0, 0.1, -0.2], [0.4, -0.0, 0.0]])
    images, counts = minimum_image(displacements, Lattice.of(np.eye(3)))
    assert images.tobytes() == displacements.tobytes()
    assert not counts.any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_alone(bad):
    displacements = np.array([[0.7, 0, 0], [0.7, bad, 0], [0.7, 0, 0]])
    images, counts = minimum_image(displacements, Lattice.of(np.eye(3)))
    assert np.isnan(images[1]).all()
    assert counts.tolist() == [[-1, 0, 0], [0, 0, 0], [-1, 0, 0]]


@pytest.mark.parametrize("far", [1e15, 1e200, 1.7e308])
def test_too_many_cells_are_refused(far):
    lattice = Lattice.of(np.eye(3), (True, True, False))
    with pytest.raises(SchemaError, match=r"position 1, .* too many cells"):
        minimum_image([[0, 0, 0], [0, -far, 0]], lattice)
    with pytest.raises(SchemaError, match="too many cells"):
        wrapped([[far, 0, 0]], lattice)
    assert minimum_image([0, 0.75, far], lattice)[1].tolist() == [0, -1, 0]


@given(st.integers(0, 2**32 - 1), st.sampled_from(PBC), st.integers(1, 20))
def test_paths_are_unwrapped_as_in_the_reference(seed, pbc, n_frames):
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-4, 5, (3, 3)) + 9 * np.eye(3)
    lattice = Lattice.of(matrix, pbc)
    frames = rng.uniform(-9, 9, (n_frames, 3, 3))
    frames[rng.random((n_frames, 3)) < 0.2, 1] = np.nan
    none = np.full((3, 3), np.nan)
    out, last, images = unwrapped(frames, lattice, none, np.zeros((3, 3), np.int64))
    for k in range(3):
        path = reference.unwrapped_path(
            frames[:, k], matrix, pbc, lambda step: minimum_image(step, lattice)[1]
        )
        assert np.allclose(out[:, k], path, rtol=0, atol=1e-12, equal_nan=True)
        finite = frames[np.isfinite(frames[:, k]).all(-1), k]
        assert np.array_equal(last[k], finite[-1] if len(finite) else none[k], equal_nan=True)
        if len(finite):
            ended = path[np.isfinite(path).all(-1)][-1] - last[k]
            assert np.allclose(images[k] @ matrix, ended, rtol=0, atol=1e-12)


def test_memory_in_any_order_is_read_right():
    lattice = Lattice.of(np.diag([3.0, 4, 5]))
    values = np.random.default_rng(1).uniform(-9, 9, (7, 4, 3))
    expected, _ = minimum_image(values, lattice)
    for same in (np.asfortranarray(values), values[::-1].copy()[::-1], values.astype(">f8")):
        assert np.array_equal(minimum_image(same, lattice)[0], expected)
    buffer = np.zeros(values.nbytes + 1, np.uint8)
    unaligned = buffer[1:].view(np.float64).reshape(values.shape)
    unaligned[...] = values
    assert np.array_equal(minimum_image(unaligned, lattice)[0], expected)


@pytest.mark.parametrize("values", [1.0, [1.0, 2.0], [[1j, 0, 0]], [["a", "b", "c"]]])
def test_what_is_no_vectors_is_refused(values):
    with pytest.raises(SchemaError, match="vectors are numbers"):
        minimum_image(values, Lattice.of(np.eye(3)))
