"""How long rows, lists or strings are: exact statistics and histograms in little memory.

Lengths are kept as how often there is each. There cannot be many different ones: 1 + 2 + ... + n
items make n of them, so that a million million items have 1.4 million at most.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Histogram", "LengthCounts", "LengthStatistics"]

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Histogram:
    """How many lengths lie in each bin: from ``edges[i]`` up to, but without, ``edges[i + 1]``."""

    edges: tuple[int, ...]
    counts: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as objects for `json.dumps`."""
        return {"edges": list(self.edges), "counts": list(self.counts)}


@dataclass(frozen=True)
class LengthStatistics:
    """Statistics of lengths: of the rows of a table, of the lists of a column.

    ``minimum`` to ``mean`` are None where there is nothing that has a length; ``empty`` are those
    of length 0.
    """

    count: int
    total: int
    empty: int
    minimum: int | None
    median: float | None
    maximum: int | None
    mean: float | None
    histogram: Histogram

    def as_dict(self) -> dict[str, Any]:
        """Return them as objects for `json.dumps`."""
        return {
            "count": self.count,
            "total": self.total,
            "empty": self.empty,
            "min": self.minimum,
            "median": self.median,
            "max": self.maximum,
            "mean": self.mean,
            "histogram": self.histogram.as_dict(),
        }


class LengthCounts:
    """Counts lengths.

    Examples
    --------
    >>> counts = LengthCounts()
    >>> counts.add(np.array([3, 0, 2]))
    >>> counts.add(np.array([2]))
    >>> found = counts.statistics(bins=2)
    >>> found.median, found.mean, found.empty, found.histogram.edges, found.histogram.counts
    (2.0, 1.75, 1, (0, 2, 4), (1, 3))
    """

    def __init__(self) -> None:
        self._lengths: Integers = np.zeros(0, np.int64)
        self._counts: Integers = np.zeros(0, np.int64)

    def add(self, lengths: NDArray[Any]) -> None:
        """Count lengths, which are not negative."""
        if not len(lengths):
            return
        if int(lengths.max()) <= 4 * len(lengths):
            counted = np.bincount(lengths)
            found = np.flatnonzero(counted)
            counts = counted[found]
        else:
            found, counts = np.unique(lengths, return_counts=True)
        self.add_counted(found, counts)

    def add_counted(self, lengths: NDArray[Any], counts: NDArray[Any]) -> None:
        """Count lengths, each as often as `counts` says."""
        both = np.concatenate([self._lengths, lengths.astype(np.int64, copy=False)])
        self._lengths, place = np.unique(both, return_inverse=True)
        merged = np.zeros(len(self._lengths), np.int64)
        np.add.at(merged, place, np.concatenate([self._counts, counts]))
        self._counts = merged

    def statistics(self, bins: int) -> LengthStatistics:
        """Return the statistics, with a histogram of up to `bins` bins of the same width."""
        count = int(self._counts.sum())
        if not count:
            return LengthStatistics(0, 0, 0, None, None, None, None, Histogram((), ()))
        total = sum(
            length * n
            for length, n in zip(self._lengths.tolist(), self._counts.tolist(), strict=True)
        )
        ends = self._counts.cumsum()
        middle = [int(self._lengths[np.searchsorted(ends, k, "right")]) for k in _middle(count)]
        low, high = int(self._lengths[0]), int(self._lengths[-1])
        return LengthStatistics(
            count,
            total,
            int(self._counts[0]) if low == 0 else 0,
            low,
            sum(middle) / 2,
            high,
            total / count,
            self._histogram(low, high, bins),
        )

    def _histogram(self, low: int, high: int, bins: int) -> Histogram:
        width = -(-(high + 1 - low) // bins)
        number = -(-(high + 1 - low) // width)
        counts = np.zeros(number, np.int64)
        np.add.at(counts, (self._lengths - low) // width, self._counts)
        edges = tuple(low + i * width for i in range(number + 1))
        return Histogram(edges, tuple(counts.tolist()))


def _middle(count: int) -> tuple[int, int]:
    """Return the places of the two numbers in the middle of `count` sorted ones."""
    return (count - 1) // 2, count // 2
