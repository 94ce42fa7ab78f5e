"""Numbers into bins: their edges, their labels, and which number is in which."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.errors import SchemaError

__all__ = ["MOST_BINS", "Bins", "bins_between", "bins_of"]

MOST_BINS = 100_000


@dataclass(frozen=True)
class Bins:
    """Bins between edges: each from its lower edge up to, but without, the upper one.

    The last one has its upper edge, too, as in `numpy.histogram`. What lies outside has the number
    -1 below the first edge, and as many as there are bins above the last.
    """

    edges: tuple[int | float, ...]

    def __len__(self) -> int:
        return len(self.edges) - 1

    def of(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Return the number of the bin of each value, none of which is NaN."""
        edges: NDArray[Any] = np.array(self.edges)
        if edges.dtype.kind != "i" or values.dtype.kind == "f" or values.dtype == np.uint64:
            edges, values = edges.astype(np.float64), values.astype(np.float64)
        found = np.searchsorted(edges, values, "right") - 1
        found[values == edges[-1]] = len(self) - 1
        return found.astype(np.int64, copy=False)

    def label(self, number: int) -> str:
        """Return what a bin is called, as ``"[0.5,1)"``; ``"<0.5"`` and ``">1"`` for outside.

        Examples
        --------
        >>> [Bins((0, 5, 10)).label(i) for i in (-1, 0, 1, 2)]
        ['<0', '[0,5)', '[5,10]', '>10']
        """
        shown = self._shown
        if number < 0:
            return f"<{shown[0]}"
        if number >= len(self):
            return f">{shown[-1]}"
        end = "]" if number == len(self) - 1 else ")"
        return f"[{shown[number]},{shown[number + 1]}{end}"

    @cached_property
    def _shown(self) -> list[str]:
        """Return the edges as text, with no more digits than tell them apart."""
        for digits in range(6, 17):
            shown = [
                str(edge) if isinstance(edge, int) else f"{edge:.{digits}g}" for edge in self.edges
            ]
            if len(set(shown)) == len(set(self.edges)):
                return shown
        return [repr(edge) for edge in self.edges]


def bins_of(edges: Sequence[int | float]) -> Bins:
    """Return bins between edges that a user gives.

    Raises
    ------
    SchemaError
        If there are fewer than two, or they do not rise, or are not finite.
    """
    numbers = [int(edge) if isinstance(edge, (int, np.integer)) else float(edge) for edge in edges]
    if len(numbers) < 2 or not all(
        math.isfinite(a) and math.isfinite(b) and a < b for a, b in pairwise(numbers)
    ):
        raise SchemaError(f"bins are a number, or two rising edges or more, not {list(edges)}")
    if any(isinstance(edge, int) and not -(2**63) <= edge < 2**63 for edge in numbers):
        raise SchemaError("edges of bins are numbers of 64 bits")
    return _checked(Bins(tuple(numbers)))


def bins_between(low: int | float, high: int | float, number: int) -> Bins:
    """Return `number` bins of the same width that hold the numbers from `low` to `high`.

    Bins of integers are whole, so that there may be fewer.

    Examples
    --------
    >>> bins_between(4, 12, 3).edges, bins_between(0.0, 1.0, 2).edges, bins_between(3, 3, 5).edges
    ((4, 7, 10, 13), (0.0, 0.5, 1.0), (3, 4))
    """
    if number < 1:
        raise SchemaError(f"there is 1 bin or more, not {number}")
    if isinstance(low, int) and isinstance(high, int):
        width = -(-(high + 1 - low) // number)
        count = -(-(high + 1 - low) // width)
        return _checked(Bins(tuple(low + i * width for i in range(count + 1))))
    # The difference of two large floats may be none.
    part = 4.0 if max(-low, high) > 1e300 else 1.0
    edges = np.linspace(low / part, high / part, min(number, MOST_BINS + 1) + 1)[1:-1] * part
    rising = np.unique([low, *np.clip(edges, low, high), high]).tolist()
    return _checked(Bins(tuple(rising if len(rising) > 1 else rising * 2)))


def _checked(bins: Bins) -> Bins:
    if len(bins) > MOST_BINS:
        raise SchemaError(f"{len(bins):,} bins are more than {MOST_BINS:,}")
    return bins
