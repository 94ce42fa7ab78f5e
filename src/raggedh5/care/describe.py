"""Statistics of everything in a file, in one pass and in bounded memory."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from raggedh5.care.describing.column_tally import array_pass, column_pass, lengths_pass
from raggedh5.care.description import (
    ArrayDescription,
    ColumnDescription,
    Description,
    TableDescription,
)
from raggedh5.care.progress import Progress, silent
from raggedh5.care.work import Work
from raggedh5.errors import SchemaError
from raggedh5.store.array import Array
from raggedh5.store.damage import damage_told
from raggedh5.store.file import File
from raggedh5.store.items import ItemReader
from raggedh5.store.table import Table

__all__ = ["describe"]


def describe(
    path: str | os.PathLike[str],
    *,
    tables: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    bins: int = 20,
    threads: int | None = None,
    progress: Progress = silent,
) -> Description:
    """Work out the statistics of every column, of the lengths of rows, and of every array.

    Everything is read once, in pieces of 32 MiB that are decoded in parallel; a single string or
    chunk that is larger is read whole. Lengths are counted exactly. Indexes made by
    `organise` are left out.

    Parameters
    ----------
    path
        The file.
    tables
        Paths of the tables and arrays to look at; None for all.
    columns
        Names of the columns to look at, in those tables that have them; None for all, and for
        arrays too.
    bins
        How many bins a histogram of lengths has at most.
    threads
        Threads that decode and count; None: one for each core available.
    progress
        Called with the bytes that have been looked at, and those that there are.

    Returns
    -------
    Description

    Raises
    ------
    KeyError
        If there is no such table, array or column.
    SchemaError
        If `bins` is below 1.
    FormatError
        If the file is damaged.
    CodecError
        If a filter is missing.

    Examples
    --------
    >>> import raggedh5 as rh5, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "molecules.h5"
    >>> rh5.write(path, {"atoms": {"symbol": [["O", "H", "H"], ["N", "N"]]}})
    >>> (table,) = describe(path).tables
    >>> table.lengths.median, table.columns[0].values.frequent[0]
    (2.5, ('H', 2))
    """
    if bins < 1:
        raise SchemaError(f"a histogram has 1 bin or more, not {bins}")
    tables = [tables] if isinstance(tables, str) else tables
    columns = [columns] if isinstance(columns, str) else columns
    with damage_told(path), File(path, threads=threads) as file:
        chosen, arrays = _chosen(file, tables)
        readers = {name: ItemReader(table) for name, table in chosen.items()}
        wanted = {name: _columns(table, columns) for name, table in chosen.items()}
        if columns is not None:
            arrays = {}
            _check_columns(file, chosen, columns)
        total = sum(
            readers[name].rows * 8
            + sum(round(readers[name].item_bytes(column) * readers[name].items) for column in names)
            for name, names in wanted.items()
        )
        total += sum(array.nbytes for array in arrays.values() if array.h5.shape is not None)
        with Work(progress, total, threads) as work:
            found_tables = tuple(
                _table(name, chosen[name], readers[name], wanted[name], bins, work)
                for name in chosen
            )
            found_arrays = tuple(_array(name, array, work) for name, array in arrays.items())
        size = int(file.h5.file.id.get_filesize())
        return Description(file.path, size, found_tables, found_arrays)


def _chosen(
    file: File, names: Sequence[str] | None
) -> tuple[Mapping[str, Table], Mapping[str, Array]]:
    """Return the tables and arrays to look at, by path."""
    tables, arrays = file.contents()
    if names is None:
        return tables, arrays
    known = [*tables, *arrays]
    asked = list(dict.fromkeys(name.strip("/") for name in names))
    for name in asked:
        if name not in known:
            has = f"the file has {', '.join(map(repr, known))}" if known else "the file is empty"
            raise KeyError(f"{file.path}: there is no table or array {name!r}; {has}")
    return (
        {name: tables[name] for name in asked if name in tables},
        {name: arrays[name] for name in asked if name in arrays},
    )


def _columns(table: Table, names: Sequence[str] | None) -> list[str]:
    known = table.columns
    if names is None:
        return list(known)
    return [name for name in dict.fromkeys(names) if name in known]


def _check_columns(file: File, tables: Mapping[str, Table], names: Sequence[str]) -> None:
    known = dict.fromkeys(name for table in tables.values() for name in table.columns)
    for name in names:
        if name not in known:
            raise KeyError(
                f"{file.path}: no table that is looked at has a column {name!r}; there are "
                f"{', '.join(map(repr, known)) or 'none'}"
            )


def _table(
    name: str, table: Table, items: ItemReader, columns: list[str], bins: int, work: Work
) -> TableDescription:
    ragged = table.ragged
    lengths = lengths_pass(items, work).statistics(bins) if ragged else None
    return TableDescription(
        name,
        ragged,
        items.rows,
        items.items,
        lengths,
        tuple(_column(items, column, bins, work) for column in columns),
    )


def _column(items: ItemReader, name: str, bins: int, work: Work) -> ColumnDescription:
    column = items.column(name)
    missing, lists, values = column_pass(items, name, work)
    return ColumnDescription(
        name,
        str(column.dtype),
        column.shape,
        column.nested,
        column.nullable,
        bool(column.dictionary),
        items.items,
        missing,
        None if lists is None else lists.statistics(bins),
        values.statistics(),
    )


def _array(name: str, array: Array, work: Work) -> ArrayDescription:
    shape: Any = array.h5.shape
    found = None if shape is None else array_pass(array, work)
    return ArrayDescription(
        name, str(array.dtype), shape, None if found is None else found.statistics()
    )
