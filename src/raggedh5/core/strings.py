"""Strings to UTF-8 bytes with offsets, the form in which a file holds them."""

from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from raggedh5.core.kept import Kept, Offsets
from raggedh5.core.string_source import kept_strings, source_of
from raggedh5.kernels.string_sink import Sink

__all__ = ["encode"]

Bytes = npt.NDArray[np.uint8]
Valid = npt.NDArray[np.bool_]

# Strings of scientific data are short, and a buffer that is too small only grows.
_GUESS_PER_ITEM = 8


@overload
def encode(
    strings: Any,
    *,
    mask: Any = None,
    lengths: Any = None,
    kept: Kept | None = None,
    name: str = "",
    nullable: Literal[False] = False,
) -> tuple[Bytes, Offsets]: ...
@overload
def encode(
    strings: Any,
    *,
    mask: Any = None,
    lengths: Any = None,
    kept: Kept | None = None,
    name: str = "",
    nullable: Literal[True],
) -> tuple[Bytes, Offsets, Valid]: ...
def encode(
    strings: Any,
    *,
    mask: Any = None,
    lengths: Any = None,
    kept: Kept | None = None,
    name: str = "",
    nullable: bool = False,
) -> tuple[Bytes, Offsets] | tuple[Bytes, Offsets, Valid]:
    """Encode the kept strings of a batch as UTF-8, one after the other.

    Parameters
    ----------
    strings : list of str, list of lists of str, or array-like
        Flat strings, one list of strings for each row, or an array of dtype U, S, object or
        StringDType, of shape (items,) or padded (rows, width), with any strides. Bytes count as
        UTF-8. A list is as long as its row, its strings those that are kept; or longer, its
        strings then at the places of a padded row. NumPy drops the NULs at the end of U and S
        items; all others are kept.
    mask : array-like of bool, shape (rows, width), optional
        True where an item is kept.
    lengths : array-like of integers, shape (rows,), optional
        How many items each row keeps, from its first on.
    kept : Kept, optional
        The same, worked out before. Without any of the three, all items are kept.
    name : str
        The column, for messages.
    nullable : bool
        Let None, and nulls of a StringDType array, pass as missing strings.

    Returns
    -------
    data : ndarray of uint8, shape (bytes,)
        A copy.
    offsets : ndarray of int64, shape (items + 1,)
        Starts at 0: item i is ``data[offsets[i]:offsets[i + 1]]``.
    valid : ndarray of bool, shape (items,)
        Only if `nullable`: False where a string is missing, which then has no bytes.

    Raises
    ------
    SchemaError
        Naming the column and the first bad row: an item that is no string, bytes that are not
        UTF-8, a lone surrogate, a null in a column that takes none, or lists or arrays that do
        not fit what is kept.

    Examples
    --------
    >>> data, offsets = encode([["C", "Cl"], [], ["H"]])
    >>> data.tobytes(), offsets
    (b'CClH', array([0, 1, 3, 4]))
    >>> data, offsets = encode(np.array([["C", "Cl"], ["H", ""]]), lengths=[2, 1])
    >>> data.tobytes(), offsets
    (b'CClH', array([0, 1, 3, 4]))
    """
    source = source_of(strings, kept_strings(mask, lengths, kept), name)
    offsets = np.empty(source.items + 1, np.int64)
    valid = np.ones(source.items, np.bool_) if nullable else None
    sink = Sink.of_bytes(
        offsets, None if valid is None else valid.view(np.uint8), _GUESS_PER_ITEM * source.items
    )
    source.put(sink)
    data = sink.take_bytes()
    return (data, offsets) if valid is None else (data, offsets, valid)
