"""Groups of row numbers on disk: which rows of a table have which value.

``/by_<key>/<value>`` is a dataset of int64 with the numbers of the rows that have the value, in
rising order. Names of values are written as `raggedh5.core.link_names` has them. See
docs/format.md.
"""

import contextlib
import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5p, h5s, h5t
from numpy.typing import NDArray

from raggedh5.core.codecs import Blosc
from raggedh5.errors import FormatError, RaggedH5Error, SchemaError, WriteError
from raggedh5.store.attributes import get_number, set_number, set_text

__all__ = ["IndexEntry", "is_index", "read_attributes", "write_index"]

MARK = "raggedh5-index"
"""Attribute of an index group: the version of its form."""

VERSION = 1

COMPRESSED = 1 << 13
"""Row numbers from which on they are stored in compressed chunks."""

COMPACT = 1 << 9
"""Row numbers below which they lie in the header of their dataset."""

CHUNK = 1 << 16
"""Row numbers of a chunk."""


@dataclass(frozen=True)
class IndexEntry:
    """One group of rows.

    ``name`` is that of its link, ``attributes`` are what the value is, and ``pieces`` make its
    `count` row numbers; or the names of members of a group, as UTF-8.
    """

    name: str
    count: int
    attributes: Mapping[str, Any]
    pieces: Iterable[NDArray[np.int64]] | Iterable[NDArray[np.bytes_]]


def is_index(item: object) -> bool:
    """Whether an HDF5 object is an index group."""
    if not isinstance(item, h5py.Group):
        return False
    try:
        return get_number(item.id, MARK) is not None
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise FormatError(f"{item.name}: its attributes cannot be read: {error}") from error


def write_index(
    parent: h5py.Group,
    name: str,
    attributes: Mapping[str, Any],
    entries: Iterable[IndexEntry],
) -> str:
    """Write an index group; it gets its name, and the place of another index, when it is complete.

    Parameters
    ----------
    parent, name
        Where it goes.
    attributes
        What it says of itself.
    entries
        The groups of rows.

    Returns
    -------
    str
        Its path.

    Raises
    ------
    SchemaError
        If there is an object of that name that is no index.
    WriteError
        If it cannot be written.
    """
    path = f"{str(parent.name).rstrip('/')}/{name}"
    try:
        there = name in parent
        if there and not is_index(parent.get(name)):
            raise SchemaError(f"{path} is there already, and is no index")
        # Without a name it is not in the file, whatever happens meanwhile.
        group = parent.create_group(None, track_order=True)
        for entry in entries:
            _write_entry(group, entry)
        group.attrs.update(attributes)
        set_number(group.id, MARK, VERSION)
        if there:
            del parent[name]
        parent[name] = group
    except RaggedH5Error:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        raise WriteError(f"{path} could not be written: {error}") from error
    return path


def read_attributes(group: h5py.Group) -> dict[str, Any]:
    """Return what an index group says of itself.

    Raises
    ------
    FormatError
        If it is no index, of a newer version, or its attributes cannot be read.
    """
    with _readable(group):
        version = get_number(group.id, MARK)
        if version is None:
            raise FormatError(f"{group.name} is no index")
        if version > VERSION:
            raise FormatError(
                f"{group.name}: index version {version} is newer than {VERSION}; install a newer "
                "raggedh5"
            )
        return dict(group.attrs)


@contextlib.contextmanager
def _readable(group: h5py.Group) -> Iterator[None]:
    try:
        yield
    except FormatError:
        raise
    except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise FormatError(f"{group.name} cannot be read: {error}") from error


def _write_entry(group: h5py.Group, entry: IndexEntry) -> None:
    pieces = iter(entry.pieces)
    first = next(pieces, np.zeros(0, np.int64))
    if first.dtype.kind == "S":
        dataset = _write_names(group, entry.name, np.concatenate([first, *pieces]))
    elif entry.count < COMPRESSED:
        # There may be very many: by h5py's low level, in a third of the time.
        rows = np.concatenate([first, *pieces])
        properties, links = _properties(entry.count < COMPACT)
        name, space = entry.name.encode(), h5s.create_simple((entry.count,))
        dataset = h5d.create(group.id, name, h5t.STD_I64LE, space, properties, links)
        dataset.write(h5s.ALL, h5s.ALL, rows)
    else:
        options = {"chunks": (min(CHUNK, entry.count),), **Blosc().keywords()}
        large = group.create_dataset(entry.name, (entry.count,), np.int64, **options)
        at = 0
        for piece in itertools.chain([first], pieces):
            large[at : at + len(piece)] = piece
            at += len(piece)
        dataset = large.id
    set_number(dataset, "count", entry.count)
    for key, value in entry.attributes.items():
        if isinstance(value, str):
            set_text(dataset, key, value)
        elif isinstance(value, np.int64):
            set_number(dataset, key, int(value))
        else:
            h5py.Dataset(dataset).attrs[key] = value


def _write_names(group: h5py.Group, link: str, names: NDArray[np.bytes_]) -> Any:
    options = {"chunks": (min(CHUNK, len(names)),), **Blosc().keywords()}
    kind = h5py.string_dtype("utf-8", max(names.dtype.itemsize, 1))
    more = options if len(names) >= COMPRESSED else {}
    return group.create_dataset(link, data=names.astype(kind), dtype=kind, **more).id


@functools.cache
def _properties(compact: bool) -> tuple[Any, Any]:
    """Return the properties of a small dataset and of the link to it."""
    properties = h5p.create(h5p.DATASET_CREATE)
    properties.set_obj_track_times(False)
    properties.set_layout(h5d.COMPACT if compact else h5d.CONTIGUOUS)
    links = h5p.create(h5p.LINK_CREATE)
    links.set_char_encoding(h5t.CSET_UTF8)
    return properties, links
