"""From flat values back to padded rows, and from rows in any order to new flat values."""

from typing import Any

import numpy as np
import numpy.typing as npt

from raggedh5.core.arrays import as_int64
from raggedh5.core.casting import as_fill
from raggedh5.core.kept import ANY_WIDTH, Offsets, check_offsets, kept_from_lengths
from raggedh5.core.rows import rows_of
from raggedh5.errors import SchemaError
from raggedh5.kernels.scatter import first_bad_range, gather_rows, scatter_rows

__all__ = ["gather", "scatter", "scatter_into"]

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


def scatter(
    values: Array,
    offsets: Offsets,
    rows: Any = None,
    width: int | None = None,
    fill: Any = 0,
) -> tuple[Array, Mask]:
    """Copy rows of flat values to a new padded array.

    Parameters
    ----------
    values : ndarray, shape (items, *inner)
        The flat values.
    offsets : ndarray of int64, shape (rows + 1,)
        Where the rows lie in them.
    rows : array-like of integers, optional
        Which rows, in any order and as often as you like; negative ones count from the end. By
        default all.
    width : int, optional
        Items that a padded row has room for, by default those of the longest row.
    fill : scalar or array-like of shape (*inner)
        What goes where there is no item.

    Returns
    -------
    padded : ndarray, shape (rows, width, *inner), a copy
    mask : ndarray of bool, shape (rows, width)
        True where there is an item.

    Raises
    ------
    FormatError
        If the offsets do not fit the values.
    IndexError
        If there is no such row.
    SchemaError
        Naming the first row that is longer than `width`, or if that is negative.

    Examples
    --------
    >>> padded, mask = scatter(np.array([1, 2, 3]), np.array([0, 2, 3]), rows=[1, 0])
    >>> padded
    array([[3, 0],
           [1, 2]])
    """
    check_offsets(offsets, len(values))
    starts, lengths = offsets[:-1], np.diff(offsets)
    if rows is not None:
        chosen = rows_of(rows, len(lengths))
        starts, lengths = starts[chosen], lengths[chosen]
    if width is None:
        width = int(lengths.max(initial=0))
    if width < 0:
        raise SchemaError(f"a width of {width}: rows have room for 0 items or more")
    padded = np.empty((len(lengths), width, *values.shape[1:]), values.dtype)
    mask = np.empty((len(lengths), width), np.bool_)
    scatter_into(values, starts, lengths, padded, mask, fill)
    return padded, mask


def scatter_into(
    values: Array, starts: Offsets, lengths: Offsets, out: Array, mask: Mask, fill: Any = 0
) -> None:
    """Copy ranges of flat values to padded rows that exist already.

    Parameters
    ----------
    values : ndarray, shape (items, *inner)
        The flat values.
    starts, lengths : ndarray of int64, shape (rows,)
        Row i is ``values[starts[i]:starts[i] + lengths[i]]``.
    out : ndarray, shape (rows, width, *inner), C-contiguous, writable, of the dtype of `values`
        Written to altogether.
    mask : ndarray of bool, shape (rows, width), C-contiguous, writable
        Written to altogether: True where there is an item.
    fill : scalar or array-like of shape (*inner)
        What goes where there is no item.

    Raises
    ------
    SchemaError
        If the shapes do not fit, or naming the first row that is longer than `width` or not
        within the values.
    """
    rows = len(starts)
    width = mask.shape[1]
    if (
        starts.shape != (rows,)
        or lengths.shape != (rows,)
        or mask.shape != (rows, width)
        or out.shape != (rows, width, *values.shape[1:])
        or out.dtype != values.dtype
        or mask.dtype != np.bool_
        or not out.flags.carray
        or not mask.flags.carray
    ):
        raise SchemaError(
            f"{rows} rows of {values.dtype} items of shape {values.shape[1:]} do not go to "
            f"{out.dtype} of shape {out.shape} with a {mask.dtype} mask of shape {mask.shape}; "
            "both must be C-contiguous and writable"
        )
    starts, lengths = _ranges(starts, lengths, len(values), width)
    if values.dtype.hasobject:  # references are counted, so that bytes may not be copied
        out[...] = fill
        for row, (start, length) in enumerate(zip(starts, lengths, strict=True)):
            out[row, :length] = values[start : start + length]
        np.less(np.arange(width), lengths[:, None], out=mask)
        return
    item = np.empty(values.shape[1:], values.dtype)
    item[...] = as_fill(fill, values.dtype)
    scatter_rows(np.ascontiguousarray(values), starts, lengths, out, mask, item)


def gather(values: Array, starts: Offsets, stops: Offsets) -> tuple[Array, Offsets]:
    """Copy ranges of flat values, in any order, to new flat values.

    Parameters
    ----------
    values : ndarray, shape (items, *inner)
        The flat values.
    starts, stops : ndarray of int64, shape (rows,)
        Row i is ``values[starts[i]:stops[i]]``; ranges may repeat and overlap.

    Returns
    -------
    values : ndarray, shape (items, *inner), a copy
    offsets : ndarray of int64, shape (rows + 1,)

    Raises
    ------
    SchemaError
        Naming the first row whose range is not within the values; or if there are not as many
        stops as starts.

    Examples
    --------
    >>> gather(np.array([1, 2, 3]), np.array([1, 0]), np.array([3, 1]))
    (array([2, 3, 1]), array([0, 2, 3]))
    """
    if starts.shape != stops.shape:
        raise SchemaError(f"starts of shape {starts.shape} with stops of shape {stops.shape}")
    starts, lengths = _ranges(starts, np.subtract(stops, starts), len(values), ANY_WIDTH)
    kept = kept_from_lengths(lengths)
    out = np.empty((kept.items, *values.shape[1:]), values.dtype)
    if values.dtype.hasobject:
        for row, (start, length) in enumerate(zip(starts, lengths, strict=True)):
            out[kept.offsets[row] : kept.offsets[row + 1]] = values[start : start + length]
    else:
        gather_rows(np.ascontiguousarray(values), starts, lengths, out)
    return out, kept.offsets


def _ranges(
    starts: Offsets, lengths: Offsets, n_values: int, width: int
) -> tuple[Offsets, Offsets]:
    if starts.ndim != 1 or starts.dtype.kind not in "iu" or lengths.dtype.kind not in "iu":
        raise SchemaError(
            f"ranges must be integers of shape (rows,), not {starts.dtype} and {lengths.dtype} of "
            f"shape {starts.shape}"
        )
    starts, lengths = as_int64(starts), as_int64(lengths)
    bad = first_bad_range(starts, lengths, n_values, width)
    if bad >= 0:
        start, length = int(starts[bad]), int(lengths[bad])
        if start >= 0 and 0 <= length <= n_values - start:
            raise SchemaError(f"row {bad}: {length} items do not fit a width of {width}")
        raise SchemaError(
            f"row {bad}: items {start}:{start + length} are not within {n_values} values"
        )
    return starts, lengths
