"""Passes over one column, the lengths of a table's rows, or one array."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.care.describing.boxes import boxes
from raggedh5.care.describing.length_statistics import LengthCounts
from raggedh5.care.describing.number_statistics import NumberTally
from raggedh5.care.describing.text_statistics import TextTally
from raggedh5.care.work import PIECE, Work
from raggedh5.store.array import Array
from raggedh5.store.items import ItemReader

__all__ = ["array_pass", "column_pass", "lengths_pass"]

ROWS = PIECE // 8
"""Row offsets, or other numbers of 8 bytes, that are read together."""

STRING_BYTES = 1 << 10
"""What a string of variable length counts as, of which nobody knows how long it is."""

Tally = NumberTally | TextTally


def lengths_pass(items: ItemReader, work: Work) -> LengthCounts:
    """Count how long the rows are."""
    counts = LengthCounts()
    for first in range(0, items.rows, ROWS):
        bounds = items.bounds(first, min(first + ROWS, items.rows))
        counts.add(np.diff(bounds))
        work.advance(8.0 * (len(bounds) - 1))
    return counts


def column_pass(items: ItemReader, name: str, work: Work) -> tuple[int, LengthCounts | None, Tally]:
    """Look at all items of a column.

    Returns
    -------
    missing : int
        Items that are missing.
    lists : LengthCounts or None
        How long the lists are, of a nested column.
    values : NumberTally or TextTally
        What the values come to.
    """
    column = items.column(name)
    if column.nested:
        return _nested_pass(items, name, work)
    if column.dictionary:
        return _dictionary_pass(items, name, work)
    tally: Tally = (
        TextTally()
        if column.is_string
        else NumberTally(np.dtype(column.dtype).kind, column.shape, work.pool)
    )
    missing = 0
    weight = items.item_bytes(name)
    for start, stop in items.pieces(name, PIECE):
        values = items.read(name, start, stop)
        if isinstance(values, np.ma.MaskedArray):
            # An item is missing as a whole; one of no numbers is neither there nor missing.
            there = ~np.ma.getmaskarray(values).reshape(stop - start, -1).any(axis=1)
            missing += stop - start - int(np.count_nonzero(there))
            values = values.data[there]
        tally.add(values)
        work.advance(weight * (stop - start))
    return missing, None, tally


def _nested_pass(
    items: ItemReader, name: str, work: Work
) -> tuple[int, LengthCounts | None, Tally]:
    column = items.column(name)
    counts = LengthCounts()
    tally = NumberTally(np.dtype(column.dtype).kind, column.shape, work.pool)
    weight = items.item_bytes(name)
    for first in range(0, items.items, ROWS):
        last = min(first + ROWS, items.items)
        bounds = items.list_bounds(name, first, last)
        counts.add(np.diff(bounds))
        for start, stop in items.value_pieces(name, int(bounds[0]), int(bounds[-1]), PIECE):
            tally.add(items.list_values(name, start, stop))
        work.advance(weight * (last - first))
    return 0, counts, tally


def _dictionary_pass(
    items: ItemReader, name: str, work: Work
) -> tuple[int, LengthCounts | None, Tally]:
    categories = items.categories(name)
    counts = np.zeros(len(categories) + 1, np.int64)
    weight = items.item_bytes(name)
    for start, stop in items.pieces(name, PIECE):
        codes = items.codes(name, start, stop)
        if len(counts) <= len(codes):
            counts += np.bincount(codes.astype(np.int64) + 1, minlength=len(counts))
        else:
            np.add.at(counts, codes.astype(np.int64) + 1, 1)
        work.advance(weight * (stop - start))
    tally = TextTally()
    tally.add_counted(categories, counts[1:])
    return int(counts[0]), None, tally


def array_pass(array: Array, work: Work) -> Tally | None:
    """Look at all values of an array; None where its dtype is neither numbers nor strings."""
    dtype, shape = array.dtype, array.shape
    metadata: Mapping[str, Any] = dtype.metadata or {}
    text = dtype.kind == "S" or metadata.get("vlen") in (str, bytes)
    if not text and dtype.kind not in "biufc":
        work.advance(array.nbytes)
        return None
    if not shape:
        value = np.asarray(array[()]).reshape(1)
        tally = TextTally() if text else NumberTally(dtype.kind, (), work.pool)
        tally.add(_decoded(value) if text else value)
        return tally
    itemsize = dtype.itemsize if dtype.kind != "O" else STRING_BYTES
    parts = partial(boxes, shape, array.chunks, itemsize, PIECE)
    # Where a piece is not whole rows, places within a row are not told apart.
    first = next(parts(), None)
    whole = first is None or all(
        s.stop - s.start == n for s, n in zip(first[1:], shape[1:], strict=True)
    )
    tally = TextTally() if text else NumberTally(dtype.kind, shape[1:] if whole else (), work.pool)
    for box in parts():
        values = array[box]
        tally.add(_decoded(values) if text else values)
        work.advance(values.size * dtype.itemsize)
    return tally


def _decoded(values: NDArray[Any]) -> NDArray[Any]:
    """Return bytes that h5py gives for strings as an array of StringDType."""
    strings = [
        value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
        for value in values.reshape(-1).tolist()
    ]
    return np.array(strings, np.dtypes.StringDType())
