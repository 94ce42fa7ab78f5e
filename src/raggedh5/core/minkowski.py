"""Reduced bases of lattices in one, two or three dimensions, in exact arithmetic.

The greedy algorithm of Nguyen and Stehlé (Low-dimensional lattice basis reduction revisited, ACM
Transactions on Algorithms 5, 46, 2009), which is Semaev's (A 3-dimensional lattice reduction
algorithm, LNCS 2146, 181, 2001) in three dimensions and Gauss' in two. Floating-point numbers are
fractions, so that nothing is rounded, however skewed a cell is: the reduced basis is one of the
very lattice that was given, and every step shortens a vector, so that there is an end.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import product

__all__ = ["Vector", "determinant", "dot", "dual_basis", "gram_matrix", "reduce_basis"]

Vector = tuple[Fraction, ...]


def reduce_basis(vectors: Sequence[Vector]) -> tuple[list[Vector], list[tuple[int, ...]]]:
    """Return a Minkowski-reduced basis, and how many of the vectors given make up each of its own.

    Parameters
    ----------
    vectors : sequence of up to three vectors
        Linearly independent.

    Returns
    -------
    reduced : list of vectors
        As many, from the shortest to the longest: each is the shortest one that makes a basis with
        those before it.
    counts : list of tuples of int
        ``reduced[i]`` is the sum of ``counts[i][j] * vectors[j]``.

    Examples
    --------
    >>> a, b = (Fraction(1), Fraction(0)), (Fraction(7), Fraction(1))
    >>> reduced, counts = reduce_basis([a, b])
    >>> counts
    [(1, 0), (-7, 1)]
    """
    units = [[int(i == j) for j in range(len(vectors))] for i in range(len(vectors))]
    reduced = _greedy([_Row(v, tuple(unit)) for v, unit in zip(vectors, units, strict=True)])
    return [row.vector for row in reduced], [row.counts for row in reduced]


def dual_basis(vectors: Sequence[Vector]) -> list[Vector]:
    """Return the vectors in the span of a basis whose dot products with it are 1 or 0.

    Dotted with the i-th of them, a vector gives its i-th coordinate in that basis; what of it is
    perpendicular to the span does not count.
    """
    gram = gram_matrix(vectors)
    whole = determinant(gram)
    dual = []
    for i in range(len(vectors)):
        # Divided by the determinant, the cofactors are the inverse of the Gram matrix.
        cofactors = [
            (-1) ** (i + j) * determinant(_without(gram, i, j)) for j in range(len(vectors))
        ]
        dual.append(_sum(cofactors, vectors, whole))
    return dual


def gram_matrix(vectors: Sequence[Vector]) -> list[list[Fraction]]:
    """Return the dot products of vectors with each other."""
    return [[dot(a, b) for b in vectors] for a in vectors]


def determinant(matrix: Sequence[Sequence[Fraction]]) -> Fraction:
    """Return the determinant of a small matrix, 1 for one without rows."""
    if not matrix:
        return Fraction(1)
    minors = (determinant(_without(matrix, 0, j)) for j in range(len(matrix)))
    terms = ((-1) ** j * matrix[0][j] * minor for j, minor in enumerate(minors))
    return sum(terms, Fraction(0))


def dot(a: Vector, b: Vector) -> Fraction:
    """Return the dot product of two vectors."""
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


class _Row:
    """A lattice vector, its square, and the counts of basis vectors in it."""

    __slots__ = ("counts", "square", "vector")

    def __init__(self, vector: Vector, counts: tuple[int, ...]) -> None:
        self.vector = vector
        self.counts = counts
        self.square = dot(vector, vector)

    def less(self, times: Sequence[int], rows: Sequence["_Row"]) -> "_Row":
        """Return this row less so many times each of others."""
        vector, counts = self.vector, self.counts
        for n, row in zip(times, rows, strict=True):
            vector = tuple(x - n * y for x, y in zip(vector, row.vector, strict=True))
            counts = tuple(x - n * y for x, y in zip(counts, row.counts, strict=True))
        return _Row(vector, counts)


def _greedy(basis: list[_Row]) -> list[_Row]:
    while len(basis) > 1:
        *shorter, longest = sorted(basis, key=lambda row: row.square)
        shorter = _greedy(shorter)
        basis = [*shorter, _less_the_closest(longest, shorter)]
        if basis[-1].square >= basis[-2].square:
            break
    return basis


def _less_the_closest(row: _Row, reduced: list[_Row]) -> _Row:
    """Take from a vector the closest one of a lattice with one or two reduced basis vectors.

    In a reduced basis that is where the coordinates round to, or one of the neighbours.
    """
    dual = dual_basis([other.vector for other in reduced])
    rounded = row.less([round(dot(row.vector, direction)) for direction in dual], reduced)
    if len(reduced) == 1:
        return rounded
    steps = sorted(product((-1, 0, 1), repeat=len(reduced)), key=any)
    return min((rounded.less(step, reduced) for step in steps), key=lambda other: other.square)


def _without(matrix: Sequence[Sequence[Fraction]], i: int, j: int) -> list[list[Fraction]]:
    return [
        [value for column, value in enumerate(row) if column != j]
        for at, row in enumerate(matrix)
        if at != i
    ]


def _sum(factors: Sequence[Fraction], vectors: Sequence[Vector], divisor: Fraction) -> Vector:
    return tuple(
        sum((f * v[axis] for f, v in zip(factors, vectors, strict=True)), Fraction(0)) / divisor
        for axis in range(len(vectors[0]))
    )
