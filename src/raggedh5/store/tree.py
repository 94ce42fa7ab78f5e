"""Everything in a file as a tree of objects and links, and parts of it in another file."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import h5py
import numpy as np
from h5py import h5a, h5t

from raggedh5.errors import FormatError, WriteError
from raggedh5.store.attributes import get_text
from raggedh5.store.facts import address_of
from raggedh5.store.index_group import is_index
from raggedh5.store.layout import is_table
from raggedh5.store.sums import GROUP, FileSums

__all__ = ["Node", "copy_attributes", "copy_node", "link_node", "walk"]

OWN = frozenset({"encoding-type", "encoding-version", "form", "length", "raggedh5-version"})
"""Attributes that a table or a buffer has anyway."""


@dataclass(frozen=True)
class Node:
    """One name in a file.

    ``item`` is the object, for a link the link. ``again`` is the path under which an object was
    met before: hard links give it several names.
    """

    path: str
    kind: Literal["table", "index", "group", "dataset", "type", "link", "again"]
    item: Any
    again: str = ""


def walk(root: h5py.Group) -> Iterator[Node]:
    """Go through all names of a file but for the library's own group, parents first.

    What is in tables and indexes is passed over; soft and external links are not followed.

    Raises
    ------
    FormatError
        If an object cannot be opened.
    """
    seen = {address_of(root.id): ""}
    ahead = [(name, root) for name in reversed(root) if name != GROUP]
    while ahead:
        path, parent = ahead.pop()
        name = path.rsplit("/", 1)[-1]
        try:
            link = parent.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                yield Node(path, "link", link)
                continue
            item = parent[name]
        except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
            raise FormatError(f"/{path} cannot be opened: {error}") from error
        address = address_of(item.id)
        if address in seen:
            yield Node(path, "again", item, seen[address])
            continue
        seen[address] = path
        kind = _kind(item)
        yield Node(path, kind, item)
        if kind == "group":
            ahead.extend((f"{path}/{n}", item) for n in reversed(item) if n != GROUP)


def copy_node(node: Node, source: h5py.File, target: h5py.File) -> None:
    """Copy a table, index, dataset or type as it is, its chunks and their checksums included.

    Raises
    ------
    WriteError
        If it cannot be copied.
    """
    try:
        source.copy(node.item, target, name=node.path)
        old, new = FileSums(source), FileSums(target)
        names = [f"{node.path}/{name}" for name in node.item] if _is_group(node.item) else []
        for path in names or [node.path]:
            dataset = source[path]
            if not isinstance(dataset, h5py.Dataset) or not dataset.chunks:
                continue
            listed, sums = old.read(f"/{path}", address_of(dataset.id))
            said = None if sums is None else get_text(listed, "fingerprint")
            if sums is not None and said is not None:
                new.create(f"/{path}", sums, address_of(target.id, path), said)
    except (KeyError, OSError, RuntimeError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise WriteError(f"/{node.path} could not be copied: {error}") from error


def link_node(node: Node, target: h5py.File) -> None:
    """Make a link in another file: a soft or external one, or another name of an object."""
    try:
        target[node.path] = target[node.again or "/"] if node.kind == "again" else node.item
    except (KeyError, OSError, RuntimeError, ValueError) as error:
        raise WriteError(f"/{node.path} could not be linked: {error}") from error


def copy_attributes(source: Any, target: Any, leave: Collection[str] = OWN) -> None:
    """Copy the attributes of an h5py object, type and all, but for those in `leave`.

    References to other objects are left out: they would lead nowhere in another file.

    Raises
    ------
    WriteError
        If one cannot be copied.
    """
    for number in range(h5a.get_num_attrs(source.id)):
        attribute = h5a.open(source.id, index=number)
        name = attribute.name
        if name.decode("utf-8", "surrogateescape") in leave:
            continue
        try:
            if h5a.exists(target.id, name):
                h5a.delete(target.id, name)
            kind = attribute.get_type().copy()
            if kind.detect_class(h5t.REFERENCE):
                continue
            made = h5a.create(target.id, name, kind, attribute.get_space())
            if attribute.shape is not None and attribute.get_storage_size():
                values = np.empty(attribute.shape, attribute.dtype)
                attribute.read(values)
                made.write(values)
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            raise WriteError(
                f"{target.name}: attribute {name.decode(errors='replace')!r} could not be copied: "
                f"{error}"
            ) from error


def _is_group(item: Any) -> bool:
    return isinstance(item, h5py.Group)


def _kind(item: Any) -> Any:
    if isinstance(item, h5py.Dataset):
        return "dataset"
    if not isinstance(item, h5py.Group):
        return "type"
    return "table" if is_table(item) else "index" if is_index(item) else "group"
