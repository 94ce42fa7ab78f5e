"""What a user puts between brackets, as row numbers."""

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rows", "row_number", "rows_of"]

Rows = NDArray[np.int64]


def row_number(index: Any, rows: int) -> int:
    """Return a row number counted from 0; negative ones count from the end.

    Raises
    ------
    IndexError
        If there is no such row.
    """
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
    """
    if isinstance(selection, slice):
        start, stop, step = selection.indices(rows)
        if step == 1:
            return slice(start, max(start, stop))
        return np.arange(start, stop, step, dtype=np.int64)
    chosen = np.asarray(selection)
    if chosen.dtype == np.bool_:
        if chosen.shape != (rows,):
            raise IndexError(f"a mask of shape {chosen.shape} does not select among {rows} rows")
        return np.flatnonzero(chosen).astype(np.int64, copy=False)
    if chosen.size == 0:
        return np.zeros(0, np.int64)
    if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
        raise IndexError(f"rows are chosen by integers, slices or bool masks, not {selection!r}")
    numbers = chosen.astype(np.int64)
    outside = (numbers < -rows) | (numbers >= rows)
    if outside.any():
        raise IndexError(f"row {numbers[outside][0]} is out of range for {rows} rows")
    return np.where(numbers < 0, numbers + rows, numbers)
