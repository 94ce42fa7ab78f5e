"""Tables in the order of structures, once everything has arrived."""

import numpy as np

from raggedh5.core.schema import Column
from raggedh5.formats.crystal.writing.arriving import ArrivingTable
from raggedh5.formats.crystal.writing.latest import Latest
from raggedh5.formats.crystal.writing.values import with_nulls
from raggedh5.formats.crystal.writing.waiting import PENDING
from raggedh5.store.file import File

__all__ = ["put_in_order"]

ORDERED = "ordered"
"""Where a table is written before it takes its place; not the name of any table."""

ITEMS = 1 << 18
"""Items that are moved at a time."""


def put_in_order(file: File, arriving: ArrivingTable) -> None:
    """Write a table that something waits for anew, with all that is known, and remove the rest.

    Values that were never written are null; lists among them are empty. Structures that were never
    written have no items, and in a row table nulls.

    Raises
    ------
    WriteError
        If the file cannot be written; everything is as it was then.
    """
    latest = Latest(
        arriving.main,
        list(arriving.waiting.values()),
        arriving.structures,
        arriving.gaps,
        arriving.void,
    )
    lengths = np.maximum(arriving.lengths, 0)
    place = f"{PENDING}/{ORDERED}/{arriving.name}"
    if place in file:  # of an attempt that failed
        file.remove(place)
    columns = {name: _final(latest, name, column) for name, column in arriving.columns.items()}
    made = file.create_table(place, columns, ragged=arriving.ragged)
    names = list(columns)
    bounds = np.cumsum(lengths + 1)  # a structure counts as well, if only with its offset
    first = 0
    while first < arriving.structures:
        before = bounds[first - 1] if first else 0
        stop = max(int(np.searchsorted(bounds, before + ITEMS, "right")), first + 1)
        chosen = np.arange(first, min(stop, arriving.structures))
        made.append(latest.take(chosen, names, lengths[chosen]))
        first = stop
    file.flush()
    if arriving.name in file:
        file.remove(arriving.name)
    file.move(place, arriving.name)
    if f"{PENDING}/{arriving.name}" in file:
        file.remove(f"{PENDING}/{arriving.name}")
    arriving.waiting.clear()
    arriving.main = file[arriving.name]
    arriving.rows = arriving.structures


def _final(latest: Latest, name: str, column: Column) -> Column:
    """Return the column with nulls if some are needed."""
    if column.nested or column.nullable:
        return column
    nullable = bool((latest.nulls(name) & _has_items(latest)).any())
    return with_nulls(column) if nullable else column


def _has_items(latest: Latest) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return latest.lengths() > 0 if latest.ragged else np.ones(latest.structures, np.bool_)
