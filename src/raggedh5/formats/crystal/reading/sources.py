"""The tables that one group of fields is read from, as one."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.formats.crystal.reading.structure_table import StructureTable
from raggedh5.formats.crystal.schema import Group, Schema
from raggedh5.formats.crystal.writing.structures import SINGLES
from raggedh5.formats.crystal.writing.waiting import PENDING
from raggedh5.store.file import File
from raggedh5.store.table import Table

__all__ = ["Source", "sources_of"]

Indices = NDArray[np.int64]


class Source:
    """A group of fields in a file: one table, or two that share their items.

    Parameters
    ----------
    name
        The group's name.
    group
        What the items are.
    tables
        Tables by name, that with what was extracted first.

    Attributes
    ----------
    columns : dict
        The table of each field.
    ragged : bool
        Whether a structure has items, rather than one value.
    """

    def __init__(self, name: str, group: Group, tables: Mapping[str, StructureTable]) -> None:
        self.name = name
        self.group = group
        self.tables = dict(tables)
        self.ragged = not group.per_structure
        self.columns = {column: table for table in self.tables.values() for column in table.columns}
        self.mask_name = group.mask or f"{group.name}_mask"

    def row(self, number: int, columns: Sequence[str]) -> dict[str, Any]:
        """Return the values of one structure, and how many items it has."""
        found: dict[str, Any] = {}
        for table, names in self._by_table(columns):
            values = table.row(number, names)
            if not self.ragged:
                values = {name: _single(value) for name, value in values.items()}
            found |= values
        if self.ragged and self.group.count:
            found[self.group.count] = int(self._lengths(np.array([number]))[0])
        return found

    def take(self, chosen: Indices, columns: Sequence[str]) -> dict[str, Any]:
        """Return the values of structures: `Ragged`, or arrays of one value each."""
        found: dict[str, Any] = {}
        for table, names in self._by_table(columns):
            found |= table.take(chosen, names)
        return found

    def counts(self, chosen: Indices) -> dict[str, Indices]:
        """Return how many items structures have, by the name that batches have for it."""
        name = self.group.count
        return {name: self._lengths(chosen)} if self.ragged and name else {}

    def padded(self, chosen: Indices, columns: Sequence[str]) -> dict[str, Any]:
        """Return structures as padded arrays, with masks and counts."""
        if not self.ragged:
            return self.take(chosen, columns)
        parts = list(self._by_table(columns))
        lengths = self._lengths(chosen)
        width = int(lengths.max(initial=0))
        for table, _ in parts:
            width = max(width, int(table.lengths(chosen).max(initial=0)))
        found: dict[str, Any] = {}
        for table, names in parts:
            padded = table.padded(chosen, names, width)
            found |= {name: padded[name] for name in names}
            for name in names:
                if table.columns[name].nested:
                    inner = self.group.inner_mask or f"{name}_mask"
                    found[inner] = padded[f"{name}_mask"]
        found[self.mask_name] = np.arange(width) < lengths[:, None]
        if self.group.count:
            found[self.group.count] = lengths
        return found

    def _lengths(self, chosen: Indices) -> Indices:
        """Return the items of structures, by the first table that has them."""
        return next(iter(self.tables.values())).lengths(chosen)

    def _by_table(self, columns: Sequence[str]) -> list[tuple[StructureTable, list[str]]]:
        found: dict[str, tuple[StructureTable, list[str]]] = {}
        for name in columns:
            table = self.columns[name]
            found.setdefault(table.name, (table, []))[1].append(name)
        return list(found.values())


def sources_of(
    file: File,
    schema: Schema,
    structures: int,
    missing: Mapping[str, Sequence[tuple[int, int]]],
) -> dict[str, Source]:
    """Return the groups of fields that a file has, by name."""
    names = {name for name, item in file.tables().items() if isinstance(item, Table)}
    names |= {name.split("/")[1] for name in names if name.startswith(f"{PENDING}/")}

    def tables(*wanted: str) -> dict[str, StructureTable]:
        return {
            name: StructureTable(file, name, structures, missing.get(name, ()))
            for name in dict.fromkeys(wanted)
            if name in names
        }

    found: dict[str, Source] = {}
    for group in schema.groups.values():
        there = tables(group.name, group.computed)
        if len(there) == 2 and not group.per_structure:
            anew = any(field.repeated for field in schema.of_group(group.name))
            one, other = there.values()
            if _repeats(one, other) or (anew and _differ(one, other, structures)):
                del there[group.name]
        if there:
            found[group.name] = Source(group.name, group, there)
        singles = tables(f"{group.name}{SINGLES}", f"{group.computed}{SINGLES}")
        if singles:
            name = f"{group.name}{SINGLES}"
            found[name] = Source(name, Group(name, per_structure=True), singles)
    return found


def _repeats(one: StructureTable, other: StructureTable) -> bool:
    """Whether the second table has fields of the first: then it has items of its own."""
    return bool(one.columns.keys() & other.columns.keys())


def _differ(one: StructureTable, other: StructureTable, structures: int) -> bool:
    """Whether structures that were written to both tables have another number of items in each."""
    both = np.setdiff1d(np.arange(structures), np.union1d(one.missing, other.missing))
    return not np.array_equal(one.lengths(both), other.lengths(both))


def _single(value: Any) -> Any:
    """Return a single value as it is, None where it is missing."""
    if value is np.ma.masked or (isinstance(value, np.ma.MaskedArray) and value.mask.all()):
        return None
    return value
