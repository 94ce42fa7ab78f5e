"""Which items of a padded batch are kept: worked out once, used for every column of the batch."""

from typing import Any

import numpy as np
import numpy.typing as npt

from raggedh5.core.arrays import as_int64, as_numpy
from raggedh5.errors import FormatError, SchemaError
from raggedh5.kernels.offsets import (
    first_bad_offset,
    longest_row,
    offsets_from_lengths,
    offsets_from_mask,
)

__all__ = [
    "ANY_WIDTH",
    "Kept",
    "check_offsets",
    "kept_from_lengths",
    "kept_from_mask",
    "kept_groups",
    "longest",
]

Offsets = npt.NDArray[np.int64]

ANY_WIDTH = 2**63 - 1


class Kept:
    """The kept items of a padded batch of shape (rows, width, ...).

    Attributes
    ----------
    rows : int
        Rows that are kept, empty ones included.
    width : int or None
        Items that a padded row has room for; None where only lengths are known, and any width of
        at least the longest row will do.
    offsets : ndarray of int64, shape (rows + 1,)
        Starts at 0: row i owns ``offsets[i]:offsets[i + 1]`` of the flat values.
    items : int
        Kept items altogether, ``offsets[-1]``.
    mask : ndarray of uint8, shape (padded rows, width), any strides, or None
        Nonzero where an item is kept: a view of the caller's memory. None where every row keeps its
        first items, so that the offsets say it all.
    cells : ndarray of int64, shape (rows,), or None
        For the inner level of a two-level batch: where row i lies in the padded array, whose first
        two axes count as one. None where row i lies at i.
    shape : tuple of int
        The first axes that a padded array must have: ``(rows, width)``, or ``(rows, groups,
        width)`` of the whole batch at the inner level. Ends with -1 where the width is open.
    """

    __slots__ = ("cells", "items", "mask", "offsets", "rows", "shape", "width")

    def __init__(
        self,
        offsets: Offsets,
        width: int | None,
        mask: npt.NDArray[np.uint8] | None = None,
        cells: Offsets | None = None,
        shape: tuple[int, ...] | None = None,
    ) -> None:
        self.offsets = offsets
        self.rows = len(offsets) - 1
        self.items = int(offsets[-1])
        self.width = width
        self.mask = mask
        self.cells = cells
        self.shape = (self.rows, -1 if width is None else width) if shape is None else shape

    @property
    def lengths(self) -> Offsets:
        """Items of each row, int64 (rows,), a new array."""
        return self.offsets[1:] - self.offsets[:-1]

    def part(self, rows: slice) -> "Kept":
        """Return what is kept of a run of rows, where offsets say it all."""
        offsets = self.offsets[rows.start : rows.stop + 1]
        return Kept(offsets - offsets[0], self.width)

    def __repr__(self) -> str:
        """Say how much of the batch is kept."""
        return f"Kept(rows={self.rows}, items={self.items}, width={self.width})"


def kept_from_mask(mask: Any) -> Kept:
    """Work out what a mask keeps.

    Parameters
    ----------
    mask : array-like of bool or uint8, shape (rows, width), any strides
        True (nonzero) where an item is kept.

    Returns
    -------
    Kept
        Holds a view of `mask` where some row is not a prefix, and nothing of it otherwise.

    Raises
    ------
    SchemaError
        If `mask` has another dtype or number of axes.

    Examples
    --------
    >>> kept_from_mask([[True, True], [False, True]]).offsets
    array([0, 2, 3])
    """
    mask = _mask_array(mask, 2)
    rows, width = mask.shape
    offsets = np.empty(rows + 1, np.int64)
    if offsets_from_mask(mask, offsets):
        return Kept(offsets, width)
    return Kept(offsets, width, mask.view(np.uint8))


def kept_from_lengths(lengths: Any, width: int | None = None) -> Kept:
    """Work out what lengths keep: the first ``lengths[i]`` items of row i.

    Parameters
    ----------
    lengths : array-like of an integer dtype, shape (rows,)
        How many items each row keeps.
    width : int, optional
        How many items a padded row has room for.

    Raises
    ------
    SchemaError
        If a length is negative or more than `width`, or if `lengths` is not a list of integers.

    Examples
    --------
    >>> kept_from_lengths([2, 0, 3], width=3).offsets
    array([0, 2, 2, 5])
    """
    counts = as_numpy(lengths)
    if counts.ndim != 1 or (counts.dtype.kind not in "iu" and counts.size):
        raise SchemaError(
            f"lengths must be integers of shape (rows,), not {counts.dtype} of shape {counts.shape}"
        )
    if counts.dtype == np.uint64:
        # What passes int64 becomes the largest of them, which no width or total has room for.
        counts = np.minimum(counts, np.uint64(ANY_WIDTH))
    counts = as_int64(counts)
    offsets = np.empty(len(counts) + 1, np.int64)
    bad = offsets_from_lengths(counts, ANY_WIDTH if width is None else width, offsets)
    if bad >= 0:
        reason = "is negative" if counts[bad] < 0 else "is too long"
        room = "" if width is None else f" for a width of {width}"
        raise SchemaError(f"row {bad}: length {counts[bad]} {reason}{room}")
    return Kept(offsets, width)


