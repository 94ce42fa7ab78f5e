"""Attributes and small datasets through h5py's low level: a third of the time for each.

A file has two attributes and a list of checksums for every buffer; at h5py's high level creating
them would cost more than writing a small file's data.
"""

import functools
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5o, h5p, h5s, h5t
from numpy.typing import NDArray

__all__ = ["create_list", "get_text", "read_list", "set_text"]


def set_text(item: Any, name: str, text: str) -> None:
    """Give a low-level object a new attribute: variable-length UTF-8, as h5py's own are."""
    kind, scalar = _text_type()
    attribute = h5a.create(item, name.encode(), kind, scalar)
    attribute.write(np.array(text, h5py.string_dtype()))


def create_list(parent: h5py.Group, path: str, values: NDArray[np.uint64], chunk: int) -> Any:
    """Create a dataset of uint64 that grows, with groups on its way as needed; return its id."""
    properties, links = _list_properties(chunk)
    space = h5s.create_simple((len(values),), (h5s.UNLIMITED,))
    dataset = h5d.create(parent.id, path.encode(), h5t.STD_U64LE, space, properties, links)
    dataset.write(h5s.ALL, h5s.ALL, values)
    return dataset


def get_text(item: Any, name: str) -> str | None:
    """Return an attribute of text of a low-level object, None where there is no such."""
    key = name.encode()
    if not h5a.exists(item, key):
        return None
    attribute = h5a.open(item, key)
    if attribute.get_type().get_class() != h5t.STRING or attribute.shape != ():
        return None
    value = np.empty((), attribute.dtype)
    attribute.read(value)
    text = value.item()
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)


def read_list(file: h5py.File, path: str) -> tuple[Any, NDArray[np.uint64] | None]:
    """Open a dataset of uint64 with one axis; return its id and its values.

    The id is None where there is no such object, the values where it is something else.
    """
    key = path.encode()
    if not all(_linked(file, part) for part in _prefixes(key)):
        return None, None
    dataset = h5o.open(file.id, key)
    if not isinstance(dataset, h5d.DatasetID) or dataset.rank != 1 or dataset.dtype != np.uint64:
        return dataset, None
    values = np.empty(dataset.shape, np.uint64)
    if values.size:
        dataset.read(h5s.ALL, h5s.ALL, values)
    return dataset, values


def _linked(file: h5py.File, path: bytes) -> bool:
    return bool(file.id.links.exists(path))


def _prefixes(path: bytes) -> list[bytes]:
    parts = path.split(b"/")
    return [b"/".join(parts[: i + 1]) for i in range(len(parts))]


@functools.cache
def _text_type() -> tuple[Any, Any]:
    return h5t.py_create(h5py.string_dtype(), logical=1), h5s.create(h5s.SCALAR)


@functools.cache
def _list_properties(chunk: int) -> tuple[Any, Any]:
    properties = h5p.create(h5p.DATASET_CREATE)
    properties.set_chunk((chunk,))
    # The time of creation would make files differ that hold the same.
    properties.set_obj_track_times(False)
    links = h5p.create(h5p.LINK_CREATE)
    links.set_create_intermediate_group(True)
    return properties, links
