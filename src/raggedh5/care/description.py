"""What `describe` finds in a file, as plain data.

`Description.as_dict` is what ``raggedh5 describe --json`` writes. Keys may be added; those that are
here keep their names and meanings as long as ``format`` is 1::

    format          1
    path            str, the file
    file_bytes      int, its size
    tables          list of
        name            str, path in the file
        ragged          bool, false for a row table
        rows, items     int; both are the same in a row table
        lengths         of the rows, or null in a row table: lengths
        columns         list of
            name            str
            dtype           str, NumPy's name, or "str"
            shape           list of int, inner shape of an item
            nested, nullable, dictionary    bool
            items           int, those that are missing included
            missing         int
            lists           of the lists of a nested column, or null: lengths
            values          statistics
    arrays          list of
        name            str, path in the file
        dtype           str, NumPy's name
        shape           list of int, null if it has none
        values          statistics, or null where there are none for its dtype

Lengths are::

    count, total, empty     int: how many there are, their sum, how many are 0
    min, median, max, mean  numbers, or null where count is 0
    histogram       {"edges": list of int, "counts": list of int}; bin i holds the lengths from
                    edges[i] up to, but without, edges[i + 1]

Statistics have a ``kind``, and::

    "numbers"       count, nan, infinite: int; min, max, mean, std: of the finite ones, or null;
                    components: the same for each place of an inner shape of 2 to 16
    "bools"         count, true: int
    "complex"       count, nan, infinite: int
    "strings"       count, empty: int; shortest, longest: characters, or null; mean_length;
                    distinct: int, or null where there are more than distinct_more_than;
                    frequent: list of {"value": str, "count": int}
"""

from dataclasses import dataclass
from typing import Any

from raggedh5.care.describing.length_statistics import LengthStatistics
from raggedh5.care.describing.number_statistics import (
    BoolStatistics,
    ComplexStatistics,
    NumberStatistics,
)
from raggedh5.care.describing.text_statistics import TextStatistics

__all__ = [
    "ArrayDescription",
    "ColumnDescription",
    "Description",
    "Statistics",
    "TableDescription",
]

Statistics = NumberStatistics | BoolStatistics | ComplexStatistics | TextStatistics


@dataclass(frozen=True)
class ColumnDescription:
    """One column of a table; ``lists`` is None unless it is nested."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    nested: bool
    nullable: bool
    dictionary: bool
    items: int
    missing: int
    lists: LengthStatistics | None
    values: Statistics

    def as_dict(self) -> dict[str, Any]:
        """Return it as objects for `json.dumps`."""
        return {
            "name": self.name,
            "dtype": self.dtype,
            "shape": list(self.shape),
            "nested": self.nested,
            "nullable": self.nullable,
            "dictionary": self.dictionary,
            "items": self.items,
            "missing": self.missing,
            "lists": None if self.lists is None else self.lists.as_dict(),
            "values": self.values.as_dict(),
        }


@dataclass(frozen=True)
class TableDescription:
    """One table; ``lengths``, those of its rows, is None for a row table."""

    name: str
    ragged: bool
    rows: int
    items: int
    lengths: LengthStatistics | None
    columns: tuple[ColumnDescription, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as objects for `json.dumps`."""
        return {
            "name": self.name,
            "ragged": self.ragged,
            "rows": self.rows,
            "items": self.items,
            "lengths": None if self.lengths is None else self.lengths.as_dict(),
            "columns": [column.as_dict() for column in self.columns],
        }


@dataclass(frozen=True)
class ArrayDescription:
    """One dense array; ``shape`` is None for one without a dataspace."""

    name: str
    dtype: str
    shape: tuple[int, ...] | None
    values: Statistics | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as objects for `json.dumps`."""
        return {
            "name": self.name,
            "dtype": self.dtype,
            "shape": None if self.shape is None else list(self.shape),
            "values": None if self.values is None else self.values.as_dict(),
        }


@dataclass(frozen=True)
class Description:
    """One file: its path, its size, and what is in it."""

    path: str
    file_bytes: int
    tables: tuple[TableDescription, ...]
    arrays: tuple[ArrayDescription, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as objects for `json.dumps`; there is neither NaN nor infinity in it."""
        return {
            "format": 1,
            "path": self.path,
            "file_bytes": self.file_bytes,
            "tables": [table.as_dict() for table in self.tables],
            "arrays": [array.as_dict() for array in self.arrays],
        }
