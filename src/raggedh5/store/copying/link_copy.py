"""Links like those in another file."""

from typing import Any

import h5py
from h5py import h5o, h5p, h5t

from raggedh5.store.walk import Found

__all__ = ["add_link", "link_properties"]


def add_link(parent: h5py.Group, name: str, found: Found) -> None:
    """Make a link like one in another file: soft, into a further file, or a further hard one.

    Groups on the way are made.

    Raises
    ------
    KeyError, OSError, RuntimeError, ValueError
        As h5py does: there is something of that name, or nothing that a hard link is to lead to.
    """
    key, path = _bytes(name), _bytes(found.target[0])
    if found.kind == "soft":
        parent.id.links.create_soft(key, path, lcpl=link_properties(key))
    elif found.kind == "external":
        file = _bytes(found.target[1])
        parent.id.links.create_external(key, file, path, lcpl=link_properties(key))
    else:
        h5o.link(parent.file[path].id, parent.id, key, lcpl=link_properties(key))


def link_properties(name: bytes) -> Any:
    """Return the properties of a link that makes the groups on its way."""
    links = h5p.create(h5p.LINK_CREATE)
    links.set_create_intermediate_group(True)
    links.set_char_encoding(h5t.CSET_ASCII if name.isascii() else h5t.CSET_UTF8)
    return links


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
