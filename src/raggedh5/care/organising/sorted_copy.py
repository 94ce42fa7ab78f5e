"""A copy of a file in which some tables and arrays have their rows in another order."""

import math
from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.care.work import PIECE, Work
from raggedh5.core.pipeline_codecs import codec_like
from raggedh5.core.schema import Column
from raggedh5.errors import SchemaError
from raggedh5.store.array import Array
from raggedh5.store.copying.table_copy import OWN, copy_whole
from raggedh5.store.copying.table_source import TableSource
from raggedh5.store.copying.transfer import Transfer, transferring
from raggedh5.store.copying.verbatim import copy_object
from raggedh5.store.facts import pipeline_of
from raggedh5.store.file import File
from raggedh5.store.index_group import is_index
from raggedh5.store.items import ItemReader
from raggedh5.store.table import Table
from raggedh5.store.walk import outside_indexes, walk

__all__ = ["check_sortable", "sort_array", "sort_table", "write_sorted"]

Indices = NDArray[np.int64]
Order = Callable[[], Iterator[Indices]]

ROWS = 1 << 18
"""Rows that are fetched together, at most: where they are without items, too."""

UNIT = 1 << 16


def write_sorted(
    source: File,
    target: File,
    order: Order,
    permuted: Collection[Any],
    stale: Callable[[Any], bool],
    work: Work,
) -> tuple[list[str], list[str]]:
    """Copy a file to a new one, some of it in another order.

    Parameters
    ----------
    source, target
        The files.
    order
        Goes through the row numbers in their new order, anew each time.
    permuted
        The h5py identifiers of the groups and datasets of the tables and arrays that get it: links
        may give them several names.
    stale
        Says of an index group whether it is one of what is permuted.
    work
        Told how many rows have been written.

    Returns
    -------
    copied, dropped : list of str
        Paths of the tables and arrays that were copied as they are, and of indexes that were left
        out because their row numbers would be wrong.
    """
    copied: list[str] = []
    dropped: list[str] = []
    with transferring(source, target) as transfer:
        transfer.root()
        for found in walk(source.h5, outside_indexes):
            name, item = found.name, found.item
            if found.kind == "table" and item.id in permuted:
                sort_table(transfer, source[name], target, name, order, work)
            elif found.kind == "array" and item.id in permuted:
                sort_array(transfer, source[name], target, name, order, work)
            elif found.kind == "table":
                copy_whole(transfer, name, TableSource(transfer.source, item))
                copied.append(name)
            elif found.kind == "array":
                transfer.dataset(name, item)
                copied.append(name)
            elif is_index(item):
                if stale(item):
                    dropped.append(name)
                else:  # very many small datasets, which HDF5 copies fastest
                    copy_object(item, target.h5, name)
            elif found.kind != "again" or found.target[0][1:] not in dropped:
                transfer.other(found)
    return copied, dropped


def check_sortable(array: Array, name: str, rows: int) -> None:
    """Refuse an array that does not have a row for each row, or whose values are no numbers."""
    if not array.h5.shape or len(array) != rows:
        raise SchemaError(f"/{name} has the shape {array.h5.shape}, but there are {rows} rows")
    if array.dtype.kind not in "biufc" or array.dtype.itemsize > 16:
        raise SchemaError(f"/{name}: an array of {array.dtype} cannot be sorted")


def sort_table(
    transfer: Transfer, table: Table, target: File, path: str, order: Order, work: Work
) -> None:
    """Write the rows of a table in another order to a new table of the same kind."""
    group = table.h5
    columns = {}
    largest = 1
    for name, spec in table.columns.items():
        dataset = table[name].h5
        columns[name] = Column(
            spec.dtype,
            spec.shape,
            nested=spec.nested,
            dictionary=spec.dictionary,
            nullable=spec.nullable,
            codec=codec_like(pipeline_of(dataset)),
        )
    for dataset in group.values():
        if getattr(dataset, "chunks", None):
            largest = max(largest, math.prod(dataset.chunks) * dataset.dtype.itemsize)
    offsets = table.reading_end().form.offsets
    made = target.create_table(
        path,
        columns,
        ragged=table.ragged,
        codec=codec_like(pipeline_of(group[offsets])) if offsets and columns else "inherit",
        # Chunks are rounded down from what they aim at.
        chunk_bytes=largest if largest < UNIT else -(-largest // UNIT) * UNIT,
    )
    if columns:
        made.append(table.take(slice(0, 0)))  # there are buffers, also where there are no rows
        for rows in _pieces(table, order):
            made.append(_taken(table, rows))
            work.advance(len(rows))
    target.flush()
    transfer.attributes(group.id, made.h5.id, OWN)
    for name in made.h5:
        if name in group:
            transfer.attributes(group[name].id, made.h5[name].id)


def sort_array(
    transfer: Transfer, array: Array, target: File, path: str, order: Order, work: Work
) -> None:
    """Write the rows of an array in another order to a new array of the same kind."""
    made = target.create_array(
        path,
        (0, *array.shape[1:]),
        array.dtype,
        chunks=array.chunks,
        codec=codec_like(pipeline_of(array.h5)) if array.chunks else "inherit",
    )
    step = max(1, min(ROWS, PIECE // max(array.nbytes // max(len(array), 1), 1)))
    for piece in order():
        for first in range(0, len(piece), step):
            rows = piece[first : first + step]
            made.append(array[rows])
            work.advance(len(rows))
    target.flush()
    transfer.attributes(array.h5.id, made.h5.id)


def _taken(table: Table, rows: Indices) -> dict[str, Any]:
    """Return rows in their order, read in that of the file: each block is then decoded once."""
    order = np.argsort(rows)
    batch = table.take(rows[order])
    place = np.empty(len(rows), np.int64)
    place[order] = np.arange(len(rows))
    return {name: values[place] for name, values in batch.items()}


def _pieces(table: Table, order: Order) -> Iterator[Indices]:
    """Cut the rows in their new order into pieces of bounded size, one row at least."""
    items = ItemReader(table)
    weight = sum(items.item_bytes(name) for name in table.columns)
    for rows in order():
        for first in range(0, len(rows), ROWS):
            part = rows[first : first + ROWS]
            starts, stops = items.ranges(part)
            ends = np.cumsum((stops - starts) * weight)
            at = 0
            while at < len(part):
                done = ends[at - 1] if at else 0.0
                stop = int(np.searchsorted(ends, done + PIECE, "right"))
                stop = max(stop, at + 1)
                yield part[at:stop]
                at = stop
