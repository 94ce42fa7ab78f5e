"""Strings to UTF-8 bytes with offsets, the form in which a file holds them."""

from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from raggedh5.core.kept import Kept, Offsets
from raggedh5.core.string_source import kept_strings, source_of
from raggedh5.kernels.string_sink import Sink

__all__ = ["Encoding", "encode"]

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
    encoding = Encoding(strings, kept_strings(mask, lengths, kept), name, nullable)
    data, offsets = encoding.result()
    return (data, offsets) if encoding.valid is None else (data, offsets, encoding.valid)


class Encoding:
    """The strings of `encode` on their way.

    Parameters
    ----------
    strings, kept, name, nullable
        As in `encode`.

    Attributes
    ----------
    items : int
        How many strings there are.
    putting : Putting or None
        What others may do before `result` is called, None if it is for this thread to do.
    valid : ndarray of bool or None
        The last of what `encode` returns.

    Raises
    ------
    SchemaError
        As in `encode`, as far as the items themselves need not be looked at.
    """

    def __init__(self, strings: Any, kept: Kept | None, name: str, nullable: bool = False) -> None:
        self._source = source_of(strings, kept, name)
        self.items = self._source.items
        self.valid = np.ones(self._source.items, np.bool_) if nullable else None
        self._begin()
        self.putting = self._source.putting(self._sink)

    def result(self) -> tuple[Bytes, Offsets]:
        """Return bytes and offsets, encoded here if nobody has done it, or could.

        Raises
        ------
        SchemaError
            For the first item that cannot be stored.
        """
        putting = self.putting
        if putting is None or not putting.done or self._sink.filled != self._source.items:
            if putting is not None and putting.begun:
                self._begin()
            self._source.put(self._sink)
        return self._sink.take_bytes(), self._offsets

    def _begin(self) -> None:
        items = self._source.items
        valid = None
        if self.valid is not None:
            self.valid[:] = True
            valid = self.valid.view(np.uint8)
        self._offsets = np.empty(items + 1, np.int64)
        self._sink = Sink.of_bytes(self._offsets, valid, _GUESS_PER_ITEM * items)
