"""Attributes and small datasets through h5py's low level: a third of the time for each.

A file has two attributes and a list of checksums for every buffer; at h5py's high level creating
them would cost more than writing a small file's data.
"""

import functools
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5o, h5p, h5s, h5t
from numpy.typing import NDArray

__all__ = [
    "create_list",
    "get_number",
    "get_text",
    "read_list",
    "set_attributes",
    "set_number",
    "set_text",
]


def set_text(item: Any, name: str, text: str) -> None:
    """Give a low-level object an attribute: variable-length UTF-8, as h5py's own are.

    One that is there already is written over, or replaced where it is of another kind.
    """
    _set(item, name.encode(), np.array(text, _TEXT), *_text_types())


def set_number(item: Any, name: str, value: int) -> None:
    """Give a low-level object an attribute of int64; see `set_text`."""
    _set(item, name.encode(), np.array(value, np.int64), h5t.STD_I64LE, h5t.NATIVE_INT64)


def set_attributes(item: Any, values: Mapping[str, Any]) -> None:
    """Give an object of h5py attributes of any kind."""
    for name, value in values.items():
        if type(value) is str:
            set_text(item.id, name, value)
        else:
            item.attrs[name] = value


def get_text(item: Any, name: str) -> str | None:
    """Return an attribute of text of a low-level object, None where there is no such."""
    key = name.encode()
    if not h5a.exists(item, key):
        return None
    attribute = h5a.open(item, key)
    kind = attribute.get_type()
    if kind.get_class() != h5t.STRING or attribute.shape != ():
        return None
    if kind.is_variable_str():
        value = np.empty((), _TEXT)
        attribute.read(value, _text_types()[1])
    else:
        value = np.empty((), attribute.dtype)
        attribute.read(value)
    text = value.item()
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)


def get_number(item: Any, name: str) -> int | None:
    """Return an attribute of an integer of a low-level object, None where there is no such."""
    key = name.encode()
    if not h5a.exists(item, key):
        return None
    attribute = h5a.open(item, key)
    if attribute.shape not in ((), (1,)) or attribute.get_type().get_class() != h5t.INTEGER:
        return None
    value = np.empty(attribute.shape, np.int64)
    attribute.read(value, h5t.NATIVE_INT64)
    return int(value.item())


def create_list(parent: Any, path: bytes, values: NDArray[np.uint64], chunk: int) -> h5d.DatasetID:
    """Create a dataset of uint64 that grows, with groups on its way as needed."""
    properties, links = _list_properties(chunk)
    space = h5s.create_simple((len(values),), (h5s.UNLIMITED,))
    dataset = h5d.create(parent, path, h5t.STD_U64LE, space, properties, links)
    dataset.write(h5s.ALL, h5s.ALL, values)
    return dataset


def read_list(parent: Any, name: bytes) -> tuple[Any, NDArray[np.uint64] | None]:
    """Open a dataset of uint64 with one axis; return its id and its values.

    The id is None where there is no such object, the values where it is something else.
    """
    if not parent.links.exists(name):
        return None, None
    dataset = h5o.open(parent, name)
    if not isinstance(dataset, h5d.DatasetID) or dataset.rank != 1 or dataset.dtype != np.uint64:
        return dataset, None
    values = np.empty(dataset.shape, np.uint64)
    if values.size:
        dataset.read(h5s.ALL, h5s.ALL, values)
    return dataset, values


def _set(item: Any, key: bytes, value: NDArray[Any], stored: Any, held: Any) -> None:
    attribute = h5a.open(item, key) if h5a.exists(item, key) else None
    if attribute is not None and (attribute.shape != () or attribute.get_type() != stored):
        h5a.delete(item, key)
        attribute = None
    if attribute is None:
        attribute = h5a.create(item, key, stored, _scalar())
    attribute.write(value, held)


_TEXT = h5py.string_dtype()


@functools.cache
def _text_types() -> tuple[Any, Any]:
    """Return the types of text in a file, and of the Python objects that h5py makes of it."""
    return h5t.py_create(_TEXT, logical=1), h5t.py_create(_TEXT)


@functools.cache
def _scalar() -> Any:
    return h5s.create(h5s.SCALAR)


@functools.cache
def _list_properties(chunk: int) -> tuple[Any, Any]:
    properties = h5p.create(h5p.DATASET_CREATE)
    properties.set_chunk((chunk,))
    # The time of creation would make files differ that hold the same.
    properties.set_obj_track_times(False)
    links = h5p.create(h5p.LINK_CREATE)
    links.set_create_intermediate_group(True)
    return properties, links
