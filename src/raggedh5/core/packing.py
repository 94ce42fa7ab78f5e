"""Copy the kept items of a padded batch to flat values.

The offsets of the rows are worked out once for a batch (`Kept`), and then every column of the
batch is copied by them, straight to where its bytes are wanted: no flat copy of the batch is made
in between.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from raggedh5.core.arrays import as_numpy
from raggedh5.core.casting import check_castable, not_finite, to_dtype
from raggedh5.core.kept import Kept, Offsets, kept_from_lengths, kept_from_mask, longest
from raggedh5.core.row_messages import where
from raggedh5.errors import SchemaError
from raggedh5.kernels.compact import compact

__all__ = ["pack", "pack_into"]

Array = npt.NDArray[Any]

_DONE = -1
_NO_LOOP = -2
_BLOCK_BYTES = 1 << 20


def pack(
    padded: Any, mask: Any = None, lengths: Any = None, dtype: npt.DTypeLike | None = None
) -> tuple[Array, Offsets]:
    """Copy the kept items of a padded array to new flat values.

    Parameters
    ----------
    padded : array-like, shape (rows, width, *inner), any strides
        The batch, its unused places holding anything.
    mask : array-like of bool, shape (rows, width), optional
        True where an item is kept. Give either this or `lengths`.
    lengths : array-like of integers, shape (rows,), optional
        How many items each row keeps, from its first on.
    dtype : dtype, optional
        The dtype of the values, by default that of `padded`.

    Returns
    -------
    values : ndarray, shape (items, *inner), a copy
    offsets : ndarray of int64, shape (rows + 1,)

    Raises
    ------
    SchemaError
        If the arguments do not fit each other, or a kept value does not fit `dtype`.

    Examples
    --------
    >>> values, offsets = pack([[1, 2], [3, 0]], lengths=[2, 1])
    >>> values, offsets
    (array([1, 2, 3]), array([0, 2, 3]))
    """
    array = as_numpy(padded)
    if (mask is None) == (lengths is None):
        raise SchemaError("give either a mask or lengths: they say which items are kept")
    if array.ndim < 2:
        raise SchemaError(f"padded must have shape (rows, width, ...), not {array.shape}")
    kept = kept_from_lengths(lengths, array.shape[1]) if mask is None else kept_from_mask(mask)
    values = np.empty((kept.items, *array.shape[2:]), array.dtype if dtype is None else dtype)
    pack_into(kept, array, (values,))
    return values, kept.offsets


def pack_into(
    kept: Kept,
    padded: Any,
    pieces: Sequence[Array],
    *,
    finite: bool = False,
    name: str = "",
) -> None:
    """Copy the kept items of a padded array to flat pieces, one piece after the other.

    Parameters
    ----------
    kept : Kept
        Which items are kept.
    padded : array-like, shape (rows, width, *inner), any strides
        The batch; (rows, groups, width, *inner) for the inner level of a two-level batch.
    pieces : sequence of ndarray, each of shape (n, *inner), C-contiguous and writable
        Where the items go. All have the dtype to convert to, and together room for
        ``kept.items``, neither more nor less.
    finite : bool
        Refuse NaN and infinity among the kept items.
    name : str
        The column, for messages.

    Raises
    ------
    SchemaError
        Naming the column and the first bad row, if the shape does not fit, a value does not fit
        the dtype of the pieces, or is not finite. The pieces may have been written to by then.
    """
    array = padded if type(padded) is np.ndarray else as_numpy(padded)
    shape = array.shape
    depth = len(kept.shape)
    if shape[:depth] != kept.shape:
        _check_shape(kept, shape, name)
    inner = shape[depth:]
    room = 0
    target = pieces[0].dtype if pieces else None
    for piece in pieces:
        if piece.shape[1:] != inner or piece.dtype != target or not piece.flags.carray:
            _refuse_piece(piece, inner, name)
        room += len(piece)
    if room != kept.items:
        raise SchemaError(f"{where(name)}room for {room} items, but {kept.items} are kept")
    if depth == 3:
        array = array.reshape(shape[0] * shape[1], *shape[2:])
    bad = compact(array, kept.offsets, kept.mask, kept.cells, tuple(pieces), finite)
    if bad == _NO_LOOP:
        _pack_by_blocks(kept, array, pieces, finite, name)
    elif bad != _DONE:
        flat = _flat_rows(kept, array, bad, bad + 1)
        _convert(kept, flat, pieces[0].dtype, bad, finite, name)
        raise SchemaError(f"{where(name, bad)}the mask changed while it was in use")


def _pack_by_blocks(
    kept: Kept, array: Array, pieces: Sequence[Array], finite: bool, name: str
) -> None:
    """Take what the kernel has no loop for through NumPy, a block of rows at a time."""
    target = pieces[0].dtype
    check_castable(array.dtype, target, name)
    step = max(1, _BLOCK_BYTES * len(array) // max(1, array.nbytes))
    for first in range(0, kept.rows, step):
        flat = _flat_rows(kept, array, first, min(first + step, kept.rows))
        flat = _convert(kept, flat, target, first, finite, name)
        for place, part in _overlaps(pieces, int(kept.offsets[first]), flat):
            place[...] = part


def _flat_rows(kept: Kept, array: Array, first: int, last: int) -> Array:
    """Copy the kept items of some rows, in the dtype that they have but in native byte order."""
    rows = slice(first, last) if kept.cells is None else kept.cells[first:last]
    block = np.require(as_numpy(array[rows]), requirements=("C", "A"))
    offsets = kept.offsets[first : last + 1]
    mask = None if kept.mask is None else kept.mask[rows]
    if block.dtype.hasobject:  # references are counted, so that bytes may not be copied
        keep = np.arange(block.shape[1]) < np.diff(offsets)[:, None] if mask is None else mask != 0
        return block[keep]
    flat = np.empty((offsets[-1] - offsets[0], *block.shape[2:]), block.dtype)
    compact(block, offsets, mask, None, (flat,), False)
    return flat


def _convert(
    kept: Kept, flat: Array, target: np.dtype[Any], first: int, finite: bool, name: str
) -> Array:
    """Convert flat values that start with row `first`; refuse what does not fit."""
    converted, lost = (flat, None) if flat.dtype == target else to_dtype(flat, target)
    for bad, reason in (
        (lost, f"does not fit {target}"),
        (not_finite(flat) if finite else None, "is not finite"),
    ):
        if bad is not None and bad.any():
            place = np.unravel_index(int(bad.argmax()), bad.shape)
            item = int(kept.offsets[first]) + int(place[0])
            row = int(np.searchsorted(kept.offsets, item, "right")) - 1
            if kept.cells is not None:
                row = int(kept.cells[row]) // kept.shape[1]
            raise SchemaError(f"{where(name, row)}{flat[place]} {reason}")
    return converted


def _overlaps(pieces: Sequence[Array], start: int, flat: Array) -> Iterator[tuple[Array, Array]]:
    """Pair the flat values from item `start` on with their places in the pieces."""
    done = 0
    for piece in pieces:
        first = start + done
        take = min(len(piece) - first, len(flat) - done) if first < len(piece) else 0
        if take > 0:
            yield piece[first : first + take], flat[done : done + take]
            done += take
        start -= len(piece)


def _refuse_piece(piece: Array, inner: tuple[int, ...], name: str) -> NoReturn:
    if piece.shape[1:] != inner:
        raise SchemaError(f"{where(name)}items have shape {piece.shape[1:]}, not {inner}")
    raise SchemaError(f"{where(name)}pieces must be C-contiguous, writable and of one dtype")


def _check_shape(kept: Kept, shape: tuple[int, ...], name: str) -> None:
    """Refuse a shape that does not begin as the batch does; accept any width where it is open."""
    if kept.width is None and len(shape) > 1 and shape[0] == kept.rows:
        needed = longest(kept.offsets)
        if shape[1] >= needed:
            return
        row = int(np.argmax(kept.lengths > shape[1]))
        raise SchemaError(f"{where(name, row)}{needed} items do not fit a width of {shape[1]}")
    wanted = ", ".join("width" if size < 0 else str(size) for size in kept.shape)
    raise SchemaError(f"{where(name)}shape {shape} does not begin with ({wanted})")
