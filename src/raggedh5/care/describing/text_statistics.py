"""Statistics of strings, piece by piece: how long they are, how many different ones there are."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.care.describing.length_statistics import LengthCounts
from raggedh5.core.dictionary import Dictionary
from raggedh5.errors import SchemaError

__all__ = ["DISTINCT", "FREQUENT", "TextStatistics", "TextTally"]

DISTINCT = 100_000
"""Different strings up to which those of a column without a dictionary are counted."""

DISTINCT_BYTES = 1 << 26
"""Bytes of such strings that are kept to tell them from others."""

FREQUENT = 5
"""How many of the most frequent strings are named."""


@dataclass(frozen=True)
class TextStatistics:
    """Statistics of strings; lengths are in characters (Unicode code points).

    ``distinct`` is None where there are more than ``distinct_more_than`` different ones, which is
    None otherwise; ``frequent`` is empty then. Of as frequent ones, the first in the order of
    their code points come first.
    """

    count: int
    empty: int
    shortest: int | None
    longest: int | None
    mean_length: float | None
    distinct: int | None
    distinct_more_than: int | None
    frequent: tuple[tuple[str, int], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return them as objects for `json.dumps`."""
        return {
            "kind": "strings",
            "count": self.count,
            "empty": self.empty,
            "shortest": self.shortest,
            "longest": self.longest,
            "mean_length": self.mean_length,
            "distinct": self.distinct,
            "distinct_more_than": self.distinct_more_than,
            "frequent": [{"value": value, "count": count} for value, count in self.frequent],
        }


class TextTally:
    """Adds up the statistics of a column of strings.

    Examples
    --------
    >>> tally = TextTally()
    >>> tally.add(np.array(["H", "He", "H"], np.dtypes.StringDType()))
    >>> found = tally.statistics()
    >>> found.distinct, found.longest, found.frequent
    (2, 2, (('H', 2), ('He', 1)))
    """

    def __init__(self) -> None:
        self._lengths = LengthCounts()
        self._strings: Dictionary | None = Dictionary(limit=DISTINCT)
        self._bytes = 0
        self._more_than = 0
        self._counts: NDArray[np.int64] = np.zeros(0, np.int64)

    def add(self, strings: NDArray[Any]) -> None:
        """Add strings, an array of StringDType, none of them missing."""
        self._lengths.add(np.strings.str_len(strings))
        if self._strings is None:
            return
        known = len(self._strings)
        try:
            codes = self._strings.encode(strings)
        except SchemaError:  # there are more than it may hold
            self._strings, self._more_than = None, DISTINCT
            return
        self._bytes += len(self._strings.since(known)[0])
        if self._bytes > DISTINCT_BYTES:
            self._strings, self._more_than = None, known
            return
        counts = np.zeros(len(self._strings), np.int64)
        counts[:known] = self._counts
        self._counts = counts + np.bincount(codes, minlength=len(counts))

    def add_counted(self, strings: NDArray[Any], counts: NDArray[np.int64]) -> None:
        """Add all the strings of a column at once: those of its dictionary, and how often each is.

        They need not be different, nor be there at all.
        """
        there = counts > 0
        strings, counts = strings[there], counts[there]
        lengths = np.strings.str_len(strings)
        self._lengths.add_counted(lengths, counts)
        self._strings = Dictionary()
        codes = self._strings.encode(strings)
        self._counts = np.zeros(len(self._strings), np.int64)
        np.add.at(self._counts, codes, counts)

    def statistics(self) -> TextStatistics:
        """Return what they come to."""
        lengths = self._lengths.statistics(1)
        distinct = None if self._strings is None else len(self._strings)
        return TextStatistics(
            lengths.count,
            lengths.empty,
            lengths.minimum,
            lengths.maximum,
            lengths.mean,
            distinct,
            None if distinct is not None else self._more_than,
            self._frequent(),
        )

    def _frequent(self) -> tuple[tuple[str, int], ...]:
        if self._strings is None or not len(self._strings):
            return ()
        counts = self._counts
        least = np.sort(counts)[-min(FREQUENT, len(counts))]
        names = self._strings.categories
        found = [(names[i], int(counts[i])) for i in np.flatnonzero(counts >= least).tolist()]
        found.sort(key=lambda pair: (-pair[1], pair[0]))
        return tuple(found[:FREQUENT])
