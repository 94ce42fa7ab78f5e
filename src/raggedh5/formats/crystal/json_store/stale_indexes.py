"""Indexes of structures that would be wrong once one of them has another value."""

from typing import Any

from raggedh5.store.index_group import is_index, read_attributes
from raggedh5.store.raw_json import STRUCTURES

__all__ = ["remove_indexes"]


def remove_indexes(root: Any) -> None:
    """Remove what `raggedh5.care.organise` said of the structures of a file.

    Where structures were added it need not: readers compare how many there were.
    """
    stale = [
        name
        for name in root
        if name.startswith("by_")
        and is_index(root.get(name))
        and read_attributes(root[name]).get("table") == f"/{STRUCTURES}"
    ]
    for name in stale:
        del root[name]
