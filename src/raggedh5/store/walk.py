"""Every object of a file, once: groups, tables, datasets, named types, and links."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import h5py

from raggedh5.errors import FormatError
from raggedh5.store.facts import address_of
from raggedh5.store.layout import is_table
from raggedh5.store.sums import GROUP

__all__ = ["Entry", "walk"]


class Entry(NamedTuple):
    """What one name in a file leads to.

    Attributes
    ----------
    path : str
        The name, from the root on, without a slash before it.
    kind : str
        A ``"link"`` is a soft one or one into another file, or a hard one to an object that came
        before.
    item
        The object; of a link `h5py.SoftLink`, `h5py.ExternalLink`, or the path that came before.
    """

    path: str
    kind: Literal["group", "table", "dataset", "type", "link"]
    item: Any


def walk(root: h5py.Group) -> Iterator[Entry]:
    """Go through everything below a group but the library's own, parents first.

    The buffers of a table are part of it.
    """
    seen: dict[int, str] = {address_of(root.id): "/"}
    ahead = [(_text(name), root) for name in reversed(root) if name != GROUP]
    while ahead:
        path, parent = ahead.pop()
        name = path.rsplit("/", 1)[-1]
        try:
            link = parent.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                yield Entry(path, "link", link)
                continue
            item = parent[name]
        except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
            raise FormatError(f"/{path} cannot be opened: {error}") from error
        address = address_of(item.id)
        if address in seen:
            yield Entry(path, "link", seen[address])
            continue
        seen[address] = f"/{path}"
        if isinstance(item, h5py.Dataset):
            yield Entry(path, "dataset", item)
        elif isinstance(item, h5py.Datatype):
            yield Entry(path, "type", item)
        elif is_table(item):
            yield Entry(path, "table", item)
        else:
            yield Entry(path, "group", item)
            ahead.extend((f"{path}/{_text(n)}", item) for n in reversed(item) if n != GROUP)


def _text(name: str | bytes) -> str:
    """Return a name in a file; h5py gives bytes where it is no UTF-8."""
    if isinstance(name, bytes):
        raise FormatError(f"{name!r}, a name in the file, is no UTF-8")
    return name
