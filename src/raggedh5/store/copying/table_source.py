"""A table as a source: its buffers, and which items its rows own."""

from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from raggedh5.core.form import FieldForm
from raggedh5.core.string_decode import decode_array
from raggedh5.errors import FormatError
from raggedh5.store.dictionary import category_bytes
from raggedh5.store.facts import Facts
from raggedh5.store.field_readers import field_reader
from raggedh5.store.handle import Handle
from raggedh5.store.layout import read_layout
from raggedh5.store.reader import Reader

__all__ = ["TableSource"]


class TableSource:
    """A table of an open file that others are made from.

    Parameters
    ----------
    handle
        The open file.
    group
        The table's group.

    Attributes
    ----------
    form, rows, buffers
        Its form, its length, and its buffers by name.
    group, name
        Its group, and the path of that.
    """

    def __init__(self, handle: Handle, group: h5py.Group) -> None:
        self.handle = handle
        self.group = group
        self.name = str(group.name)
        self.form, self.rows, self.buffers = read_layout(group)
        self._readers: dict[str, Reader] = {}

    @property
    def items(self) -> int:
        """Items of all rows."""
        return self.bounds(0, self.rows)[1]

    def reader(self, buffer: str | None) -> Reader:
        """Return the reader of a buffer."""
        found = self._readers.get(buffer or "")
        if found is None:
            found = self._readers[buffer or ""] = Reader(self.handle, self.facts(buffer))
        return found

    def facts(self, buffer: str | None) -> Facts:
        """Return what the metadata of a buffer say."""
        return self.buffers[buffer or ""]

    def bounds(self, start: int, stop: int) -> tuple[int, int]:
        """Return which items the rows start:stop own."""
        offsets = self.form.offsets
        if offsets is None:
            return start, stop
        if stop <= start or not self.form.fields:
            return 0, 0
        return self.ends(offsets, start, stop)

    def ends(self, buffer: str | None, start: int, stop: int) -> tuple[int, int]:
        """Return two of the offsets in a buffer; (0, 0) where these are none yet."""
        reader = self.reader(buffer)
        if stop <= start:
            return 0, 0
        if stop >= reader.shape[0]:
            raise FormatError(f"{reader.name}: {reader.shape[0]} offsets do not make {stop} lists")
        first, last = (int(reader.read((slice(i, i + 1),))[0]) for i in (start, stop))
        if first < 0 or last < first or (start == 0 and first != 0):
            raise FormatError(f"{reader.name}: offsets {first} to {last} do not rise from 0")
        return first, last

    def categories(self, field: FieldForm) -> tuple[NDArray[Any], int]:
        """Return the strings of a dictionary, and how many bytes they have."""
        data, offsets = category_bytes(self.handle, self.buffers, field)
        try:
            return decode_array(data, offsets), len(data)
        except FormatError as error:
            raise FormatError(f"{self.facts(field.values).name}: {error}") from error

    def strings(self, column: str, start: int, stop: int) -> NDArray[Any]:
        """Return the strings of the items start:stop of a column."""
        values: NDArray[Any] = field_reader(
            self.handle, self.buffers, self.form.fields[column]
        ).read(start, stop)
        return values

    def finite(self, column: str) -> bool:
        """Whether a column has neither NaN nor infinity, as it says of itself."""
        values = self.facts(self.form.fields[column].values)
        return bool(np.all(values.dataset.attrs.get("finite", False)))