def kept_groups(mask: Any, groups: Any = None) -> tuple[Kept, Kept]:
    """Work out what a two-level mask keeps: groups in rows, and items in groups.

    Parameters
    ----------
    mask : array-like of bool or uint8, shape (rows, groups, items)
        True where an item is kept.
    groups : array-like of bool or uint8, shape (rows, groups), optional
        True where a group is kept, empty or not. By default, where any of its items is.

    Returns
    -------
    outer : Kept
        The groups of each row; its `items` are groups. Packs columns with one value a group.
    inner : Kept
        The items of each kept group; its `rows` are the kept groups. Packs columns of shape
        (rows, groups, items, ...).

    Raises
    ------
    SchemaError
        If a mask has the wrong dtype or shape, or an item is kept in a group that is not.

    Examples
    --------
    >>> outer, inner = kept_groups([[[True, False], [True, True]], [[False, False]] * 2])
    >>> outer.offsets, inner.offsets
    (array([0, 2, 2]), array([0, 1, 3]))
    """
    mask = _mask_array(mask, 3)
    rows, width, items = mask.shape
    folded = mask.reshape(rows * width, items)
    counts = np.empty(rows * width + 1, np.int64)
    every_prefix = offsets_from_mask(folded, counts)
    lengths = np.diff(counts)
    if groups is None:
        kept = (lengths > 0).reshape(rows, width)
    else:
        kept = _mask_array(groups, 2).astype(np.bool_)
        if kept.shape != (rows, width):
            raise SchemaError(f"the mask has {rows} x {width} groups, not {kept.shape}")
        stray = np.flatnonzero((lengths > 0) & ~kept.ravel())
        if len(stray):
            row, group = divmod(int(stray[0]), width)
            raise SchemaError(f"row {row}: group {group} is not kept, but some of its items are")
    cells = np.flatnonzero(kept).astype(np.int64, copy=False)
    offsets = np.zeros(len(cells) + 1, np.int64)
    np.cumsum(lengths[cells], out=offsets[1:])
    inner_mask = None if every_prefix else folded.view(np.uint8)
    return kept_from_mask(kept), Kept(offsets, items, inner_mask, cells, mask.shape)


def check_offsets(offsets: Offsets, n_values: int) -> None:
    """Make sure that offsets can be followed into `n_values` values.

    Parameters
    ----------
    offsets : ndarray of int64, shape (rows + 1,)
        Must start at 0, never fall, and end within `n_values`.
    n_values : int
        How many values there are.

    Raises
    ------
    FormatError
        Naming the first bad row.

    Examples
    --------
    >>> check_offsets(np.array([0, 2, 1]), 5)
    Traceback (most recent call last):
    raggedh5.errors.FormatError: row 1: offsets 2:1 do not fit 5 values
    """
    if offsets.ndim != 1 or len(offsets) == 0 or offsets.dtype != np.int64:
        raise FormatError(
            f"offsets must be int64 of shape (rows + 1,), not {offsets.dtype} of {offsets.shape}"
        )
    bad = first_bad_offset(as_int64(offsets), n_values)
    if bad >= 0:
        bounds = ":".join(str(bound) for bound in offsets[bad : bad + 2])
        raise FormatError(f"row {bad}: offsets {bounds} do not fit {n_values} values")


def longest(offsets: Offsets) -> int:
    """Return the most items that any row owns, 0 where there is no row."""
    return longest_row(as_int64(offsets))


def _mask_array(mask: Any, axes: int) -> npt.NDArray[Any]:
    array = mask if type(mask) is np.ndarray else as_numpy(mask)
    if array.ndim != axes or (array.dtype != np.bool_ and array.dtype != np.uint8):
        wanted = "(rows, width)" if axes == 2 else "(rows, groups, items)"
        raise SchemaError(
            f"the mask must be bool of shape {wanted}, not {array.dtype} of shape {array.shape}"
        )
    return array
