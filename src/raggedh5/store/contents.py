"""The tables and arrays of a file, by path."""

from collections.abc import Iterator

import h5py

from raggedh5.errors import FormatError
from raggedh5.store.index_group import is_index
from raggedh5.store.layout import is_table
from raggedh5.store.links import Links
from raggedh5.store.stored_sums import GROUP

__all__ = ["tables_and_arrays"]


def tables_and_arrays(
    root: h5py.Group, links: Links
) -> Iterator[tuple[str, h5py.Group | h5py.Dataset]]:
    """Go through all below a group, those that links lead to among them, but for indexes of rows.

    Raises
    ------
    FormatError
        If a name is no UTF-8.
    """
    seen = {root.id}
    ahead = _members("", root)
    while ahead:
        path, parent = ahead.pop()
        item = links.get(parent, path.rsplit("/", 1)[-1])
        if is_table(item) or isinstance(item, h5py.Dataset):
            yield path, item
        # A group may be linked to from several places, even from within itself.
        elif isinstance(item, h5py.Group) and item.id not in seen and not is_index(item):
            seen.add(item.id)
            ahead += _members(f"{path}/", item)


def _members(folder: str, group: h5py.Group) -> list[tuple[str, h5py.Group]]:
    """Return paths of the members of a group, the first one last, and the group with each."""
    found = []
    for name in reversed(group):
        if not isinstance(name, str):
            raise FormatError(f"{name!r}, a name in the file, is no UTF-8")
        if name != GROUP:
            found.append((folder + name, group))
    return found
