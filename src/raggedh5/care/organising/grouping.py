"""Rows in groups: a value for each group, and the number of its group for each row."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["Group", "Grouping"]

ROWS = 1 << 22
"""Row numbers that are sorted together."""

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Group:
    """The rows that have one value.

    ``label`` is the value as text, None where it is missing. ``value`` is the value itself: for
    bins the label. ``low`` and ``high`` are the edges of a bin, None where it has no such.
    """

    label: str | None
    value: str | int | bool | float | None
    count: int
    low: int | float | None = None
    high: int | float | None = None


class Grouping:
    """All rows of a table in groups.

    Parameters
    ----------
    groups
        The groups in their order; each has rows.
    codes
        The number of its group for each row: shape (rows,), of an unsigned dtype.

    Examples
    --------
    >>> groups = Group("a", "a", 1), Group("b", "b", 2)
    >>> grouping = Grouping(groups, np.array([1, 0, 1], np.uint8))
    >>> [(number, rows.tolist()) for number, rows in grouping.rows_of_groups()]
    [(0, [1]), (1, [0, 2])]
    """

    def __init__(self, groups: tuple[Group, ...], codes: NDArray[np.unsignedinteger]) -> None:
        self.groups = groups
        self.codes = codes

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.codes)

    @cached_property
    def starts(self) -> Indices:
        """Where each group begins among the rows in their new order; shape (groups + 1,)."""
        counts = np.array([group.count for group in self.groups], np.int64)
        return np.concatenate([np.zeros(1, np.int64), counts.cumsum()])

    def order(self) -> Iterator[Indices]:
        """Go through the numbers of all rows, group by group, and in each from the first on.

        They come in pieces of about 4 million. The rows are looked through once for each, so that
        memory does not grow with them.
        """
        for _, _, rows in self._runs():
            yield rows

    def rows_of_groups(self) -> Iterator[tuple[int, Indices]]:
        """Go through the groups with the numbers of their rows; a large one in several pieces."""
        for first, last, rows in self._runs():
            ends = self.starts[first + 1 : last] - self.starts[first]
            yield from enumerate(np.split(rows, ends), first)

    def _runs(self) -> Iterator[tuple[int, int, Indices]]:
        """Go through runs of groups first:last with their rows, or parts of the rows of one."""
        first, number = 0, len(self.groups)
        while first < number:
            # As many groups as have ROWS rows together, but one at least.
            last = int(np.searchsorted(self.starts, self.starts[first] + ROWS, "right")) - 1
            last = min(max(last, first + 1), number)
            if last == first + 1:
                for rows in self._pieces(first, last):
                    yield first, last, rows
            else:
                rows = np.concatenate(list(self._pieces(first, last)))
                yield first, last, rows[np.argsort(self.codes[rows], kind="stable")]
            first = last

    def _pieces(self, first: int, last: int) -> Iterator[Indices]:
        """Go through the numbers of the rows in groups first:last."""
        for start in range(0, self.rows, ROWS):
            codes = self.codes[start : start + ROWS]
            found = np.flatnonzero((codes >= first) & (codes < last))
            if len(found):
                yield found + start
