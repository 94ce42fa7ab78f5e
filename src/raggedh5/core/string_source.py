"""Strings as users have them (lists, lists of lists, arrays), checked against what is kept.

A `Source` is what the kernels walk: the one place that knows the kinds of strings there are.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from raggedh5.core.arrays import as_numpy
from raggedh5.core.joined_strings import Joined
from raggedh5.core.kept import Kept, Offsets, kept_from_lengths, kept_from_mask, longest
from raggedh5.core.string_rows import fit_rows, is_nested, list_lengths, rows_of_lists
from raggedh5.errors import SchemaError
from raggedh5.kernels.joined import Joining
from raggedh5.kernels.string_sink import Sink
from raggedh5.kernels.strings import ItemError, Putting, put_array, put_lists

__all__ = ["JoinedSource", "Source", "kept_strings", "source_of"]

Mask = npt.NDArray[np.uint8] | None

_NO_STRINGS = (str, bytes, bytearray, dict, set, frozenset)
_SHOWN = 40
_NOT_SHOWN = ("unicode", "changed")


class Source:
    """Strings that fit what is kept of them.

    Parameters
    ----------
    strings
        Lists or tuples of strings, one a row; or an array (rows, width) of strings.
    items
        Kept items.
    offsets, mask, cells
        Which ones, as `raggedh5.core.kept.Kept` has it; None for all.
    flat
        Whether the one row there is was given as a flat list or array.
    name
        The column, for messages.
    """

    def __init__(
        self,
        strings: list[Any] | npt.NDArray[Any],
        items: int,
        offsets: Offsets | None,
        mask: Mask,
        cells: Offsets | None,
        flat: bool,
        name: str,
    ) -> None:
        self.items = items
        self._strings = strings
        self._kept = offsets, mask, cells
        self._flat = flat
        self._name = name

    def putting(self, sink: Sink) -> Putting | None:
        """Return the work of `put`, for threads without the GIL; None for strings in arrays."""
        strings = self._strings
        return Putting(sink, strings, *self._kept) if isinstance(strings, list) else None

    def put(self, sink: Sink) -> None:
        """Put the kept items into a sink, in row order.

        Raises
        ------
        SchemaError
            Naming the column and the first item that is no string, or cannot be stored.
        """
        strings = self._strings
        try:
            if isinstance(strings, list):
                put_lists(sink, strings, *self._kept)
            else:
                put_array(sink, strings, *self._kept)
        except ItemError as error:
            cells = self._kept[2]
            row = error.row if cells is None else int(cells[error.row])
            # A U item with a code point out of range has no str.
            item = None if error.kind in _NOT_SHOWN else strings[row][error.item]
            raise _refusal(error, item, self._flat, self._name) from None
        if sink.filled != self.items:
            raise SchemaError(f"{_column(self._name)}the strings changed while they were in use")


class JoinedSource:
    """The same of strings that are joined of others.

    Raises
    ------
    SchemaError
        If they do not fit what is kept.
    """

    def __init__(self, strings: Joined, kept: Kept | None, name: str) -> None:
        self.items = int(strings.lengths.sum())
        self._strings = strings
        self._name = name
        if kept is not None and not np.array_equal(strings.lengths, kept.lengths):
            raise SchemaError(f"{_column(name)}joined strings have other lengths than the batch")

    def putting(self, sink: Sink) -> Putting:
        """See `Source.putting`."""
        return Joining(sink, self._strings.columns, self._strings.separator)

    def put(self, sink: Sink) -> None:
        """See `Source.put`; the strings are made here, which may be of something else than str."""
        try:
            source = source_of(self._strings.to_lists(), None, self._name)
        except UnicodeDecodeError as error:
            raise SchemaError(f"{_column(self._name)}bytes that are not UTF-8: {error}") from error
        except (TypeError, ValueError):
            source = None
        if source is None or source.items != self.items:
            raise SchemaError(f"{_column(self._name)}the strings changed while they were in use")
        source.put(sink)


def kept_strings(mask: Any, lengths: Any, kept: Kept | None) -> Kept | None:
    """Return what one of the three says to keep, or None for all.

    Raises
    ------
    SchemaError
        If more than one is given, or what is given is no mask or no lengths.
    """
    if mask is None and lengths is None:
        return kept
    if kept is not None or (mask is not None and lengths is not None):
        raise SchemaError("give one of mask, lengths and kept: each says which items are kept")
    return kept_from_lengths(lengths) if mask is None else kept_from_mask(mask)


def source_of(strings: Any, kept: Kept | None, name: str) -> Source | JoinedSource:
    """Check strings against what is kept of them, and make them ready for the kernels.

    Parameters
    ----------
    strings : list, list of lists, array-like, or Joined
        See `raggedh5.core.strings.encode`.
    kept : Kept or None
        Which items are kept; None for all.
    name : str
        The column, for messages.

    Returns
    -------
    Source
        Refers to `strings`: no copy, except of arrays that are byte-swapped or not aligned.

    Raises
    ------
    SchemaError
        If these are no strings, or they do not fit `kept`.
    """
    if isinstance(strings, Joined):
        return JoinedSource(strings, kept, name)
    if isinstance(strings, _NO_STRINGS):
        raise SchemaError(
            f"{_column(name)}a list or an array of strings is wanted, not {type(strings).__name__}"
        )
    if not isinstance(strings, (list, tuple)):
        strings = as_numpy(strings)
        if strings.dtype.kind != "O" or strings.ndim != 1 or not is_nested(strings):
            return _array_source(strings, kept, name)
        strings = strings.tolist()
    return _list_source(strings, kept, name)


def _list_source(strings: Any, kept: Kept | None, name: str) -> Source:
    nested = is_nested(strings)
    if kept is None:
        rows = rows_of_lists(strings, name) if nested else [strings]
        items = int(list_lengths(rows).sum())
        return Source(rows, items, None, None, None, not nested, name)
    if not nested and (len(strings) or kept.rows):
        raise SchemaError(f"{_column(name)}one list of strings for each row is wanted")
    rows = rows_of_lists(strings, name)
    if len(kept.shape) == 3:
        rows = rows_of_lists([group for row in rows for group in row], name)
    mask, cells = fit_rows(rows, kept, name)
    return Source(rows, kept.items, kept.offsets, mask, cells, False, name)


def _array_source(array: npt.NDArray[Any], kept: Kept | None, name: str) -> Source:
    if array.size == 0 and array.dtype.kind not in "OUST":
        array = array.astype("S1")
    if array.dtype.kind not in "OUST":
        raise SchemaError(f"{_column(name)}strings are wanted, not {array.dtype}")
    if not array.flags.aligned:
        array = array.copy()
    if kept is None:
        if not 1 <= array.ndim <= 2:
            raise SchemaError(f"{_column(name)}shape (items,) is wanted, not {array.shape}")
        flat = array.ndim == 1
        array = array[np.newaxis] if flat else array
        return Source(array, array.size, None, None, None, flat, name)
    shape = array.shape
    wide = kept.shape[-1] < 0 and len(shape) == 2 and shape[1] >= longest(kept.offsets)
    if shape != kept.shape and not (wide and shape[0] == kept.rows):
        wanted = ", ".join("width" if size < 0 else str(size) for size in kept.shape)
        raise SchemaError(f"{_column(name)}shape ({wanted}) is wanted, not {shape}")
    if len(shape) == 3:
        array = array.reshape(shape[0] * shape[1], shape[2])
    return Source(array, kept.items, kept.offsets, kept.mask, kept.cells, False, name)


def _refusal(error: ItemError, item: Any, flat: bool, name: str) -> SchemaError:
    where = f"row {error.item}" if flat else f"row {error.row}, item {error.item}"
    if error.kind == "null":
        why = "a null string, but the column takes none: fill it, or make the column nullable"
    elif error.kind == "utf8":
        why = f"bytes that are not UTF-8 ({_shown(item)}): decode them first"
    elif error.kind == "unicode":
        why = "a lone surrogate, or no Unicode code point at all, which UTF-8 cannot store"
    elif error.kind == "full":
        why = "too many distinct strings for a dictionary: store them as plain strings"
    elif error.kind == "changed":
        why = "the strings changed while they were in use"
    else:
        why = f"a string is wanted, not {type(item).__name__} ({_shown(item)})"
    return SchemaError(f"{_column(name)}{where}: {why}")


def _shown(item: Any) -> str:
    text = repr(item)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _column(name: str) -> str:
    return f"column {name!r}, " if name else ""
