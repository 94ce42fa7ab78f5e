"""Tables and arrays get other names, or are removed, and their checksums with them."""

import contextlib
import posixpath

import h5py
from h5py import h5o

from raggedh5.core.signals import deferred_signals
from raggedh5.errors import RaggedH5Error, SchemaError, WriteError
from raggedh5.store.handle import Handle
from raggedh5.store.names import path_for_user, refuse_within_table
from raggedh5.store.paths import is_within, without_links

__all__ = ["move", "remove"]

FAILURES = (KeyError, OSError, RuntimeError, ValueError)


def move(handle: Handle, root: h5py.Group, name: str, new_name: str) -> None:
    """Give an object another name; see `raggedh5.File.move`."""
    handle.check_writable()
    with handle.lock, deferred_signals:
        old = _path_there(root, name)
        new = _path_for(root, new_name)
        if is_within(_folder_of(root.file, new), handle.sums.path(old, fresh=True)):
            raise SchemaError(f"{old!r} cannot be moved to {new!r}, into itself")
        handle.store()
        handle.sink.generation += 1
        try:
            root.file.move(old, new)
            _move_sums(handle, root.file, old, new)
        except FAILURES as error:
            raise WriteError(
                f"{handle.path}: {name!r} could not be moved to {new_name!r}: {error}"
            ) from error
        finally:
            _renew_writers(handle, root.file)


def remove(handle: Handle, root: h5py.Group, name: str) -> None:
    """Remove an object; see `raggedh5.File.remove`."""
    handle.check_writable()
    with handle.lock, deferred_signals:
        path = _path_there(root, name)
        handle.store()
        handle.sink.generation += 1
        try:
            del root.file[path]
        except FAILURES as error:
            raise WriteError(f"{handle.path}: {name!r} could not be removed: {error}") from error
        handle.sums.forget(path)
        handle.sums.moves.append((path, ""))
        _renew_writers(handle, root.file)


def _move_sums(handle: Handle, file: h5py.File, old: str, new: str) -> None:
    """Move the checksums of what has been moved, or put that back where it was."""
    try:
        handle.sums.move(old, new)
    except FAILURES:
        with contextlib.suppress(*FAILURES):
            file.move(new, old)
        raise


def _renew_writers(handle: Handle, file: h5py.File) -> None:
    """Let writers go on by the names that their objects have now."""
    for address, writer in list(handle.writers.items()):
        now = handle.sums.path_now(writer.h5.id, writer.name) if writer.h5 else None
        if now is None:
            del handle.writers[address]
        elif now != writer.name:
            writer.name, writer.h5 = now, file[now]
            if writer.streams:
                del handle.writers[address]
                with contextlib.suppress(RaggedH5Error):  # the next append says what is wrong
                    handle.writers[address] = writer.renewed()


def _path_there(root: h5py.Group, name: str) -> str:
    """Return the path of an object that may be moved or removed."""
    path = path_for_user(root, name)
    if path not in root.file:
        raise KeyError(f"there is no {name!r}")
    refuse_within_table(root, path)
    _folder_of(root.file, path)
    return path


def _path_for(root: h5py.Group, name: str) -> str:
    """Return the path that an object may be moved to."""
    path = path_for_user(root, name)
    if path in root.file:
        raise SchemaError(f"{path!r} exists already in {root.file.filename}")
    refuse_within_table(root, path)
    return path


def _folder_of(file: h5py.File, path: str) -> str:
    """Return the last group that there is on a path, by a path without links.

    Raises
    ------
    SchemaError
        If it is no group of this file.
    """
    folder = posixpath.dirname(path)
    while folder not in file:
        folder = posixpath.dirname(folder)
    found = file.get(folder)
    if not isinstance(found, h5py.Group):
        what = "leads nowhere" if found is None else "is no group"
        raise SchemaError(f"{path!r}: {folder!r} {what}")
    if h5o.get_info(found.id).fileno != h5o.get_info(file.id).fileno:
        raise SchemaError(f"{path!r} is in another file, {found.file.filename}: open that one")
    return without_links(file.id, folder)
