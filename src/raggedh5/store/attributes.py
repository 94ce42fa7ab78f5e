"""Attributes and small datasets through h5py's low level: a third of the time for each.

A file has two attributes and a list of checksums for every buffer; at h5py's high level creating
them would cost more than writing a small file's data.
"""

import functools
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5p, h5s, h5t
from numpy.typing import NDArray

__all__ = ["create_list", "set_text"]


def set_text(item: h5py.Group | h5py.Dataset, name: str, text: str) -> None:
    """Give an object a new attribute: variable-length UTF-8, as h5py's own are."""
    kind, scalar = _text_type()
    attribute = h5a.create(item.id, name.encode(), kind, scalar)
    attribute.write(np.array(text, h5py.string_dtype()))


def create_list(parent: h5py.Group, path: str, values: NDArray[np.uint64], chunk: int) -> Any:
    """Create a dataset of uint64 that grows, with groups on its way as needed; return its id."""
    properties, links = _list_properties(chunk)
    space = h5s.create_simple((len(values),), (h5s.UNLIMITED,))
    dataset = h5d.create(parent.id, path.encode(), h5t.STD_U64LE, space, properties, links)
    dataset.write(h5s.ALL, h5s.ALL, values)
    return dataset


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
