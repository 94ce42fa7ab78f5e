"""Files of the old layout, read to be written as tables."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.row_messages import renamed
from raggedh5.core.schema import Column
from raggedh5.errors import SchemaError
from raggedh5.formats.crystal.legacy.values import lists_of, ragged_of
from raggedh5.formats.crystal.schema import Field, Group, Schema
from raggedh5.formats.crystal.writing.incoming import Incoming
from raggedh5.formats.crystal.writing.initializer import DatasetInitializer
from raggedh5.formats.crystal.writing.opened import structures_of
from raggedh5.formats.crystal.writing.structures import REFCODE
from raggedh5.formats.crystal.writing.values import column_of
from raggedh5.store.file import File
from raggedh5.store.variable_length import element_dtype, read_variable

__all__ = ["OldFile", "write_tables"]


class OldFile:
    """A file with a dataset for each field, an element for each structure.

    Parameters
    ----------
    file
        The open file.
    schema
        The fields.
    unwanted
        Names that are passed over.

    Attributes
    ----------
    structures : int or None
        How many there are; None where this is no such file.
    fields : dict
        Names of the datasets of each group, by name of the dataset.
    left_out : list of str
        Objects that belong to no group.
    """

    def __init__(self, file: File, schema: Schema, unwanted: set[str]) -> None:
        self.h5 = file.h5
        self._schema = schema
        codes = self.h5.get(REFCODE)
        shape = getattr(codes, "shape", None)
        self.structures = shape[0] if shape is not None and len(shape) == 1 else None
        self.fields: dict[str, Group | None] = {}
        self.left_out: list[str] = []
        for name, item in self.h5.items():
            group = None if name in unwanted else self._group_of(name, item)
            if group is not None:
                self.fields[name] = group
            elif name != REFCODE and name not in self._counts():
                self.left_out.append(name)
        self.fields[REFCODE] = None
        self.fields |= dict.fromkeys(
            name for name in self._counts() if name in self.h5 and self._counted(name)
        )

    def refcodes(self) -> list[str]:
        """Return all refcodes."""
        return [_text(code) for code in self.h5[REFCODE][:]]

    def groups(self) -> list[tuple[Group, list[str]]]:
        """Return the groups that there are, and the names of their datasets."""
        found: dict[str, tuple[Group, list[str]]] = {}
        for name, group in self.fields.items():
            if group is not None:
                found.setdefault(group.name, (group, []))[1].append(name)
        return list(found.values())

    def lengths(self, group: Group, names: list[str], first: int, stop: int) -> NDArray[np.int64]:
        """Return the items of structures."""
        if group.count is not None and group.count in self.h5:
            counts: NDArray[np.int64] = self.h5[group.count][first:stop].astype(np.int64)
            return counts
        plain = [n for n in names if (f := self._schema.field(n)) and not f.shape and not f.nested]
        plain += [n for n in names if element_dtype(self.h5[n]) == "str"]
        if not plain:
            raise SchemaError(f"nothing says how many {group.name} each structure has")
        rows = read_variable(self.h5[plain[0]], first, stop)
        return np.fromiter(map(len, rows), np.int64, len(rows))

    def _counts(self) -> set[str]:
        return {group.count for group in self._schema.groups.values() if group.count}

    def _counted(self, count: str) -> bool:
        return any(group is not None and group.count == count for group in self.fields.values())

    def _group_of(self, name: str, item: Any) -> Group | None:
        """Return the group of a dataset, by its field, or by how its name begins."""
        shape = getattr(item, "shape", None)
        if self.structures is None or not shape or shape[0] != self.structures:
            return None
        if name == REFCODE or name in self._counts():
            return None
        field = self._schema.field(name)
        listed = element_dtype(item) is not None
        if field is not None:
            group = self._schema.groups[field.group]
            return group if group.per_structure != listed else None
        if not listed:
            return self._schema.groups["crystal"]
        prefixes = {_prefix(one): one.group for one in self._schema.fields.values()}
        fitting = [p for p in prefixes if p and name.startswith(f"{p}_")]
        best = max(fitting, key=len, default=None)
        return None if best is None else self._schema.groups[prefixes[best]]


def write_tables(
    old: OldFile,
    made: File,
    schema: Schema,
    block: int,
    advance: Callable[[float], None],
) -> None:
    """Write all structures of an old file as tables.

    Raises
    ------
    SchemaError
        Naming field and structure of values that are not as many as there are items.
    """
    DatasetInitializer(made, old.refcodes(), schema=schema).initialize_datasets()
    structures = structures_of(made, schema)
    for first in range(0, structures.count, block):
        stop = min(first + block, structures.count)
        for group, names in old.groups():
            try:
                parts = _parts(old, schema, group, names, first, stop)
                for table, batch in parts.items():
                    structures.table(table, not group.per_structure).write(
                        first, batch, structures.name_of
                    )
            except SchemaError as error:
                raise renamed(error, lambda row: structures.name_of(first + row)) from error  # noqa: B023 - called here
        advance(stop - first)
    structures.finish()


def _parts(
    old: OldFile, schema: Schema, group: Group, names: list[str], first: int, stop: int
) -> dict[str, Incoming]:
    """Return what goes to each of the two tables of a group."""
    lengths = None if group.per_structure else old.lengths(group, names, first, stop)
    parts: dict[str, Incoming] = {}
    inner: Any = None
    if group.inner_count is not None and group.inner_count in old.h5:
        inner = [
            row.astype(np.int64) for row in read_variable(old.h5[group.inner_count], first, stop)
        ]
    repeated = any((f := schema.field(name)) and f.repeated for name in names)
    for name in names:
        field = schema.field(name)
        table = group.computed if repeated or (field and field.computed) else group.name
        into = parts.setdefault(table, Incoming(stop - first, {}, {}, lengths))
        if lengths is None:
            value = _singles(old.h5[name], field, first, stop)
        else:
            rows = read_variable(old.h5[name], first, stop)
            if field is not None and field.nested:
                if inner is None:
                    raise SchemaError(f"{name!r}: {group.inner_count!r} is missing")
                value = lists_of(name, field, rows, inner)
            else:
                spec = field or _field_like(name, group, old.h5[name])
                value = ragged_of(name, spec, rows, lengths)
        into.data[name] = value
        into.columns[name] = _column(field, name, value, lengths is not None)
    return parts


def _column(field: Field | None, name: str, value: Any, ragged: bool) -> Column:
    return column_of(field, name, value, ragged)


def _singles(dataset: Any, field: Field | None, first: int, stop: int) -> Any:
    values = dataset[first:stop]
    if values.dtype.kind in "OS":
        return np.array([_text(value) for value in values], np.dtypes.StringDType())
    return values


def _field_like(name: str, group: Group, dataset: Any) -> Field | None:
    """Return a field of strings for a dataset of these that the schema does not have."""
    if element_dtype(dataset) == "str":
        return Field(name, group.name, "str", "")
    return None


def _prefix(field: Field) -> str:
    """Return how the names of the fields of a group begin."""
    name = field.name
    for prefix in ("inter_cc", "intra_cc", "inter_hb", "intra_hb", "bond_angle"):
        if name.startswith(prefix):
            return prefix
    return name.split("_")[0] if field.group != "crystal" else ""


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
