"""Count, extremes, mean and deviation of numbers, worked out piece by piece.

Pieces are merged as in Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for
computing sample variances" (1979): https://doi.org/10.1007/978-3-642-51461-6_3. Nothing overflows:
sums of integers are Python's, and floats that are too large or too small to be squared are scaled
by a power of two.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Spread"]

SAFE = 1e-100, 1e100
"""Floats between these can be squared, and 10**100 squares added up."""

LEAST = -2200
"""The scale of zeros, below that of any float: they take that of what they are merged with."""


@dataclass(frozen=True)
class Spread:
    """What is known of some finite numbers.

    ``minimum`` and ``maximum`` are None where there are none. ``total`` is the exact sum of
    integers, None for floats. Of floats ``mean`` is divided by ``2**scale``; the sum of squared
    deviations from the mean, ``squares``, by ``4**scale``.

    Examples
    --------
    >>> parts = Spread.of(np.array([1, 2])), Spread.of(np.array([3, 6, 8]))
    >>> whole = parts[0] + parts[1]
    >>> whole.minimum, whole.maximum, whole.average, round(whole.deviation, 3)
    (1, 8, 4.0, 2.608)
    """

    count: int = 0
    minimum: int | float | None = None
    maximum: int | float | None = None
    mean: float = 0.0
    squares: float = 0.0
    scale: int = LEAST
    total: int | None = None

    @classmethod
    def of(cls, values: NDArray[Any]) -> "Spread":
        """Return that of an array of integers or finite floats; float64 is what it counts in."""
        values = values.reshape(-1)
        if not len(values):
            return cls()
        return _of_floats(values) if values.dtype.kind == "f" else _of_integers(values)

    def __add__(self, other: "Spread") -> "Spread":
        """Return that of the numbers of both."""
        if not self.count or not other.count:
            return self if self.count else other
        count = self.count + other.count
        low = min(_known(self.minimum), _known(other.minimum))
        high = max(_known(self.maximum), _known(other.maximum))
        scale = max(self.scale, other.scale)
        squares = _scaled(self.squares, 2 * (self.scale - scale))
        squares += _scaled(other.squares, 2 * (other.scale - scale))
        weight = self.count * other.count / count
        if self.total is not None and other.total is not None:
            # The means of large integers may differ by less than floats can tell.
            apart = other.total * self.count - self.total * other.count
            delta = apart / (self.count * other.count)
            squares += delta * delta * weight
            return Spread(count, low, high, 0.0, squares, scale, self.total + other.total)
        mean = _scaled(self.mean, self.scale - scale)
        delta = _scaled(other.mean, other.scale - scale) - mean
        mean += delta * (other.count / count)
        return Spread(count, low, high, mean, squares + delta * delta * weight, scale)

    @property
    def average(self) -> float | None:
        """The mean, None where there are no numbers. Of integers it is correctly rounded."""
        if not self.count:
            return None
        return _scaled(self.mean, self.scale) if self.total is None else self.total / self.count

    @property
    def deviation(self) -> float | None:
        """The standard deviation of these numbers, as `numpy.std` has it; None for none."""
        if not self.count:
            return None
        return _scaled(math.sqrt(self.squares / self.count), self.scale)


def _of_floats(values: NDArray[Any]) -> Spread:
    numbers = values.astype(np.float64, copy=False)
    low, high = float(numbers.min()), float(numbers.max())
    largest = max(-low, high)
    scale = 0
    if largest == 0:
        scale = LEAST
    elif not SAFE[0] < largest < SAFE[1]:
        scale = math.frexp(largest)[1]
        numbers = np.ldexp(numbers, -scale)
    mean, squares = _moments(numbers)
    return Spread(len(values), low, high, mean, squares, scale)


def _of_integers(values: NDArray[Any]) -> Spread:
    low, high = int(values.min()), int(values.max())
    if values.dtype.itemsize < 8:
        total = int(values.sum(dtype=np.int64))
        _, squares = _moments(values.astype(np.float64))
    else:
        # Halves of 32 bits: two sums that no array in memory makes overflow.
        upper = int((values >> 32).astype(np.int64).sum())
        total = (upper << 32) + int((values & 0xFFFFFFFF).astype(np.int64).sum())
        # Differences wrap around to what they are without a sign.
        above = values.astype(np.uint64) - np.uint64(low & 0xFFFFFFFFFFFFFFFF)
        _, squares = _moments(above.astype(np.float64))
    return Spread(len(values), low, high, 0.0, squares, 0, total)


def _moments(numbers: NDArray[np.float64]) -> tuple[float, float]:
    """Return the mean and the sum of squared deviations from it."""
    mean = float(numbers.mean())
    apart = numbers - mean
    lost = float(apart.sum())  # what rounding the mean has left
    squares = float(np.square(apart).sum()) - lost * lost / len(numbers)
    return mean + lost / len(numbers), max(squares, 0.0)


def _scaled(number: float, power: int) -> float:
    if not power or not number:
        return number
    try:
        return math.ldexp(number, power)
    except OverflowError:  # by less than a rounding: no deviation is larger than the numbers
        return math.copysign(np.finfo(np.float64).max, number)


def _known(number: int | float | None) -> int | float:
    return 0 if number is None else number
