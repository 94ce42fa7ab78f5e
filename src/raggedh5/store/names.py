"""Names that users give to objects in a file."""

import posixpath

import h5py

from raggedh5.errors import SchemaError
from raggedh5.store.layout import is_table
from raggedh5.store.paths import path_of
from raggedh5.store.stored_sums import GROUP

__all__ = ["path_for_user", "refuse_within_table"]


def path_for_user(root: h5py.Group, name: str) -> str:
    """Return the absolute path of a name in a group, where users may have something.

    Raises
    ------
    SchemaError
        If it is no name, or leads to the library's own group.
    """
    if not isinstance(name, str) or not name.strip("/") or "\0" in name:
        raise SchemaError(f"{name!r} is no name of an object in a file")
    path = path_of(root, name)
    if path == "/":
        raise SchemaError(f"{name!r} is no name of an object in a file")
    if GROUP in path.split("/"):
        raise SchemaError(f"{GROUP!r} is the library's own group")
    return path


def refuse_within_table(root: h5py.Group, path: str) -> None:
    """Refuse a path that leads through a table: AnnData would take it for one of its buffers.

    Raises
    ------
    SchemaError
        If it does.
    """
    parent = posixpath.dirname(path)
    while parent not in ("", "/"):
        there = root.file.get(parent)
        if there is not None and is_table(there):
            raise SchemaError(f"{path!r}: {parent!r} is a table, which holds nothing but its own")
        parent = posixpath.dirname(parent)
