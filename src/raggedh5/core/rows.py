"""What a user puts between brackets, as row numbers."""

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.arrays import as_numpy

__all__ = ["Rows", "is_single", "row_number", "rows_of"]

Rows = NDArray[np.int64]


def is_single(selection: Any) -> bool:
    """Whether a selection is of one row, and no slice, list or mask of several.

    Examples
    --------
    >>> is_single(3), is_single(np.array(3)), is_single([3]), is_single(slice(3))
    (True, True, False, False)
    """
    if isinstance(selection, (int, np.integer)):
        return True
    return not isinstance(selection, slice) and np.ndim(selection) == 0


def row_number(index: Any, rows: int) -> int:
    """Return a row number counted from 0; negative ones count from the end.

    Raises
    ------
    IndexError
        If there is no such row.
    """
    if isinstance(index, (bool, np.bool_)):
        raise IndexError(f"{index} is no row number; a bool mask has one value for each row")
    number = operator.index(index)
    if not -rows <= number < rows:
        raise IndexError(f"row {number} is out of range for {rows} rows")
    return number + rows if number < 0 else number


def rows_of(selection: Any, rows: int) -> slice | Rows:
    """Return a selection as a slice with step 1, or as row numbers.

    Parameters
    ----------
    selection
        A slice, a list or array of integers, or a bool array (rows,).

    Raises
    ------
    IndexError
        If a row does not exist, or the selection is of another kind.

    Examples
    --------
    >>> rows_of([-1, 0], 3), rows_of([False, True, True], 3), rows_of(slice(1, 9), 3)
    (array([2, 0]), array([1, 2]), slice(1, 3, None))
    """
    if isinstance(selection, slice):
        start, stop, step = selection.indices(rows)
        if step == 1:
            return slice(start, max(start, stop))
        return np.arange(start, stop, step, dtype=np.int64)
    chosen = as_numpy(selection)
    if chosen.dtype == np.bool_:
        if chosen.shape != (rows,):
            raise IndexError(f"a mask of shape {chosen.shape} does not select among {rows} rows")
        return np.flatnonzero(chosen).astype(np.int64, copy=False)
    if chosen.size == 0:
        return np.zeros(0, np.int64)
    if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
        raise IndexError(f"rows are chosen by integers, slices or bool masks, not {selection!r}")
    outside = (chosen < -rows) | (chosen >= rows) if chosen.dtype.kind == "i" else chosen >= rows
    if outside.any():
        raise IndexError(f"row {chosen[outside][0]} is out of range for {rows} rows")
    numbers = chosen.astype(np.int64)
    return np.where(numbers < 0, numbers + rows, numbers)
