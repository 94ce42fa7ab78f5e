"""What the tables and arrays of files are made of, and where several files differ in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from raggedh5.core.form import main_buffer
from raggedh5.core.schema import Column
from raggedh5.errors import FormatError, SchemaError
from raggedh5.store.file import File
from raggedh5.store.layout import read_layout
from raggedh5.store.walk import walk

__all__ = ["ArraySchema", "PartSchema", "TableSchema", "check_alike", "differing_attributes"]

MOST = 8
"""Differences that a message names."""

OWN = {"form", "length", "encoding-type", "encoding-version", "raggedh5-version", "finite"}
"""Attributes that the format has rules for."""

REFERENCES = {"DIMENSION_LIST", "REFERENCE_LIST"}
"""Attributes of dimension scales, which lead to places in their own file."""


@dataclass(frozen=True)
class TableSchema:
    """A table: its columns, what is to be known of them, and its rows."""

    ragged: bool
    columns: Mapping[str, Column]
    finite: frozenset[str]
    rows: int


@dataclass(frozen=True)
class ArraySchema:
    """A dense array: its dtype, its shape (None for one without a dataspace), its one value."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...] | None
    value: Any = None


@dataclass(frozen=True)
class PartSchema:
    """One file: its tables and arrays, its attributes by path, and its size."""

    path: str
    tables: Mapping[str, TableSchema]
    arrays: Mapping[str, ArraySchema]
    attributes: Mapping[tuple[str, str], Any]
    nbytes: int

    @classmethod
    def read(cls, path: Path) -> "PartSchema":
        """Read what a file is made of.

        Raises
        ------
        FormatError
            If it is damaged.
        """
        tables, arrays = {}, {}
        attributes: dict[tuple[str, str], Any] = {}
        with File(path, threads=1) as file:
            _note(attributes, "/", file.h5)
            for found in walk(file.h5):
                if found.kind == "table":
                    form, rows, buffers = read_layout(found.item)
                    finite = {
                        name
                        for name, field in form.fields.items()
                        if np.all(buffers[field.values].dataset.attrs.get("finite", False))
                    }
                    columns = {name: field.column for name, field in form.fields.items()}
                    ragged = form.offsets is not None
                    tables[found.name] = TableSchema(ragged, columns, frozenset(finite), rows)
                    _note(attributes, found.name, found.item)
                    for name, field in form.fields.items():
                        main = buffers[main_buffer(field)].dataset
                        _note(attributes, f"{found.name}/{name}", main)
                elif found.kind == "array":
                    arrays[found.name] = _array(found.item)
                    _note(attributes, found.name, found.item)
                elif found.kind == "group":
                    _note(attributes, found.name, found.item)
        return cls(str(path), tables, arrays, attributes, path.stat().st_size)


def check_alike(parts: Sequence[PartSchema]) -> None:
    """Make sure that the tables and arrays of files can be joined.

    Raises
    ------
    SchemaError
        Naming the first differences: the file, the table and the column.
    """
    found: list[str] = []
    for part in parts[1:]:
        found += _tables(parts[0], part, parts) + _arrays(parts[0], part)
    if found:
        more = f"; and {len(found) - MOST} more" if len(found) > MOST else ""
        raise SchemaError(f"the parts do not agree: {'; '.join(found[:MOST])}{more}")


def differing_attributes(parts: Sequence[PartSchema]) -> list[str]:
    """Return a line for each attribute or single value that differs from that of the first part."""
    first = parts[0]
    lines = []
    for part in parts[1:]:
        for (path, name), value in first.attributes.items():
            where = f"{part.path}: attribute {name!r} of {path!r}"
            if (path, name) not in part.attributes:
                lines.append(f"{where} is not there; {first.path} has {value!r}")
            elif not _equal(value, part.attributes[path, name]):
                other = part.attributes[path, name]
                lines.append(f"{where} is {other!r}, but {value!r} in {first.path}")
        lines += [
            f"{part.path}: {name!r} is {part.arrays[name].value!r}, "
            f"but {array.value!r} in {first.path}"
            for name, array in first.arrays.items()
            if array.shape == () and not _equal(array.value, part.arrays[name].value)
        ]
        lines += [
            f"{part.path}: attribute {name!r} of {path!r} is not in {first.path}"
            for path, name in part.attributes
            if (path, name) not in first.attributes
        ]
    return lines


def _tables(first: PartSchema, part: PartSchema, parts: Sequence[PartSchema]) -> list[str]:
    found = []
    for name in {**first.tables, **part.tables}:
        if name not in part.tables or name not in first.tables:
            without = part if name not in part.tables else first
            found.append(f"{without.path} has no table {name!r}")
            continue
        one, other = first.tables[name], part.tables[name]
        where = f"{part.path}: table {name!r}"
        if one.ragged != other.ragged:
            kinds = {True: "a ragged table", False: "a row table"}
            found.append(
                f"{where} is {kinds[other.ragged]}, but {kinds[one.ragged]} in {first.path}"
            )
        # A table that nothing was ever appended to may have no columns yet.
        with_columns = (
            next((p.tables[name] for p in parts if p.tables[name].columns), one)
            if all(name in p.tables for p in parts)
            else one
        )
        if other.columns:
            found += _columns(with_columns.columns, other.columns, where, first.path)
    return found


def _columns(
    columns: Mapping[str, Column], others: Mapping[str, Column], where: str, first: str
) -> list[str]:
    found = [f"{where} has no column {name!r}" for name in columns if name not in others]
    for name, other in others.items():
        column = columns.get(name)
        if column is None:
            found.append(f"{where} has a column {name!r}, which {first} has not")
            continue
        for what in ("dtype", "shape", "nullable", "nested"):
            one, two = getattr(column, what), getattr(other, what)
            if one != two:
                found.append(f"{where}, column {name!r}: {what} {two}, but {one} in {first}")
    return found


def _arrays(first: PartSchema, part: PartSchema) -> list[str]:
    found = []
    for name in {**first.arrays, **part.arrays}:
        if name not in part.arrays or name not in first.arrays:
            without = part if name not in part.arrays else first
            found.append(f"{without.path} has no array {name!r}")
            continue
        one, other = first.arrays[name], part.arrays[name]
        shapes = [None if a.shape is None else (len(a.shape), a.shape[1:]) for a in (one, other)]
        if one.dtype.newbyteorder("=") != other.dtype.newbyteorder("=") or shapes[0] != shapes[1]:
            found.append(
                f"{part.path}: array {name!r} is {other.dtype} of shape {other.shape}, but "
                f"{one.dtype} of {one.shape} in {first.path}"
            )
    return found


def _array(dataset: Any) -> ArraySchema:
    value = None
    if dataset.shape == ():
        try:
            value = dataset[()]
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            raise FormatError(f"{dataset.name} cannot be read: {error}") from error
        value = value.tolist() if hasattr(value, "tolist") else value
    return ArraySchema(dataset.dtype, dataset.shape, value)


def _note(attributes: dict[tuple[str, str], Any], path: str, item: Any) -> None:
    for name in item.attrs:
        if name in OWN | REFERENCES:
            continue
        try:
            value = item.attrs[name]
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            raise FormatError(f"{item.name}: attribute {name!r} cannot be read: {error}") from error
        attributes[path, name] = value.tolist() if isinstance(value, np.ndarray) else value


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other) or bool(one != one and other != other)
    except (TypeError, ValueError):
        return False
