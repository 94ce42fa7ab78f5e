"""Lattices that are periodic along some of their vectors, and the images of positions in them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from raggedh5.core.arrays import as_numpy
from raggedh5.core.minkowski import (
    Vector,
    determinant,
    dot,
    dual_basis,
    gram_matrix,
    reduce_basis,
)
from raggedh5.errors import SchemaError

__all__ = ["FLAT", "Lattice"]

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

FLAT = 1e-13
"""Volume that vectors of length 1 span which is taken for none: what rounding may leave."""

LONGEST = 1e100
"""Squares of longer vectors, and of those shorter than 1 / LONGEST, are not safe in float64."""

MOST_COUNTS = 1 << 46
"""Lattice vectors in a vector of the reduced basis: more than cells that are not flat ask for."""


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """A lattice, and what finding images in it takes.

    Made by `of`.

    Attributes
    ----------
    matrix : ndarray of float64, shape (3, 3)
        The lattice vectors, one in each row.
    pbc : tuple of three bool
        Along which of them the lattice is periodic.
    reduced : ndarray of float64, shape (3, 3)
        A Minkowski-reduced basis of the periodic vectors, from the shortest to the longest, then
        rows of zeros.
    dual : ndarray of float64, shape (3, 3)
        Its dual basis, in the same span: the coordinates of `x` in `reduced` are ``dual @ x``.
    transform : ndarray of int64, shape (3, 3)
        ``reduced`` is ``transform @ matrix``.
    neighbours, steps : ndarray of float64 and int64, shape (n, 3)
        After the coordinates in the reduced basis were rounded, the shortest image is the one that
        is found or that plus one of `neighbours`, which are ``steps @ reduced[:k]``. There are
        none if the reduced basis is orthogonal.
    near : float
        The square of half the shortest lattice vector: what is no longer has no shorter image.
    fractional : ndarray of float64, shape (3, 3)
        The fractional coordinates of `x` along `matrix` are ``fractional @ x``.
    """

    matrix: Floats
    pbc: tuple[bool, bool, bool]
    reduced: Floats = field(repr=False)
    dual: Floats = field(repr=False)
    transform: Counts = field(repr=False)
    neighbours: Floats = field(repr=False)
    steps: Counts = field(repr=False)
    near: float = field(repr=False)
    fractional: Floats = field(repr=False)

    @staticmethod
    def of(matrix: Any, pbc: Any = (True, True, True)) -> "Lattice":
        """Take a matrix for a lattice.

        Parameters
        ----------
        matrix : array-like, shape (3, 3)
            The lattice vectors, one in each row, in any unit.
        pbc : three bool, or one for all
            Along which of them the lattice is periodic.

        Raises
        ------
        SchemaError
            If the matrix is not of this shape or not finite; if the periodic vectors are zero, of
            no length that can be squared, or do not span as many dimensions as they are; if a
            vector that is not periodic lies in the span of the others. It may be zero, and is then
            taken to be perpendicular to them.

        Notes
        -----
        Why steps of -1, 0 and 1 along the reduced vectors b1, b2, b3 are enough once coordinates
        x were rounded, so that ``|x| <= 1/2``: let r = x + s be the shortest image. No image is
        shorter than r, so that it is no longer than half the diagonal of the box of the
        Gram-Schmidt vectors, which is at most ``sqrt(3)/2 |b3|``; and the volume of a reduced cell
        is at least ``|b1||b2||b3|/sqrt(2)`` (Gauss), so that b3 rises at least ``|b3|/sqrt(2)``
        above the plane of b1 and b2: ``|r3| < 1.23``, and ``|s3| < 2``. Projected on that plane,
        the shortest image and b3 both lie in the Voronoi cell of b1 and b2, whose coordinates are
        at most 2/3: ``|r1|, |r2| < 2/3 + 1.23 * 2/3``, and ``|s1|, |s2| < 1.99``. In the plane
        alone, ``|s1|, |s2| <= 1/2 + 2/3``; a single vector needs no steps.

        Examples
        --------
        >>> lattice = Lattice.of([[10, 0, 0], [23, 8, 0], [0, 0, 0]], pbc=(True, True, False))
        >>> lattice.reduced.tolist()
        [[3.0, 8.0, 0.0], [10.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
        >>> lattice.transform.tolist()
        [[-2, 1, 0], [1, 0, 0], [0, 0, 0]]
        """
        rows = _matrix(matrix)
        periodic = _pbc(pbc)
        axes = [axis for axis in range(3) if periodic[axis]]
        vectors = {axis: tuple(map(Fraction, rows[axis].tolist())) for axis in range(3)}
        for axis in axes:
            _check_length(rows, axis)
        _check_span(rows, [vectors[axis] for axis in axes], "periodic vectors")
        exact, counts = reduce_basis([vectors[axis] for axis in axes])
        transform = np.zeros((3, 3), np.int64)
        for i, numbers in enumerate(counts):
            if max(map(abs, numbers)) > MOST_COUNTS:
                raise SchemaError(f"the lattice {rows.tolist()} is too skewed for float64")
            transform[i, axes] = numbers
        cell = [axis for axis in range(3) if periodic[axis] or rows[axis].any()]
        for axis in cell:
            _check_length(rows, axis)
        _check_span(rows, [vectors[axis] for axis in cell], "vectors")
        fractional = np.zeros((3, 3))
        fractional[cell] = _padded(dual_basis([vectors[axis] for axis in cell]))[: len(cell)]
        steps, reduced = _steps(exact), _padded(exact)
        return Lattice(
            matrix=rows,
            pbc=periodic,
            reduced=reduced,
            dual=_padded(dual_basis(exact)),
            transform=transform,
            neighbours=steps @ reduced,
            steps=steps,
            near=float(dot(exact[0], exact[0]) / 4) if exact else np.inf,
            fractional=fractional,
        )

    @property
    def arrays(self) -> tuple[Floats, Floats, Floats, Counts, Floats, Counts]:
        """What the kernels ask for, in their order."""
        return (
            self.matrix,
            self.reduced,
            self.dual,
            self.transform,
            self.neighbours,
            self.steps,
        )


def _matrix(matrix: Any) -> Floats:
    array = as_numpy(matrix)
    if array.shape != (3, 3) or array.dtype.kind not in "fiu":
        raise SchemaError(
            "a lattice is a matrix of numbers of shape (3, 3), a vector in each row, not "
            f"{array.dtype} of shape {array.shape}"
        )
    rows = array.astype(np.float64, order="C")
    if not np.isfinite(rows).all():
        raise SchemaError(f"the lattice {rows.tolist()} is not finite")
    rows.flags.writeable = False
    return rows


def _pbc(pbc: Any) -> tuple[bool, bool, bool]:
    flags = as_numpy(pbc)
    if flags.shape not in ((), (3,)) or not np.isin(flags, (0, 1)).all():
        raise SchemaError(f"pbc says of three lattice vectors True or False, not {pbc!r}")
    a, b, c = np.broadcast_to(flags, (3,)).astype(np.bool_).tolist()
    return a, b, c


def _check_length(rows: Floats, axis: int) -> None:
    longest = float(np.abs(rows[axis]).max())
    if not 1 / LONGEST <= longest <= LONGEST:
        raise SchemaError(
            f"lattice vector {axis}, {rows[axis].tolist()}, is "
            + ("too long" if longest > 1 else "too short" if longest else "zero")
            + "; pbc=False along it leaves it out" * (longest < 1)
        )


def _check_span(rows: Floats, vectors: Sequence[Vector], which: str) -> None:
    """Check that vectors span a volume, an area or a length that rounding does not explain."""
    gram = gram_matrix(vectors)
    squares = Fraction(1)
    for i in range(len(vectors)):
        squares *= gram[i][i]
    if determinant(gram) <= Fraction(FLAT) ** 2 * squares:
        raise SchemaError(f"the {which} of the lattice {rows.tolist()} are linearly dependent")


def _steps(exact: Sequence[Vector]) -> Counts:
    """Return the steps, in the reduced basis, to where there may be a shorter image."""
    gram = gram_matrix(exact)
    if all(gram[i][j] == 0 for i in range(len(exact)) for j in range(i)):
        return np.zeros((0, 3), np.int64)
    steps = [step for step in product((-1, 0, 1), repeat=len(exact)) if any(step)]
    padded = np.zeros((len(steps), 3), np.int64)
    padded[:, : len(exact)] = steps
    return padded


def _padded(vectors: Sequence[Vector]) -> Floats:
    rows = np.zeros((3, 3))
    for i, vector in enumerate(vectors):
        rows[i] = [float(x) for x in vector]
    return rows
