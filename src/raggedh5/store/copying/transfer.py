"""Objects of one open file on their way into another, under the same paths."""

import contextlib
import posixpath
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5o, h5r

from raggedh5.errors import WriteError
from raggedh5.store.copying.assembly import Assembly
from raggedh5.store.copying.attribute_copy import (
    attribute_names,
    copy_attributes,
    holds_references,
    remapped,
)
from raggedh5.store.copying.link_copy import add_link
from raggedh5.store.copying.object_copy import copy_dataset
from raggedh5.store.copying.twins import create_group_like
from raggedh5.store.facts import Facts
from raggedh5.store.file import File
from raggedh5.store.handle import Handle
from raggedh5.store.reader import Reader
from raggedh5.store.walk import Found

__all__ = ["Transfer", "transferring"]


@contextlib.contextmanager
def transferring(source: File, target: File) -> Iterator["Transfer"]:
    """Yield what copies from one open file to another; references are renewed at the end."""
    old = Handle(source.h5.file, threads=source.threads, verify="always", adopted=True)
    new = Handle(target.h5.file, threads=target.threads, verify="always", adopted=True)
    transfer = Transfer(old, new, target.path)
    try:
        yield transfer
        transfer.finish()
    finally:
        transfer.release()


class Transfer:
    """Copies groups, datasets, named types and links, with attributes, from one file to another.

    Object references are renewed by `finish`, where what they lead to was copied too. Others, and
    references to regions, lead nowhere afterwards.

    Parameters
    ----------
    source, target
        The open files.
    target_path
        The path that the target will have.
    """

    def __init__(self, source: Handle, target: Handle, target_path: str) -> None:
        self.source = source
        self.target = target
        self.target_path = target_path
        self._pairs: list[tuple[Any, Any]] = []
        self._others: dict[int, Handle] = {}
        self._asked: dict[tuple[int, int], str] = {}

    def source_of(self, item: h5py.Group | h5py.Dataset) -> Handle:
        """Return the handle of the file that an item lies in: a link may lead to another one."""
        number = h5o.get_info(item.id).fileno
        if number == h5o.get_info(self.source.file.id).fileno:
            return self.source
        if number not in self._others:
            threads = self.source.pool.threads
            self._others[number] = Handle(item.file, threads=threads, verify="always", adopted=True)
        return self._others[number]

    def handle_for(self, file: File) -> Handle:
        """Return a handle of another open file that items come from, for the caller to release."""
        return Handle(file.h5.file, threads=file.threads, verify="always", adopted=True)

    def release(self) -> None:
        """Let go of both files."""
        for handle in (self.source, self.target, *self._others.values()):
            handle.release()

    def root(self) -> None:
        """Copy the attributes of the root group."""
        self.attributes(self.source.file.id, self.target.file.id)

    def attributes(self, old: Any, new: Any, skip: tuple[str, ...] = ()) -> None:
        """Copy the attributes of one low-level object to another."""
        copy_attributes(old, new, skip)
        if any(holds for _, holds in _attributes(old)) or (
            isinstance(old, h5d.DatasetID) and holds_references(old)
        ):
            self._pairs.append((old, new))

    def parent(self, path: str) -> h5py.Group:
        """Return the group in the target that an object goes to, made like that of the source."""
        folder = posixpath.dirname(path.strip("/"))
        return self.group(folder) if folder else self.target.file["/"]

    def group(self, path: str) -> h5py.Group:
        """Copy a group, without what is in it, and those that it is in."""
        path = path.strip("/")
        found = self.target.file.get(path)
        if isinstance(found, h5py.Group):
            return found
        parent = self.parent(path)
        old = self.source.file[path]
        new = create_group_like(parent, posixpath.basename(path), old)
        self.attributes(old.id, new.id)
        return new

    def dataset(self, path: str, item: h5py.Dataset) -> Facts:
        """Copy a dataset as it is."""
        return self.buffer(
            self.source_of(item), Facts(item), self.parent(path), posixpath.basename(path)
        )

    def buffer(self, source: Handle, facts: Facts, group: h5py.Group, name: str) -> Facts:
        """Copy a dataset of a table that may lie in another file than the rest, by a link."""
        made = copy_dataset(source, facts.dataset, self.target, group, name)
        self.attributes(facts.id, made.id)
        return made

    def piece(self, source: Reader, made: Facts, extent: int) -> None:
        """Copy the first items of a dataset to an empty one."""
        assembly = Assembly(self.target, made)
        assembly.append(source, 0, extent, last=True)
        assembly.finish()

    def again(self, path: str, item: h5py.Group | h5py.Dataset) -> bool:
        """Give what was asked for before by another path a further name; otherwise return False."""
        info = h5o.get_info(item.id)
        first = self._asked.setdefault((info.fileno, info.addr), path)
        if first != path:
            self.link(Found(f"/{path}", "again", None, (f"/{first}",)))
        return first != path

    def named_type(self, path: str, item: h5py.Datatype) -> None:
        """Copy a named type."""
        name = posixpath.basename(path).encode("utf-8", "surrogateescape")
        h5o.copy(item.id, b".", self.parent(path).id, name)

    def link(self, found: Found) -> None:
        """Make a link as it is in the source: soft, into another file, or a further hard one."""
        try:
            add_link(self.parent(found.path), posixpath.basename(found.path), found)
        except (KeyError, OSError, RuntimeError, ValueError) as error:
            raise WriteError(f"{found.path}: the link could not be made: {error}") from error

    def other(self, found: Found) -> None:
        """Copy what is neither a table nor an array: a group without what is in it, or a link."""
        if found.kind == "group":
            self.group(found.name)
        elif found.kind == "type":
            self.named_type(found.name, found.item)
        else:
            self.link(found)

    def finish(self) -> None:
        """Renew the references in attributes and datasets, once everything is copied."""
        for old, new in self._pairs:
            copy_attributes(old, new, _plain_names(old), self._remap)
            if isinstance(old, h5d.DatasetID) and holds_references(old):
                dataset = h5py.Dataset(old)
                if dataset.shape is not None and dataset.shape == h5py.Dataset(new).shape:
                    values = remapped(np.asarray(dataset[()], dataset.dtype), self._remap)
                    h5py.Dataset(new)[()] = values

    def _remap(self, reference: Any) -> Any:
        nothing = h5r.Reference()
        if not reference or isinstance(reference, h5py.RegionReference):
            return h5r.RegionReference() if isinstance(reference, h5py.RegionReference) else nothing
        try:
            name = self.source.file[reference].name
            return self.target.file[name].ref
        except (KeyError, OSError, RuntimeError, TypeError, ValueError):
            return nothing


def _plain_names(item: Any) -> set[str]:
    """Return the names of the attributes that hold no references."""
    return {name for name, holds in _attributes(item) if not holds}


def _attributes(item: Any) -> Iterator[tuple[str, bool]]:
    """Go through the names of an object's attributes, and whether they hold references."""
    for name in attribute_names(item):
        yield name.decode("utf-8", "surrogateescape"), holds_references(h5a.open(item, name))
