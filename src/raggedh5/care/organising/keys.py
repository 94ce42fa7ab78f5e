"""What rows are grouped by: which column of which table, or what of its rows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from raggedh5.core.link_names import link_name
from raggedh5.errors import SchemaError
from raggedh5.store.file import File
from raggedh5.store.table import Table

__all__ = ["COMPOSITION", "SIZE", "Key", "find_key", "index_name"]

SIZE = re.compile(r"size(?:\(\s*\))?")
COMPOSITION = re.compile(r"composition\((?P<column>.*)\)", re.DOTALL)


@dataclass(frozen=True)
class Key:
    """What the rows of a table are grouped by.

    ``kind`` is ``"column"``: the value of a column of a row table; ``"size"``: how many items a
    row has; or ``"composition"``: how often there is each string of a column among its items.
    ``column`` is empty for sizes.
    """

    name: str
    table: Table
    kind: Literal["column", "size", "composition"]
    column: str

    @property
    def text(self) -> str:
        """How the key is written."""
        if self.kind == "column":
            return self.column
        return f"{self.kind}({self.column})"

    @property
    def rows(self) -> int:
        """How many rows the table has."""
        return len(self.table)

    @property
    def folder(self) -> str:
        """Path of the group that the table is in; empty at the top."""
        return self.name.rpartition("/")[0]

    @property
    def group(self) -> str:
        """Name of the index group."""
        return index_name(self.text)


def index_name(by: str) -> str:
    """Return the name of the index group for a key.

    Examples
    --------
    >>> index_name("space_group"), index_name("size()"), index_name("composition(symbol)")
    ('by_space_group', 'by_size', 'by_composition')
    """
    if SIZE.fullmatch(by):
        return "by_size"
    return "by_composition" if COMPOSITION.fullmatch(by) else link_name(f"by_{by}")


def find_key(file: File, by: str, table: str | None) -> Key:
    """Find the table and column that a key means.

    Parameters
    ----------
    file
        The open file.
    by
        A column of a row table; ``"size"`` or ``"size()"``; ``"composition(column)"``. A column
        of that very name comes first.
    table
        Path of the table; None where only one can be meant.

    Raises
    ------
    KeyError
        If there is no such table or column.
    SchemaError
        If several could be meant, or the column cannot be a key.
    """
    tables = file.tables()
    if table is not None:
        path = table.strip("/")
        if path not in tables:
            known = ", ".join(map(repr, tables)) or "none"
            raise KeyError(f"{file.path}: there is no table {table!r}; there are {known}")
        tables = {path: tables[path]}
    rows = {name: found for name, found in tables.items() if not found.ragged}
    ragged = {name: found for name, found in tables.items() if found.ragged}
    with_column = {name: found for name, found in rows.items() if by in found.columns}
    if with_column:
        name, found = _only(file, by, with_column)
        return _of_column(name, found, by)
    if SIZE.fullmatch(by):
        name, found = _only(file, by, ragged)
        return Key(name, found, "size", "")
    match = COMPOSITION.fullmatch(by)
    column = match["column"].strip() if match else by
    with_items = {name: found for name, found in ragged.items() if column in found.columns}
    if match:
        if not with_items:
            raise _unknown(file, column, ragged)
        name, found = _only(file, by, with_items)
        if not found.columns[column].is_string:
            raise SchemaError(f"/{name}: column {column!r} has no strings to make a composition of")
        return Key(name, found, "composition", column)
    if with_items:
        name, found = next(iter(with_items.items()))
        hint = f", as composition({by})" if found.columns[by].is_string else ""
        raise SchemaError(
            f"/{name}: column {by!r} has a value for each item, not for each row; group by a "
            f"column of a row table, by size(), or by the composition of strings{hint}"
        )
    raise _unknown(file, by, tables)


def _only(file: File, by: str, tables: Mapping[str, Table]) -> tuple[str, Table]:
    # Links may give one table several names.
    if len({table.h5.id for table in tables.values()}) == 1:
        return next(iter(tables.items()))
    if not tables:
        raise SchemaError(f"{file.path}: there is no ragged table whose rows have a size")
    names = ", ".join(map(repr, tables))
    raise SchemaError(f"{file.path}: {by!r} may be of {names}; say which table")


def _of_column(name: str, table: Table, column: str) -> Key:
    spec = table.columns[column]
    if spec.nested or spec.shape or (not spec.is_string and spec.dtype.kind == "c"):
        raise SchemaError(
            f"/{name}: column {column!r} cannot be a key; that takes one string, bool or real "
            "number a row"
        )
    return Key(name, table, "column", column)


def _unknown(file: File, column: str, tables: Mapping[str, Table]) -> KeyError:
    known = [f"{name}: {', '.join(table.columns) or 'none'}" for name, table in tables.items()]
    return KeyError(f"{file.path}: no table has a column {column!r}; there are {'; '.join(known)}")
