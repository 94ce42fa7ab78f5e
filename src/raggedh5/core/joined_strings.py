"""Strings made of those of several columns, as identifiers are: ``"C1-O2"``."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from raggedh5.core.ragged import Ragged
from raggedh5.core.string_decode import decode_array
from raggedh5.core.string_rows import list_lengths, row_offsets, rows_of_lists
from raggedh5.errors import SchemaError
from raggedh5.kernels.joined import put_joined
from raggedh5.kernels.string_sink import Sink

__all__ = ["join_strings"]

_GUESS_PER_ITEM = 12


def join_strings(columns: Sequence[Any], separator: str) -> Ragged | None:
    """Join strings item by item.

    Parameters
    ----------
    columns : sequence of lists of lists of str
        One list for each row in every column; those of a row are of one length.
    separator : str
        What stands between two of them.

    Returns
    -------
    Ragged of StringDType, or None
        The joined strings of each row; None where there is something else than `str` among the
        items, or a lone surrogate.

    Raises
    ------
    SchemaError
        If there is no column, a row is no list, or the columns differ in their lengths.

    Examples
    --------
    >>> join_strings([[["C1", "C2"], []], [["O1", "O3"], []]], "-").to_list()
    [['C1-O1', 'C2-O3'], []]
    """
    rows = [rows_of_lists(column) for column in columns]
    if not rows:
        raise SchemaError("there is no column to join")
    offsets = row_offsets(rows[0])
    for column in rows[1:]:
        if not np.array_equal(list_lengths(column), np.diff(offsets)):
            raise SchemaError("columns are joined whose rows differ in length")
    items = int(offsets[-1])
    ends = np.empty(items + 1, np.int64)
    sink = Sink.of_bytes(ends, None, _GUESS_PER_ITEM * items)
    if not put_joined(sink, rows, separator) or sink.filled != items:
        return None
    return Ragged(decode_array(sink.take_bytes(), ends), offsets)
