"""Files with some of the structures each, joined to one with all of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from raggedh5.care.merge import merge
from raggedh5.core.ragged import Ragged
from raggedh5.core.schema import Column
from raggedh5.errors import SchemaError
from raggedh5.formats.crystal.writing.structures import MISSING, REFCODES, missing_in
from raggedh5.formats.crystal.writing.values import with_nulls
from raggedh5.store.file import File

__all__ = ["join_parts"]

ROWS = 1 << 12
"""Structures that are copied at a time."""


def join_parts(parts: Sequence[Path], target: Path, options: dict[str, Any]) -> None:
    """Join files of crystal structures, in order.

    Parts of the same tables and columns are joined without decoding what need not be. Where one
    lacks a table, its structures are missing in it; where one lacks a column, that is null.

    Raises
    ------
    SchemaError
        If a column has different dtypes or shapes in them.
    WriteError
        If the file cannot be written.
    """
    missing = _missing_of(parts)
    if not missing:
        try:
            merge(parts, target)
        except SchemaError:  # they are not alike
            _copy(parts, target, options, missing)
    else:
        _copy(parts, target, options, missing)


def _missing_of(parts: Sequence[Path]) -> list[tuple[str, int, int]]:
    """Return runs of structures that were not written, numbered through all parts."""
    found: list[tuple[str, int, int]] = []
    tables: list[set[str]] = []
    counts: list[int] = []
    first = 0
    for path in parts:
        with File(path) as file:
            count = len(file[REFCODES])
            tables.append(set(file.tables()) - {REFCODES, MISSING})
            counts.append(count)
            for name, runs in missing_in(file).items():
                found += [(name, first + start, first + stop) for start, stop in runs]
            first += count
    every = set().union(*tables)
    first = 0
    for names, count in zip(tables, counts, strict=True):
        found += [(name, first, first + count) for name in sorted(every - names) if count]
        first += count
    return found


def _copy(parts: Sequence[Path], target: Path, options: dict[str, Any], missing: list[Any]) -> None:
    """Read all parts, and write what they hold."""
    columns: dict[str, dict[str, Column]] = {}
    ragged: dict[str, bool] = {}
    counts: list[int] = []
    for path in parts:
        with File(path) as file:
            counts.append(len(file[REFCODES]))
            for name, table in file.tables().items():
                if name != MISSING:
                    ragged[name] = table.ragged
                    _unite(columns.setdefault(name, {}), table.columns, name)
    for name, wanted in columns.items():
        for path, count in zip(parts, counts, strict=True):
            with File(path) as file:
                there = file[name].columns if name in file else {}
            # Rows without an item need no null; those of a row table do.
            if count and (there or not ragged[name]):
                for key, column in wanted.items():
                    if key not in there and not column.nested:
                        wanted[key] = with_nulls(column)
    with File(target, "w", **options) as made:
        for name, wanted in columns.items():
            new = made.create_table(name, wanted, ragged=ragged[name])
            for path, count in zip(parts, counts, strict=True):
                with File(path) as file:
                    for first in range(0, count, ROWS):
                        rows = slice(first, min(first + ROWS, count))
                        data = file[name].take(rows) if name in file else {}
                        new.append(_filled(data, wanted, rows.stop - first, ragged[name]))
        if missing:
            names, firsts, stops = zip(*missing, strict=True)
            made.create_table(
                MISSING, {"table": "str", "first": "i8", "stop": "i8"}, ragged=False
            ).append({"table": list(names), "first": list(firsts), "stop": list(stops)})


def _unite(known: dict[str, Column], more: Any, name: str) -> None:
    for key, column in more.items():
        other = known.setdefault(key, column)
        if (other.dtype, other.shape, other.nested) != (column.dtype, column.shape, column.nested):
            raise SchemaError(f"{name}: column {key!r} is not the same in all parts")
        if column.nullable and not other.nullable:
            known[key] = with_nulls(other)


def _filled(
    data: dict[str, Any], columns: dict[str, Column], rows: int, ragged: bool
) -> dict[str, Any]:
    """Return values for all columns: nulls, and empty lists, where there are none."""
    values = next(iter(data.values()), None)
    offsets = values.offsets if isinstance(values, Ragged) else np.zeros(rows + 1, np.int64)
    items = int(offsets[-1]) if ragged else rows
    found = {}
    for name, column in columns.items():
        value = data.get(name)
        if value is None:
            value = _nothing(column, items)
            value = Ragged(value, offsets) if ragged else value
        found[name] = value
    return found


def _nothing(column: Column, items: int) -> Any:
    if column.nested:
        return Ragged(np.empty((0, *column.shape), column.dtype), np.zeros(items + 1, np.int64))
    if column.is_string:
        return np.array([None] * items, np.dtypes.StringDType(na_object=None))
    return np.ma.MaskedArray(np.zeros((items, *column.shape), column.dtype), True)
