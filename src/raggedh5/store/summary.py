"""What a file holds and how much room it takes, as plain data; no values are read."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import h5py

from raggedh5.core.filter_names import pipeline_name
from raggedh5.errors import FormatError
from raggedh5.store.facts import pipeline_of
from raggedh5.store.file import File
from raggedh5.store.layout import read_layout
from raggedh5.store.table import Table

__all__ = [
    "BufferSummary",
    "ColumnSummary",
    "FileSummary",
    "Sized",
    "TableSummary",
    "ratio",
    "summarize",
]


class Sized(Protocol):
    """Anything with a size in memory and one in the file."""

    @property
    def raw_bytes(self) -> int:
        """Bytes of the values as NumPy would hold them, flat."""

    @property
    def stored_bytes(self) -> int:
        """Bytes of the chunks in the file."""


@dataclass(frozen=True)
class BufferSummary:
    """One HDF5 dataset.

    ``shape`` is None for one without a dataspace, ``chunks`` and ``chunk_count`` for one that is
    not chunked. ``filters`` are pairs of an HDF5 filter id and its parameters.
    """

    name: str
    dtype: str
    shape: tuple[int, ...] | None
    chunks: tuple[int, ...] | None
    chunk_count: int | None
    codec: str
    filters: tuple[tuple[int, tuple[int, ...]], ...]
    raw_bytes: int
    stored_bytes: int


@dataclass(frozen=True)
class ColumnSummary:
    """One column of a table; ``buffers`` starts with the one that carries its attributes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    nested: bool
    nullable: bool
    dictionary: bool
    buffers: tuple[BufferSummary, ...]

    @property
    def raw_bytes(self) -> int:
        """Bytes of the values as NumPy would hold them, flat."""
        return sum(buffer.raw_bytes for buffer in self.buffers)

    @property
    def stored_bytes(self) -> int:
        """Bytes of the chunks in the file."""
        return sum(buffer.stored_bytes for buffer in self.buffers)


@dataclass(frozen=True)
class TableSummary:
    """One table; ``offsets`` is None for a row table, or while there are no columns."""

    name: str
    ragged: bool
    rows: int
    items: int
    columns: tuple[ColumnSummary, ...]
    offsets: BufferSummary | None

    @property
    def raw_bytes(self) -> int:
        """Bytes of all columns and of the offsets."""
        return sum(part.raw_bytes for part in self._parts())

    @property
    def stored_bytes(self) -> int:
        """Bytes of all columns and of the offsets in the file."""
        return sum(part.stored_bytes for part in self._parts())

    def _parts(self) -> Iterable[Sized]:
        return (*self.columns, self.offsets) if self.offsets is not None else self.columns


@dataclass(frozen=True)
class FileSummary:
    """One file: its path, its size, and what is in it."""

    path: str
    file_bytes: int
    tables: tuple[TableSummary, ...]
    arrays: tuple[BufferSummary, ...]


def ratio(part: Sized) -> float | None:
    """Return stored bytes by raw bytes; None where there are no raw ones."""
    return part.stored_bytes / part.raw_bytes if part.raw_bytes else None


def summarize(file: File) -> FileSummary:
    """Look through an open file.

    Raises
    ------
    FormatError
        If the metadata of a table or an array are damaged.

    Examples
    --------
    >>> import raggedh5 as rh5, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "water.h5"
    >>> rh5.write(path, {"atoms": {"symbol": [["O", "H", "H"], ["H"]]}})
    >>> with rh5.File(path) as file:
    ...     (table,) = summarize(file).tables
    >>> table.rows, table.items, table.columns[0].buffers[0].codec
    (2, 4, 'blosc-lz4')
    """
    file.flush()
    tables = tuple(_table(name, table) for name, table in file.tables().items())
    arrays = tuple(_buffer(name, array.h5) for name, array in file.arrays().items())
    return FileSummary(file.path, int(file.h5.file.id.get_filesize()), tables, arrays)


def _table(name: str, table: Table) -> TableSummary:
    group = table.h5
    form, rows, _ = read_layout(group)
    columns = []
    for column, field in form.fields.items():
        first = table.main_buffer(column)
        others = [buffer for buffer in field.buffers() if buffer != first]
        spec = field.column
        columns.append(
            ColumnSummary(
                column,
                str(spec.dtype),
                spec.shape,
                spec.nested,
                spec.nullable,
                bool(spec.dictionary),
                tuple(_buffer(buffer, group[buffer]) for buffer in [first, *others]),
            )
        )
    return TableSummary(
        name,
        table.ragged,
        rows,
        table.items,
        tuple(columns),
        _offsets(form.offsets, group),
    )


def _buffer(name: str, dataset: h5py.Dataset) -> BufferSummary:
    try:
        filters = pipeline_of(dataset)
        shape, chunks = dataset.shape, dataset.chunks
        return BufferSummary(
            name,
            str(dataset.dtype),
            shape,
            chunks,
            dataset.id.get_num_chunks() if chunks else None,
            pipeline_name(filters),
            filters,
            0 if shape is None else dataset.dtype.itemsize * math.prod(shape),
            dataset.id.get_storage_size(),
        )
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise FormatError(f"{dataset.name}: its metadata cannot be read: {error}") from error


def _offsets(name: str | None, group: h5py.Group) -> BufferSummary | None:
    """Return the row offsets, None in a row table and while there are no columns."""
    return _buffer(name, group[name]) if name is not None and name in group else None
