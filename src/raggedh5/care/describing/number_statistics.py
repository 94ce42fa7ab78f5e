"""Statistics of numbers, bools and complex numbers, in parallel and piece by piece."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.care.describing.spread import Spread
from raggedh5.core.pipeline import Pool

__all__ = ["BoolStatistics", "ComplexStatistics", "NumberStatistics", "NumberTally"]

SHARE = 1 << 17
"""Numbers that are looked at together: they stay in the cache of a core."""

MOST_COMPONENTS = 16
"""Numbers of an inner shape up to which each place has statistics of its own."""


@dataclass(frozen=True)
class NumberStatistics:
    """Statistics of real numbers.

    ``count`` are all that are there. ``minimum`` to ``deviation`` are of the finite ones: floats
    that are NaN or infinite are counted and left out. They are None where there are none.
    ``deviation`` is that of these numbers, not an estimate for others (as `numpy.std`).
    ``components`` are the same for each place of the inner shape, in C order; empty without one,
    and where there are more than 16.
    """

    count: int
    nan: int
    infinite: int
    minimum: int | float | None
    maximum: int | float | None
    mean: float | None
    deviation: float | None
    components: tuple["NumberStatistics", ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return them as objects for `json.dumps`."""
        return {
            "kind": "numbers",
            "count": self.count,
            "nan": self.nan,
            "infinite": self.infinite,
            "min": self.minimum,
            "max": self.maximum,
            "mean": self.mean,
            "std": self.deviation,
            "components": [part.as_dict() for part in self.components],
        }


@dataclass(frozen=True)
class BoolStatistics:
    """How many bools there are, and how many are true."""

    count: int
    true: int

    def as_dict(self) -> dict[str, Any]:
        """Return them as objects for `json.dumps`."""
        return {"kind": "bools", "count": self.count, "true": self.true}


@dataclass(frozen=True)
class ComplexStatistics:
    """How many complex numbers there are, and of how many a part is NaN, or else infinite."""

    count: int
    nan: int
    infinite: int

    def as_dict(self) -> dict[str, Any]:
        """Return them as objects for `json.dumps`."""
        return {
            "kind": "complex",
            "count": self.count,
            "nan": self.nan,
            "infinite": self.infinite,
        }


NOTHING = Spread()


@dataclass(frozen=True)
class Part:
    """What is known of some numbers; parts add up."""

    count: int = 0
    nan: int = 0
    infinite: int = 0
    true: int = 0
    spread: Spread = NOTHING

    def __add__(self, other: "Part") -> "Part":
        return Part(
            self.count + other.count,
            self.nan + other.nan,
            self.infinite + other.infinite,
            self.true + other.true,
            self.spread + other.spread,
        )

    @classmethod
    def of(cls, values: NDArray[Any]) -> "Part":
        """Look at values of shape (n,)."""
        count, kind = len(values), values.dtype.kind
        if kind == "b":
            return cls(count, true=int(np.count_nonzero(values)))
        if kind in "iu":
            return cls(count, spread=Spread.of(values))
        with np.errstate(invalid="ignore", over="ignore"):
            if kind == "f":
                # Rounding and sums want float64; the bits of a NaN do not matter.
                values = values.astype(np.float64, copy=False)
            finite = np.isfinite(values)
            if finite.all():
                return cls(count, spread=Spread.of(values) if kind == "f" else NOTHING)
            nan = int(np.count_nonzero(np.isnan(values)))
        infinite = count - int(np.count_nonzero(finite)) - nan
        return cls(count, nan, infinite, 0, Spread.of(values[finite]) if kind == "f" else NOTHING)

    def numbers(self, components: tuple[NumberStatistics, ...] = ()) -> NumberStatistics:
        """Return the statistics of real numbers."""
        spread = self.spread
        return NumberStatistics(
            self.count,
            self.nan,
            self.infinite,
            spread.minimum,
            spread.maximum,
            spread.average,
            spread.deviation,
            components,
        )


class NumberTally:
    """Adds up the statistics of one column or array.

    Parameters
    ----------
    kind
        That of the dtype: one of b, i, u, f, c.
    inner
        Shape of an item.
    pool
        Threads that share the work.

    Examples
    --------
    >>> tally = NumberTally("f", (2,), Pool(1))
    >>> tally.add(np.array([[1.0, 5.0], [np.nan, 7.0]]))
    >>> found = tally.statistics()
    >>> found.count, found.nan, found.maximum, [part.mean for part in found.components]
    (4, 1, 7.0, [1.0, 6.0])
    """

    def __init__(self, kind: str, inner: tuple[int, ...], pool: Pool) -> None:
        size = math.prod(inner)
        self._kind = kind
        self._split = kind in "iuf" and 1 < size <= MOST_COMPONENTS
        self._pool = pool
        self._parts = [Part() for _ in range(size if self._split else 1)]

    def add(self, values: NDArray[Any]) -> None:
        """Add values of shape (items, *inner)."""
        size = len(self._parts)
        table = values.reshape(-1, size)
        step = max(SHARE // size, 1)
        calls = [
            partial(_look_at, table[first : first + step]) for first in range(0, len(table), step)
        ]
        for parts in self._pool.map(calls):
            self._parts = [old + new for old, new in zip(self._parts, parts, strict=True)]

    def statistics(self) -> NumberStatistics | BoolStatistics | ComplexStatistics:
        """Return what they come to."""
        whole = sum(self._parts, Part())
        if self._kind == "b":
            return BoolStatistics(whole.count, whole.true)
        if self._kind == "c":
            return ComplexStatistics(whole.count, whole.nan, whole.infinite)
        components = tuple(part.numbers() for part in self._parts) if self._split else ()
        return whole.numbers(components)


def _look_at(table: NDArray[Any]) -> list[Part]:
    return [Part.of(np.ascontiguousarray(table[:, i])) for i in range(table.shape[1])]
