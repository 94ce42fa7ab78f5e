"""Lists of lists of strings: their own row lengths, and whether they fit a batch's."""

from typing import Any

import numpy as np
import numpy.typing as npt

from raggedh5.core.kept import Kept, Offsets
from raggedh5.errors import SchemaError

__all__ = [
    "fit_rows",
    "is_nested",
    "list_lengths",
    "row_offsets",
    "rows_of_lists",
]


LISTS = {list, tuple}


def is_nested(strings: Any) -> bool:
    """Tell a list of lists (or of arrays) from a flat list by its first item."""
    return len(strings) > 0 and isinstance(strings[0], (list, tuple, np.ndarray))


def list_lengths(rows: list[Any]) -> Offsets:
    """Return the length of each list, int64 (rows,)."""
    return np.fromiter(map(len, rows), np.int64, len(rows))


def rows_of_lists(strings: Any, name: str = "") -> list[Any]:
    """Return the rows as a list of lists or tuples: themselves, or copies of rows that are arrays.

    Raises
    ------
    SchemaError
        Naming the first row that is neither.
    """
    rows = strings if type(strings) is list else list(strings)
    if LISTS.issuperset(map(type, rows)):
        return rows
    rows = [row.tolist() if isinstance(row, np.ndarray) else row for row in rows]
    for i, row in enumerate(rows):
        if not isinstance(row, (list, tuple)):
            raise SchemaError(
                f"{_at(name, i)}: a list of strings is wanted, not {type(row).__name__}"
            )
    return rows


def row_offsets(strings: Any, name: str = "") -> Offsets:
    """Return the offsets of a list of lists of strings, by their own lengths.

    Parameters
    ----------
    strings : list of lists, tuples or 1-D arrays
        One for each row.
    name : str
        The column, for messages.

    Returns
    -------
    ndarray of int64, shape (rows + 1,)

    Raises
    ------
    SchemaError
        Naming the first row that is no list.

    Examples
    --------
    >>> row_offsets([["C", "H"], [], ["O"]])
    array([0, 2, 2, 3])
    """
    rows = rows_of_lists(strings, name)
    offsets = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(list_lengths(rows), out=offsets[1:])
    return offsets


def fit_rows(
    rows: list[Any], kept: Kept, name: str
) -> tuple[npt.NDArray[np.uint8] | None, Offsets | None]:
    """Say how lists of strings are to be read by what is kept of a padded batch.

    A list of just the kept strings is taken whole. A longer one has its strings at the places of
    the padded row, as far as it goes.

    Parameters
    ----------
    rows : list of lists or tuples
        One for each kept row, or one for each row of the padded batch.
    kept : Kept
        What is kept.
    name : str
        The column, for messages.

    Returns
    -------
    mask : ndarray of uint8, shape (rows, width), or None
        None where the first strings of each list are those that are kept.
    cells : ndarray of int64, shape (kept rows,), or None
        Where the list of each kept row is; None where row i is at i.

    Raises
    ------
    SchemaError
        Naming the first row whose list is too short for what is kept, or too long for the width.
    """
    cells, mask = kept.cells, kept.mask
    if cells is not None and len(rows) == kept.rows:
        mask = None if mask is None else mask[cells]
        cells = None
    elif cells is not None:
        _check_count(len(rows), kept.shape[0] * kept.shape[1], name)
    else:
        _check_count(len(rows), kept.rows, name)
    lengths = list_lengths(rows)
    if cells is not None:
        lengths = lengths[cells]
    wanted = kept.lengths
    if np.array_equal(lengths, wanted):  # the usual case
        return None, cells
    _refuse_first(lengths < wanted, lengths, wanted, name)
    if kept.width is not None and (lengths > kept.width).any():
        row = int((lengths > kept.width).argmax())
        raise SchemaError(
            f"{_at(name, row)}: {lengths[row]} strings do not fit a width of {kept.width}"
        )
    if mask is None:
        return None, cells
    whole = lengths == wanted
    own = mask if cells is None else mask[cells]
    places = own.shape[1] - own[:, ::-1].astype(np.bool_).argmax(axis=1)
    _refuse_first(~whole & (wanted > 0) & (lengths < places), lengths, wanted, name)
    if not whole.any():
        return mask, cells
    own = np.where(whole[:, None], np.arange(own.shape[1]) < lengths[:, None], own != 0)
    if cells is None:
        return own.view(np.uint8), None
    mixed = mask.copy()
    mixed[cells] = own
    return mixed, cells


def _check_count(rows: int, wanted: int, name: str) -> None:
    if rows != wanted:
        column = f"column {name!r}: " if name else ""
        raise SchemaError(f"{column}{rows} lists of strings, but the batch has {wanted} rows")


def _refuse_first(bad: npt.NDArray[np.bool_], lengths: Offsets, wanted: Offsets, name: str) -> None:
    if bad.any():
        row = int(bad.argmax())
        have = f"{lengths[row]} string{'s' * int(lengths[row] != 1)}"
        keep = "1 item is kept" if wanted[row] == 1 else f"{wanted[row]} items are kept"
        raise SchemaError(f"{_at(name, row)}: {have}, but {keep}")


def _at(name: str, row: int) -> str:
    return f"column {name!r}, row {row}" if name else f"row {row}"
