"""New tables and arrays in an open file."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import h5py
from numpy.typing import DTypeLike

from raggedh5.core.arrays import as_numpy
from raggedh5.core.chunks import plan_grid
from raggedh5.core.schema import as_column, check_names, storable
from raggedh5.core.signals import deferred_signals
from raggedh5.errors import RaggedH5Error, SchemaError, WriteError
from raggedh5.store.array import Array
from raggedh5.store.facts import address_of
from raggedh5.store.handle import Handle
from raggedh5.store.layout import Storage, create_buffer, create_group
from raggedh5.store.names import path_for_user, refuse_within_table
from raggedh5.store.paths import path_of
from raggedh5.store.writer import TableWriter

__all__ = ["create_array", "create_table"]


def create_table(
    handle: Handle,
    root: h5py.Group,
    name: str,
    columns: Any,
    storage: Storage,
    ragged: bool,
) -> h5py.Group:
    """Create the group of an empty table, and its writer; see `raggedh5.File.create_table`."""
    handle.check_writable()
    if not isinstance(columns, Mapping):
        raise SchemaError(f"columns are a dict of dtypes by name, not {columns!r}")
    declared = {key: as_column(spec) for key, spec in columns.items()}
    check_names(declared)
    for column in declared.values():
        storage.with_codec(column.codec)  # refuses what is none
    with handle.lock, deferred_signals, _creating(handle, root, name):
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
    shape = tuple(int(n) for n in shape)
    if min(shape) < 0:
        raise SchemaError(f"{name}: no array has the shape {shape}")
    if values is not None and values.shape != shape:
        raise SchemaError(f"{name}: data of shape {values.shape} do not fit {shape}")
    kind = storable(dtype)
    plan = chunks or plan_grid(
        shape, kind.itemsize, target=storage.chunk_bytes, access=storage.access
    )
    with handle.lock, deferred_signals, _creating(handle, root, name):
        handle.sink.drain()
        facts = create_buffer(root, name, kind, shape[1:], storage, plan)
        try:
            facts.dataset.attrs.update(attrs)
            array = Array(handle, facts.dataset, storage.blocksize)
            if values is None:
                facts.id.set_extent(shape)  # what was never stored reads as zeros
            elif len(values):
                array.append(values)
        except BaseException:
            del root[name]
            handle.forget(path_of(root, name))
            raise
    return array


@contextlib.contextmanager
def _creating(handle: Handle, root: h5py.Group, name: str) -> Iterator[None]:
    """Check the name, and say in our own errors why HDF5 does not create an object."""
    path = path_for_user(root, name)
    try:
        if name in root:
            raise SchemaError(f"{path!r} exists already in {handle.path}")
        refuse_within_table(root, path)
        handle.forget(path)
        yield
    except RaggedH5Error:
        raise
    except (OSError, RuntimeError) as error:
        raise WriteError(f"{handle.path}: {name!r} could not be created: {error}") from error
    except (ValueError, TypeError) as error:
        raise SchemaError(f"{handle.path}: {name!r} could not be created: {error}") from error
