"""Statistics of a field, one block of rows after the other."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FieldStatistics", "RunningStatistics"]


@dataclass(frozen=True)
class FieldStatistics:
    """What the values of a field are like.

    Attributes
    ----------
    count, not_finite : int
        Values, and those of them that are NaN or infinite, which the rest leaves out.
    mean, variance, minimum, maximum : float
        Of the finite values; NaN where there is none. Of complex numbers, of their magnitudes.
    mean_square_displacement : float or None
        Of coordinates: mean over the species of the squared distance of the last frame from the
        first, in the unit squared. None where there is no frame, or no species.
    """

    count: int
    not_finite: int
    mean: float
    variance: float
    minimum: float
    maximum: float
    mean_square_displacement: float | None = None


_quiet = np.errstate(over="ignore", under="ignore", invalid="ignore")
"""Any bits may be in a file; what overflows is infinite, and said to be."""


class RunningStatistics:
    """Statistics that grow with every block: mean and variance by the method of Chan et al.

    T. F. Chan, G. H. Golub, R. J. LeVeque: Updating formulae and a pairwise algorithm for computing
    sample variances, 1979.

    Parameters
    ----------
    vectors
        Whether values are coordinates, whose displacement is wanted.
    """

    def __init__(self, vectors: bool) -> None:
        self._vectors = vectors
        self._count = self._finite = 0
        self._mean = self._squares = 0.0
        self._minimum, self._maximum = math.inf, -math.inf
        self._first: NDArray[Any] | None = None
        self._last: NDArray[Any] | None = None

    @_quiet
    def add(self, rows: NDArray[Any]) -> None:
        """Add rows (rows, *shape)."""
        if not rows.size:
            return
        if self._vectors:
            self._first = rows[0].astype(np.float64) if self._first is None else self._first
            self._last = rows[-1].astype(np.float64)
        values = np.abs(rows) if rows.dtype.kind == "c" else rows
        values = np.asarray(values, np.float64).reshape(-1)
        finite = values if np.isfinite(values).all() else values[np.isfinite(values)]
        self._count += values.size
        if not finite.size:
            return
        mean = float(finite.mean())
        squares = float(np.square(finite - mean).sum())
        both = self._finite + finite.size
        apart = mean - self._mean
        self._squares += squares + apart * apart * self._finite * finite.size / both
        self._mean += apart * finite.size / both
        self._finite = both
        self._minimum = min(self._minimum, float(finite.min()))
        self._maximum = max(self._maximum, float(finite.max()))

    def result(self) -> FieldStatistics:
        """Return what has been found."""
        some = self._finite > 0
        return FieldStatistics(
            self._count,
            self._count - self._finite,
            self._mean if some else math.nan,
            self._squares / self._finite if some else math.nan,
            self._minimum if some else math.nan,
            self._maximum if some else math.nan,
            self._displacement(),
        )

    @_quiet
    def _displacement(self) -> float | None:
        if self._first is None or self._last is None:
            return None
        if not self._first.size:
            return None
        apart = (self._last - self._first).reshape(-1, 3)
        return float(np.square(apart).sum(axis=1).mean())
