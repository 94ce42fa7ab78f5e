"""Attributes of one object given to another, in the same file or in another one."""

from collections.abc import Callable, Collection
from typing import Any

import h5py
import numpy as np
from h5py import h5, h5a, h5p, h5s, h5t
from numpy.typing import NDArray

__all__ = [
    "Remap",
    "attribute_names",
    "copy_attribute",
    "copy_attributes",
    "holds_references",
    "remapped",
]

Remap = Callable[[Any], Any]
"""Returns what an HDF5 object reference becomes in the other file."""


def copy_attributes(
    source: Any, target: Any, skip: Collection[str] = (), remap: Remap | None = None
) -> None:
    """Copy the attributes of a low-level object to another, in place of those that it has.

    Parameters
    ----------
    source, target
        Group, dataset or named type.
    skip
        Names that are left out.
    remap
        What references become. Without it, attributes that hold some are left out.
    """
    for name in attribute_names(source):
        if name.decode("utf-8", "surrogateescape") not in skip:
            copy_attribute(source, target, name, remap)


def attribute_names(item: Any) -> list[bytes]:
    """Return the names of an object's attributes, in the order of creation if that is known."""
    names: list[bytes] = []
    order = h5.INDEX_NAME
    properties = getattr(item, "get_create_plist", None)
    if properties is not None:
        tracked = getattr(properties(), "get_attr_creation_order", lambda: 0)()
        if tracked & h5p.CRT_ORDER_TRACKED:
            order = h5.INDEX_CRT_ORDER
    h5a.iterate(item, lambda name, *_: names.append(name), index_type=order)
    return names


def copy_attribute(source: Any, target: Any, name: bytes, remap: Remap | None = None) -> bool:
    """Copy one attribute, type and all; see `copy_attributes`. Return False if it is left out."""
    attribute = h5a.open(source, name)
    if remap is None and holds_references(attribute):
        return False
    kind, space = attribute.get_type().copy(), attribute.get_space()
    empty = space.get_simple_extent_type() == h5s.NULL
    values, held = (None, None) if empty else _values(attribute, kind)
    if h5a.exists(target, name):
        h5a.delete(target, name)
    made = h5a.create(target, name, kind, space)
    if values is not None:
        made.write(values if remap is None else remapped(values, remap), held)
    return True


def holds_references(attribute: Any) -> bool:
    """Whether there are HDF5 references among the values of an attribute or a dataset."""
    try:
        return _has_references(attribute.dtype)
    except (TypeError, ValueError):  # a type that NumPy does not have
        return False


def remapped(values: NDArray[Any], remap: Remap) -> NDArray[Any]:
    """Return values with every object reference among them replaced; region references are lost."""
    if values.dtype.names is not None:
        out = values.copy()
        for name in values.dtype.names:
            out[name] = remapped(values[name], remap)
        return out
    if not values.dtype.hasobject or not _has_references(values.dtype):
        return values
    out = np.empty(values.shape, values.dtype)
    for index in np.ndindex(values.shape):
        item: Any = values[index]
        if isinstance(item, np.ndarray):
            fresh = np.empty(len(item), item.dtype)
            for i, reference in enumerate(item):
                fresh[i] = remap(reference)
            out[index] = fresh
        else:
            out[index] = remap(item)
    return out


def _has_references(dtype: np.dtype[Any]) -> bool:
    if dtype.names is not None:
        return any(_has_references(dtype[name]) for name in dtype.names)
    if dtype.subdtype is not None:
        return _has_references(dtype.subdtype[0])
    inner = h5py.check_vlen_dtype(dtype)
    if isinstance(inner, np.dtype):
        return _has_references(inner)
    return h5py.check_ref_dtype(dtype) is not None


def _values(attribute: Any, kind: Any) -> tuple[NDArray[Any], Any]:
    """Return the values of an attribute, and the type that they have in memory."""
    try:
        dtype = attribute.dtype
        plain = not dtype.hasobject
    except (TypeError, ValueError):
        plain = True
    if plain:  # the very bytes, whatever they mean
        values: NDArray[Any] = np.empty(attribute.shape, f"V{kind.get_size()}")
        attribute.read(values, kind)
        return values, kind
    held = h5t.py_create(dtype)
    values = np.empty(attribute.shape, dtype)
    attribute.read(values, held)
    return values, held
