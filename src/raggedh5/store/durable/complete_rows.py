"""How many rows of a table are wholly in the file, whatever its length says."""

import h5py
import numpy as np

from raggedh5.store.attributes import get_number, set_number
from raggedh5.store.chunkmap import ChunkMap
from raggedh5.store.facts import Facts, address_of
from raggedh5.store.handle import Handle
from raggedh5.store.layout import Layout, read_layout
from raggedh5.store.reader import Reader

__all__ = ["complete_rows", "cut_rows"]

PIECE = 1 << 20
"""Offsets that are looked at together."""


def complete_rows(handle: Handle, group: h5py.Group) -> tuple[int, int]:
    """Return how many rows a table says that it has, and how many of these are complete.

    A row is complete if the offsets up to it rise, and all its items are within chunks that are in
    the file. Their content is not looked at.

    Raises
    ------
    FormatError
        If it is no table, or one that lacks a whole column.
    """
    layout = read_layout(group)
    form, rows = layout.form, layout.length
    if not form.fields:
        return rows, rows
    # Of other writers' chunks those that hold nothing but the fill value may be left out.
    ours = get_number(group.id, "raggedh5-version") is not None
    stored = {
        name: _stored(handle, facts) if ours else facts.shape[0]
        for name, facts in layout.buffers.items()
    }
    items = min(_items(handle, layout, stored, name) for name in form.fields)
    if form.offsets is None:
        return rows, min(rows, items)
    within = min(rows, max(stored[form.offsets] - 1, 0))
    return rows, _rising(handle, layout, form.offsets, within, items)


def cut_rows(handle: Handle, group: h5py.Group, rows: int) -> None:
    """Make a table end after so many rows; what lies behind is written over by the next append."""
    set_number(group.id, "length", rows)
    handle.sums.keep_table(str(group.name), address_of(group.id), rows, None)


def _items(handle: Handle, layout: Layout, stored: dict[str, int], name: str) -> int:
    """Return how many items of a column are complete."""
    field = layout.form.fields[name]
    if field.codes is not None:
        return stored[field.codes]
    values = stored[field.values]
    if field.offsets is not None:
        count = max(stored[field.offsets] - 1, 0)
        return _rising(handle, layout, field.offsets, count, values)
    return min(values, stored[field.mask]) if field.mask is not None else values


def _rising(handle: Handle, layout: Layout, buffer: str, count: int, limit: int) -> int:
    """Return how many of the first `count` lists have offsets that rise, up to `limit` at most."""
    reader = Reader(handle, layout.buffers[buffer])
    last = 0
    for first in range(0, count, PIECE):
        stop = min(first + PIECE, count)
        offsets = reader.read((slice(first, stop + 1),)).astype(np.int64)
        if offsets[0] != last:
            return first
        good = (offsets[1:] >= offsets[:-1]) & (offsets[1:] <= limit)
        if not good.all():
            return first + int(np.argmin(good))
        last = int(offsets[-1])
    return count


def _stored(handle: Handle, facts: Facts) -> int:
    """Return how many items of a buffer lie before the first chunk that is not in the file."""
    extent = facts.shape[0]
    if facts.chunks is None or not extent or 0 in facts.inner:
        return extent
    chunks = ChunkMap(handle, facts)
    ends = chunks.address + chunks.stored
    missing = np.flatnonzero((chunks.stored <= 0) | (ends > handle.size()))
    if not len(missing):
        return extent
    cells = max(len(chunks.stored) // -(-extent // facts.chunks[0]), 1)
    return min(int(missing[0]) // cells * facts.chunks[0], extent)
