"""The dictionary of a column of strings, read from its buffers."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.dictionary import Dictionary
from raggedh5.core.form import FieldForm
from raggedh5.errors import FormatError
from raggedh5.store.facts import Facts
from raggedh5.store.handle import Handle
from raggedh5.store.reader import Reader

__all__ = ["category_bytes", "read_dictionary"]


def category_bytes(
    handle: Handle, buffers: Mapping[str, Facts], field: FieldForm
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return UTF-8 bytes and offsets of a column's categories; none where nothing was written."""
    ends = Reader(handle, buffers[field.offsets or ""])
    offsets = ends.read().astype(np.int64, copy=False)
    if len(offsets) == 0:
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    data = Reader(handle, buffers[field.values]).read()
    if offsets[-1] < 0 or offsets[-1] > len(data):
        raise FormatError(f"{ends.name}: ends at {offsets[-1]}, but there are {len(data)} bytes")
    return data[: offsets[-1]], offsets


def read_dictionary(handle: Handle, buffers: Mapping[str, Facts], field: FieldForm) -> Dictionary:
    """Return the dictionary of a column, to be appended to."""
    return Dictionary.from_bytes(*category_bytes(handle, buffers, field))
