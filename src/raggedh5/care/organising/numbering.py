"""The values of a key, numbered as they come, and in order at the end."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.care.organising.grouping import Group, Grouping
from raggedh5.errors import SchemaError

__all__ = ["LIMIT", "MISSING", "NAN", "Numbering"]

LIMIT = 100_000
"""Groups that there may be."""

MISSING, NAN = -1, -2
"""Numbers of what has no value, and of what is not a number."""


class Numbering:
    """Numbers values from 0 in the order in which they come.

    Parameters
    ----------
    by
        The key, for messages.
    values
        Values that are numbered already.
    pieces
        Their numbers, row by row.

    Examples
    --------
    >>> numbering = Numbering("z")
    >>> numbering.add(["b", "a", "b"])
    >>> grouping = numbering.finish([Group(value, value, 0) for value in numbering.values])
    >>> [(group.value, group.count) for group in grouping.groups], grouping.codes.tolist()
    ([('a', 1), ('b', 2)], [1, 0, 1])
    """

    def __init__(
        self,
        by: str,
        values: Iterable[Any] = (),
        pieces: Sequence[NDArray[np.int32]] = (),
    ) -> None:
        self._by = by
        self._known = {value: number for number, value in enumerate(values)}
        self._pieces = list(pieces)

    @property
    def values(self) -> list[Any]:
        """The values by their number."""
        return list(self._known)

    def add(self, values: Sequence[Any]) -> None:
        """Take the values of more rows."""
        codes = np.array([self._number(value) for value in values], np.int32)
        self._pieces.append(codes)

    def add_numbers(self, values: NDArray[Any], there: NDArray[np.bool_]) -> None:
        """Take the values of more rows, integers or bools, where they are there."""
        found, inverse = np.unique(values[there], return_inverse=True)
        if len(found) > LIMIT:
            raise self.too_many()
        numbers = np.array([self._number(value) for value in found.tolist()], np.int32)
        codes = np.full(len(values), MISSING, np.int32)
        codes[there] = numbers[inverse]
        self._pieces.append(codes)

    def finish(self, groups: Sequence[Group]) -> Grouping:
        """Return the rows in groups.

        Parameters
        ----------
        groups
            One for each value; those that rows have come in the order of their values, or as they
            are here where those of bins. NaN and what is missing come last.
        """
        counts = np.zeros(len(groups) + 2, np.int64)
        for codes in self._pieces:
            counts += np.bincount(codes + 2, minlength=len(counts))
        order = range(len(groups))
        if not any(group.low is not None or group.high is not None for group in groups):
            order = sorted(order, key=lambda number: groups[number].value)  # type: ignore
        place = np.zeros(len(counts), np.int64)
        used: list[Group] = []
        known = {MISSING + 2: Group(None, None, 0), NAN + 2: Group("nan", float("nan"), 0)}
        for code in [*(number + 2 for number in order), NAN + 2, MISSING + 2]:
            if counts[code]:
                place[code] = len(used)
                group = known[code] if code < 2 else groups[code - 2]
                used.append(dataclasses.replace(group, count=int(counts[code])))
        dtype = np.min_scalar_type(max(len(used) - 1, 0))
        numbers = place.astype(dtype)
        pieces = [numbers[codes + 2] for codes in self._pieces]
        return Grouping(tuple(used), np.concatenate([np.zeros(0, dtype), *pieces]))

    def too_many(self) -> SchemaError:
        """Return the error for too many values."""
        return SchemaError(
            f"{self._by!r} has more than {LIMIT:,} different values, too many for a group each; "
            "give bins to group numbers"
        )

    def _number(self, value: Any) -> int:
        number = self._known.setdefault(value, len(self._known))
        if number >= LIMIT:
            raise self.too_many()
        return number
