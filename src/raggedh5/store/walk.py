"""Every object and every link of a file, by path, also where the file is damaged."""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import h5py
from h5py import h5, h5d, h5g, h5l, h5o, h5p, h5t

from raggedh5.errors import FormatError
from raggedh5.store.damage import PROBLEMS
from raggedh5.store.facts import address_of
from raggedh5.store.index_group import is_index
from raggedh5.store.layout import is_table
from raggedh5.store.stored_sums import GROUP

__all__ = ["Found", "attributes", "members", "outside_indexes", "survey", "walk"]

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

    @property
    def name(self) -> str:
        """The path without a slash before it."""
        return self.path[1:]


def everything(found: Found) -> bool:
    """Let every group be gone into."""
    return True


def outside_indexes(found: Found) -> bool:
    """Let what is in an index of rows be passed over."""
    return not is_index(found.item)


def survey(
    root: h5py.Group,
    before: Callable[[str], None] = lambda path: None,
    skip: Container[str] = (),
    enter: Callable[[Found], bool] = everything,
    path: str = "",
) -> Iterator[Found]:
    """Go through all objects below a group but for the library's own group, parents first.

    What cannot be opened is named, and passed over. Tables are not gone into. No object comes twice
    but as ``"again"``, so that circles end.

    Parameters
    ----------
    root
        The group.
    before
        Called with the path of every object before HDF5 is asked for it.
    skip
        Paths of objects that HDF5 is not to be asked for: they count as lost.
    enter
        Says of a group whether it is gone into, after it has come itself.
    path
        That of the group, where it is not the root of the file.
    """
    seen = {address_of(root.id): path or "/"}
    ahead: list[tuple[str, h5py.Group, Iterator[str]]] = []

    def begin(folder: str, group: h5py.Group) -> Iterator[Found]:
        before(folder or "/")
        names, problem = members(group)
        ahead.append((folder, group, iter(names)))
        if problem:
            yield Found(folder or "/", "lost", None, (problem,))

    yield from begin(path, root)
    while ahead:
        folder, group, names = ahead[-1]
        name = next(names, None)
        if name is None:
            ahead.pop()
            continue
        place = f"{folder}/{name}"
        if name == GROUP:
            continue
        if place in skip:
            yield Found(place, "lost", None, ("HDF5 hangs or crashes there",))
            continue
        before(place)
        found = _look(group, name, place, seen)
        yield found
        if found.kind == "group" and enter(found):
            yield from begin(place, found.item)


def walk(root: h5py.Group, enter: Callable[[Found], bool] = everything) -> Iterator[Found]:
    """Go through all objects of a file that is sound; see `survey`.

    Raises
    ------
    FormatError
        If there is something that cannot be opened, or has a name that is no UTF-8.
    """
    for found in survey(root, enter=enter):
        if found.kind == "lost":
            raise FormatError(f"{found.path}: {found.target[0]}")
        try:
            found.path.encode()
        except UnicodeEncodeError as error:
            name = found.path.encode("utf-8", "surrogateescape")
            raise FormatError(f"{name!r}, a name in the file, is no UTF-8") from error
        yield found


def members(group: h5py.Group) -> tuple[list[str], str]:
    """Return the names in a group, and why there may be more of them; empty where there are not.

    They come as they were made, where the group knows that, and otherwise in the order of names.
    """
    names: list[str] = []
    try:
        group.id.links.iterate(lambda name: names.append(_text(name)), idx_type=_order(group))
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


def _order(group: h5py.Group) -> Any:
    """Return in which order the names of a group come."""
    try:
        opened = group["/"] if isinstance(group, h5py.File) else group
        tracked = opened.id.get_create_plist().get_link_creation_order() & h5p.CRT_ORDER_TRACKED
    except PROBLEMS:
        tracked = False
    return h5.INDEX_CRT_ORDER if tracked else h5.INDEX_NAME


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
