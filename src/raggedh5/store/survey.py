"""Every object of a file, by path, however damaged the file is: what cannot be opened is named."""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import h5py
from h5py import h5d, h5g, h5l, h5o, h5t

from raggedh5.errors import FormatError
from raggedh5.store.damage import PROBLEMS
from raggedh5.store.facts import address_of
from raggedh5.store.layout import is_table
from raggedh5.store.sums import GROUP

__all__ = ["Found", "attributes", "members", "survey"]

Kind = Literal["table", "array", "group", "type", "soft", "external", "again", "lost"]


@dataclass(frozen=True)
class Found:
    """One link of a file.

    Attributes
    ----------
    path
        Its path in the file.
    kind
        A table, an array (any other dataset), a group, a committed type; a soft or external link;
        ``"again"`` for an object that was found by another path before; ``"lost"`` where it cannot
        be opened.
    item
        The h5py object, None for links and what is lost.
    target
        Of links, the path that they lead to (and the file, of external ones); of ``"again"``, the
        path where it was found first; of what is lost, why.
    """

    path: str
    kind: Kind
    item: Any = None
    target: tuple[str, ...] = ()


def survey(
    root: h5py.Group, before: Callable[[str], None], skip: Container[str] = ()
) -> Iterator[Found]:
    """Go through all objects below a group, but for the library's own group.

    Tables are not gone into. No object comes twice but as ``"again"``, so that circles end.

    Parameters
    ----------
    root
        The group.
    before
        Called with the path of every object before HDF5 is asked for it.
    skip
        Paths of objects that HDF5 is not to be asked for: they count as lost.
    """
    seen = {address_of(root.id): "/"}
    ahead = [("", root)]
    while ahead:
        folder, group = ahead.pop()
        before(folder or "/")
        names, problem = members(group)
        if problem:
            yield Found(folder or "/", "lost", None, (problem,))
        for name in names:
            path = f"{folder}/{name}"
            if name == GROUP:
                continue
            if path in skip:
                yield Found(path, "lost", None, ("HDF5 hangs or crashes there",))
                continue
            before(path)
            found = _look(group, name, path, seen)
            yield found
            if found.kind == "group":
                ahead.append((found.path, found.item))


def members(group: h5py.Group) -> tuple[list[str], str]:
    """Return the names in a group, and why there may be more of them; empty where there are not."""
    names: list[str] = []
    try:
        group.id.links.iterate(lambda name: names.append(name.decode("utf-8", "surrogateescape")))
    except PROBLEMS as error:
        return names, f"its members cannot be listed: {error}"
    return names, ""


def attributes(item: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the attributes of an h5py object that can be read, and why others cannot, by name."""
    names: list[str] = []
    lost: dict[str, str] = {}
    try:
        names.extend(item.attrs)
    except PROBLEMS as error:
        lost[""] = f"its attributes cannot be listed: {error}"
    values = {}
    for name in names:
        try:
            values[name] = item.attrs[name]
        except PROBLEMS as error:
            lost[name] = f"attribute {name!r} cannot be read: {error}"
    return values, lost


def _look(group: h5py.Group, name: str, path: str, seen: dict[int, str]) -> Found:
    key = name.encode("utf-8", "surrogateescape")
    try:
        kind = group.id.links.get_info(key).type
        if kind == h5l.TYPE_SOFT:
            return Found(path, "soft", None, (_text(group.id.links.get_val(key)),))
        if kind == h5l.TYPE_EXTERNAL:
            file, target = group.id.links.get_val(key)
            return Found(path, "external", None, (_text(target), _text(file)))
        opened = h5o.open(group.id, key)
        first = seen.setdefault(address_of(opened), path)
        if first != path:
            return Found(path, "again", None, (first,))
        if isinstance(opened, h5d.DatasetID):
            return Found(path, "array", h5py.Dataset(opened))
        if isinstance(opened, h5t.TypeID):
            return Found(path, "type", h5py.Datatype(opened))
        if not isinstance(opened, h5g.GroupID):
            return Found(path, "lost", None, ("it is an object of an unknown kind",))
        item = h5py.Group(opened)
        return Found(path, "table" if is_table(item) else "group", item)
    except FormatError as error:
        return Found(path, "lost", None, (str(error),))
    except PROBLEMS as error:
        return Found(path, "lost", None, (f"it cannot be opened: {error}",))


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
