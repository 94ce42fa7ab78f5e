"""New tables and arrays in an open file."""

import contextlib
import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import numpy as np
from numpy.typing import DTypeLike

from raggedh5.core.arrays import as_numpy
from raggedh5.core.chunks import plan_grid
from raggedh5.core.schema import as_column, check_names, storable
from raggedh5.errors import SchemaError, WriteError
from raggedh5.store.array import Array
from raggedh5.store.facts import address_of
from raggedh5.store.handle import Handle
from raggedh5.store.layout import Storage, create_buffer, create_group
from raggedh5.store.sums import GROUP
from raggedh5.store.writer import TableWriter

__all__ = ["create_array", "create_table"]


def create_table(
    handle: Handle,
    root: h5py.Group,
    name: str,
    columns: Mapping[str, Any],
    storage: Storage,
    ragged: bool,
) -> h5py.Group:
    """Create the group of an empty table, and its writer; see `raggedh5.File.create_table`."""
    handle.check_writable()
    declared = {key: as_column(spec) for key, spec in columns.items()}
    check_names(declared)
    for column in declared.values():
        storage.with_codec(column.codec)  # refuses what is none
    with handle.lock, _creating(handle, root, name):
        handle.sink.drain()
        group = create_group(root, name, {}, ragged)
        # Even a table that nothing is appended to gets its buffers when the file is closed.
        handle.writers[address_of(group.id)] = TableWriter(handle, group, declared, storage, ragged)
    return group


def create_array(
    handle: Handle,
    root: h5py.Group,
    name: str,
    shape: tuple[int, ...] | None,
    dtype: DTypeLike | None,
    data: Any,
    storage: Storage,
    chunks: tuple[int, ...] | None,
    attrs: Mapping[str, Any],
) -> Array:
    """Create an array, and append what it begins with; see `raggedh5.File.create_array`."""
    handle.check_writable()
    values = None if data is None else as_numpy(data)
    if values is not None:
        shape = values.shape if shape is None else tuple(shape)
        dtype = values.dtype if dtype is None else dtype
    if shape is None or dtype is None:
        raise SchemaError(f"{name}: give shape and dtype, or data")
    if len(shape) == 0:
        raise SchemaError(f"{name}: an array that grows has one axis or more")
    if values is not None and values.shape != tuple(shape):
        raise SchemaError(f"{name}: data of shape {values.shape} do not fit {shape}")
    kind = storable(dtype)
    plan = chunks or plan_grid(
        tuple(shape), kind.itemsize, target=storage.chunk_bytes, access=storage.access
    )
    with handle.lock, _creating(handle, root, name):
        handle.sink.drain()
        facts = create_buffer(root, name, kind, tuple(shape[1:]), storage, plan)
        facts.dataset.attrs.update(attrs)
    array = Array(handle, facts.dataset, storage.blocksize)
    if values is None:
        values = np.broadcast_to(np.zeros((), kind), tuple(shape))
    if len(values):
        try:
            array.append(values)
        except SchemaError:
            del root[name]
            handle.forget(array.name)
            raise
    return array


@contextlib.contextmanager
def _creating(handle: Handle, root: h5py.Group, name: str) -> Iterator[None]:
    """Say what is wrong in our own errors, where HDF5 does not create an object."""
    if name.strip("/").split("/")[0] == GROUP:
        raise SchemaError(f"{GROUP!r} is the library's own group")
    try:
        if name not in root:
            handle.forget(posixpath.join(root.name, name))
        yield
    except (OSError, RuntimeError) as error:
        if isinstance(error, SchemaError):
            raise
        raise WriteError(f"{handle.path}: {name!r} could not be created: {error}") from error
    except (ValueError, TypeError) as error:
        if isinstance(error, SchemaError):
            raise
        raise SchemaError(f"{handle.path}: {name!r} could not be created: {error}") from error
