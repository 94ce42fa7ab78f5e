"""Tables and arrays get other names, or are removed, and their checksums with them."""

import posixpath

import h5py

from raggedh5.core.signals import deferred_signals
from raggedh5.errors import SchemaError, WriteError
from raggedh5.store.handle import Handle
from raggedh5.store.paths import path_of
from raggedh5.store.stored_sums import GROUP

__all__ = ["move", "remove"]


def move(handle: Handle, root: h5py.Group, name: str, new_name: str) -> None:
    """Give an object another name; see `raggedh5.File.move`."""
    handle.check_writable()
    old, new = path_of(root, name), path_of(root, new_name)
    with handle.lock, deferred_signals:
        _check_there(root, name)
        if GROUP in new.split("/"):
            raise SchemaError(f"{GROUP!r} is the library's own group")
        if new_name in root:
            raise SchemaError(f"{new!r} exists already in {handle.path}")
        handle.store()
        try:
            root.move(name, new_name)
            handle.sums.move(old, new)
        except (OSError, RuntimeError, ValueError) as error:
            raise WriteError(
                f"{handle.path}: {name!r} could not be moved to {new_name!r}: {error}"
            ) from error
        handle.forget(old)
        for address, writer in list(handle.writers.items()):
            if f"{writer.name}/".startswith(f"{old}/"):  # it knows its object by that name
                del handle.writers[address]
        handle.sink.generation += 1


def remove(handle: Handle, root: h5py.Group, name: str) -> None:
    """Remove an object; see `raggedh5.File.remove`."""
    handle.check_writable()
    path = path_of(root, name)
    with handle.lock, deferred_signals:
        _check_there(root, name)
        handle.store()
        try:
            del root[name]
        except (OSError, RuntimeError) as error:
            raise WriteError(f"{handle.path}: {name!r} could not be removed: {error}") from error
        handle.forget(path)


def _check_there(root: h5py.Group, name: str) -> None:
    if not name.strip("/") or GROUP in posixpath.normpath(name).split("/"):
        raise SchemaError(f"{name!r} is no name of a user's object")
    if name not in root:
        raise KeyError(f"there is no {name!r}")
