"""Strings made of those of several columns, as identifiers are: ``"C1-O2"``."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from raggedh5.core.kept import Offsets
from raggedh5.core.string_rows import list_lengths, rows_of_lists
from raggedh5.errors import SchemaError

__all__ = ["Joined", "text_of"]


class Joined:
    """Strings of several columns, which are joined item by item when they are stored.

    Parameters
    ----------
    columns : sequence of lists of lists of str
        One list for each row in every column; those of a row are of one length. The lists stay as
        they are until these are stored.
    separator : str
        What stands between two of them.

    Attributes
    ----------
    columns : list of lists of lists
    separator : str
    lengths : ndarray of int64, shape (rows,)
        Items of each row.

    Raises
    ------
    SchemaError
        If there is no column, a row is no list, or the columns differ in their lengths.

    Examples
    --------
    >>> ids = Joined([[["C1", "C2"], []], [["O1", "O3"], []]], "-")
    >>> len(ids), ids.to_lists()
    (2, [['C1-O1', 'C2-O3'], []])
    """

    def __init__(self, columns: Sequence[Any], separator: str) -> None:
        self.columns = [rows_of_lists(column) for column in columns]
        self.separator = separator
        if not self.columns:
            raise SchemaError("there is no column to join")
        self.lengths: Offsets = list_lengths(self.columns[0])
        for column in self.columns[1:]:
            if not np.array_equal(list_lengths(column), self.lengths):
                raise SchemaError("columns are joined whose rows differ in length")

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.columns[0])

    def __getitem__(self, rows: slice) -> "Joined":
        """Return a run of rows."""
        return Joined([column[rows] for column in self.columns], self.separator)

    def to_lists(self) -> list[list[str | None]]:
        """Return the joined strings of each row.

        Bytes count as UTF-8, other items are written as `str` has them; where one is None, so is
        what it would have been joined to.
        """
        texts = [[list(map(text_of, row)) for row in column] for column in self.columns]
        return [
            [
                None if None in parts else self.separator.join(parts)
                for parts in zip(*row, strict=True)
            ]
            for row in zip(*texts, strict=True)
        ]


def text_of(item: Any) -> str | None:
    """Return what is written for an item that should be a string."""
    if item is None:
        return None
    return item.decode() if isinstance(item, bytes) else str(item)
