"""Chosen rows of a table or an array into another file, in bounded memory."""

import posixpath
from collections.abc import Iterator, Sequence

import h5py
import numpy as np

from raggedh5.core.rows import Rows
from raggedh5.store.copying.array_assembly import by_hdf5, create_by_hdf5
from raggedh5.store.copying.assembly import Assembly
from raggedh5.store.copying.restorage import Restorage
from raggedh5.store.copying.table_copy import assemble_like
from raggedh5.store.copying.table_source import TableSource
from raggedh5.store.copying.transfer import Transfer
from raggedh5.store.facts import Facts
from raggedh5.store.file import File
from raggedh5.store.ranges import RangeReader
from raggedh5.store.reader import Reader
from raggedh5.store.row_offsets import RowOffsets
from raggedh5.store.table import Table

__all__ = ["copy_array_rows", "copy_table_rows", "in_one_piece"]

PART = 1 << 24
"""Bytes of rows that are in memory at once; a longer row is so all the same."""

MANY_ROWS = 1 << 16


def in_one_piece(rows: slice | Rows) -> slice | Rows:
    """Return row numbers that follow each other as a slice."""
    if isinstance(rows, slice) or not len(rows):
        return slice(0, 0) if not isinstance(rows, slice) else rows
    first, last = int(rows[0]), int(rows[-1])
    if last - first + 1 == len(rows) and bool((np.diff(rows) == 1).all()):
        return slice(first, last + 1)
    return rows


def copy_table_rows(
    transfer: Transfer,
    files: tuple[File, File],
    path: str,
    source: TableSource,
    columns: Sequence[str],
    rows: slice | Rows,
) -> int:
    """Copy rows of a table, and return how many.

    Rows that follow each other take the chunks with them that line up: all but the last, where
    they begin with row 0. Others are read and appended, part by part.

    Parameters
    ----------
    transfer, files
        From file to file; both as `File`.
    path
        The path in the target.
    source
        The table.
    columns
        Names of columns.
    rows
        A slice of step 1 or row numbers, all of them within the table.
    """
    rows = in_one_piece(rows)
    specs = {name: source.form.fields[name].column for name in columns}
    made = assemble_like(transfer, path, source, specs, Restorage())
    if isinstance(rows, slice):
        made.append(source, rows.start, rows.stop, last=True)
        made.finish()
        return int(rows.stop - rows.start)
    made.finish()
    old, new = Table(source.handle, source.group), files[1][path]
    for part in _parts(source, columns, rows):
        new.append(old.take(part, list(columns)))
    return len(rows)


def copy_array_rows(
    transfer: Transfer, path: str, dataset: h5py.Dataset, rows: slice | Rows
) -> int:
    """Copy rows of a dense array, and return how many."""
    rows = in_one_piece(rows)
    facts = Facts(dataset)
    group, name = transfer.parent(path), posixpath.basename(path)
    if not facts.numeric:
        count = rows.stop - rows.start if isinstance(rows, slice) else len(rows)
        by_hdf5(dataset, rows, create_by_hdf5(transfer, group, name, facts, count), 0)
        return count
    reader = Reader(transfer.source_of(dataset), facts)
    made = Restorage().create(group, name, facts, grid=True)
    transfer.attributes(facts.id, made.id)
    assembly = Assembly(transfer.target, made)
    if isinstance(rows, slice):
        assembly.append(reader, rows.start, rows.stop, last=True)
    else:
        step = max(PART // max(reader.itembytes, 1), 1)
        ranges = RangeReader(reader)
        for first in range(0, len(rows), step):
            part = rows[first : first + step]
            values = np.empty((len(part), *facts.inner), facts.dtype)
            ranges.copy(part, part + 1, values, np.arange(len(part), dtype=np.int64))
            assembly.put(values)
    assembly.finish()
    return assembly.count


def _parts(source: TableSource, columns: Sequence[str], rows: Rows) -> Iterator[Rows]:
    """Cut row numbers into runs of about `PART` bytes of items."""
    if not len(rows):
        return
    item = sum(_item_bytes(source, name) for name in columns)
    offsets = None
    if source.form.offsets is not None:
        offsets = RowOffsets(source.reader(source.form.offsets), source.rows)
    for first in range(0, len(rows), MANY_ROWS):
        many = rows[first : first + MANY_ROWS]
        starts, stops = (many, many + 1) if offsets is None else offsets.take(many)
        ends = np.cumsum((stops - starts) * item)
        cuts = np.flatnonzero(np.diff(ends // PART)) + 1
        yield from np.split(many, cuts)


def _item_bytes(source: TableSource, column: str) -> int:
    """Return about how many bytes an item of a column has."""
    field = source.form.fields[column]
    values = source.facts(field.values)
    size = values.dtype.itemsize * int(np.prod(values.inner, dtype=np.int64))
    if field.codes is not None:
        return 16  # a NumPy string of a few letters
    if field.offsets is not None:
        lists = max(source.facts(field.offsets).shape[0] - 1, 1)
        return 16 + size * values.shape[0] // lists
    return size
