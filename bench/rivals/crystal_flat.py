"""Crystal structures by the best that h5py can do: flat datasets and offsets, whole chunks.

The columns and their writer are those of `h5py_flat`, with the dtypes that the fields have.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from bench.crystal_batches import Batch
from bench.rivals import compact
from bench.rivals.h5py_flat import CHUNK, Column
from raggedh5.formats.crystal import SCHEMA


class Converted(Column):
    """A column whose values may come in another dtype."""

    def take(self, values: np.ndarray, items: np.ndarray) -> None:
        if values.dtype == self.buffer.dtype:
            super().take(values, items)
        else:
            self.append(np.take(values, items, axis=0, mode="clip"))


class Table:
    """The columns of one group, made with its first batch."""

    def __init__(self, file: h5py.File, name: str) -> None:
        self.group = file.create_group(name)
        self.columns: dict[str, Converted] = {}
        self.ends: dict[str, tuple[Converted, list[int]]] = {}
        self.offsets = self._new("offsets", np.int64, ())
        self.offsets.append(np.zeros(1, np.int64))
        self.items = 0

    def count(self, counts: np.ndarray) -> None:
        """Append the offsets of a batch."""
        self.offsets.append(np.cumsum(counts) + self.items)
        self.items += int(counts.sum())

    def numbers(self, key: str, values: np.ndarray, items: np.ndarray, axes: int) -> None:
        """Append some items of an array, whose first axes count as one."""
        field = SCHEMA.field(key)
        inner = values.shape[axes:]
        if key not in self.columns:
            kind = values.dtype if field is None else np.dtype(field.dtype)
            self.columns[key] = self._new(key, kind, inner)
        self.columns[key].take(values.reshape(-1, *inner), items)

    def text(self, key: str, rows: list) -> None:
        """Append lists of strings."""
        if key not in self.columns:
            self.columns[key] = self._new(f"{key}-bytes", np.uint8, ())
            ends = self._new(f"{key}-offsets", np.int64, ())
            ends.append(np.zeros(1, np.int64))
            self.ends[key] = ends, [0]
        data, lengths = compact.utf8(rows, np.zeros(0, np.int64))
        self.columns[key].append(data)
        offsets, last = self.ends[key]
        offsets.append(np.cumsum(lengths) + last[0])
        last[0] += len(data)

    def close(self) -> None:
        for column in (*self.columns.values(), self.offsets, *(e for e, _ in self.ends.values())):
            column.flush()

    def _new(self, name: str, dtype, inner: tuple[int, ...]) -> Converted:
        return Converted(self.group, name, dtype, inner, CHUNK)


def write(path: Path, codes: list[str], batches: list[Batch]) -> None:
    """Write all batches."""
    with h5py.File(path, "w", rdcc_nbytes=0) as file:
        file.create_dataset("refcode_list", data=np.array(codes, "S8"))
        tables: dict[str, Table] = {}
        counts: dict[str, np.ndarray] = {}
        for batch in batches:
            for method, values in batch.items():
                for name, columns in _groups(values).items():
                    table = tables.get(f"{method}/{name}")
                    if table is None:
                        table = tables[f"{method}/{name}"] = Table(file, f"{method}/{name}")
                    _append(table, name, columns, values, counts)
        for table in tables.values():
            table.close()


def _groups(values: dict) -> dict[str, dict]:
    found: dict[str, dict] = {}
    for key, column in values.items():
        field = SCHEMA.field(key)
        if field is not None:
            found.setdefault(field.group, {})[key] = column
    return found


def _append(table: Table, name: str, columns: dict, values: dict, counts: dict) -> None:
    group = SCHEMA.groups[name]
    if group.owner:
        _append_flat(table, columns, values)
        return
    if group.per_structure:
        for key, column in columns.items():
            if isinstance(column, list):
                table.text(key, [column])
            else:
                table.numbers(key, column, np.arange(len(column)), 1)
        return
    if group.mask in values:
        counts[name] = values[group.mask].sum(axis=1)
    elif group.count in values:
        counts[name] = np.asarray(values[group.count])
    elif any(isinstance(column, list) for column in columns.values()):
        rows = next(column for column in columns.values() if isinstance(column, list))
        counts[name] = np.array([len(row) for row in rows])
    lengths = counts[name]
    table.count(lengths)
    width = next(c.shape[1] for c in columns.values() if not isinstance(c, list))
    items = np.flatnonzero(np.arange(width) < lengths[:, None])
    for field in SCHEMA.of_group(name):
        if field.joined and field.name not in columns and field.joined[0] in columns:
            parts = [columns[part] for part in field.joined]
            ids = [
                ["-".join(x) for x in zip(*row, strict=True)] for row in zip(*parts, strict=True)
            ]
            table.text(field.name, ids)
    for key, column in columns.items():
        if isinstance(column, list):
            table.text(key, column)
        else:
            table.numbers(key, column, items, 2)


def _append_flat(table: Table, columns: dict, values: dict) -> None:
    sizes = values["fragment_n_atoms"]
    every = np.arange(len(sizes))
    table.count(values["n_fragments"])
    for key, column in columns.items():
        if isinstance(column, list):
            table.text(key, column)
        elif SCHEMA.field(key).nested:
            items = np.flatnonzero(np.arange(column.shape[1]) < sizes[:, None])
            table.numbers(key, column, items, 2)
        else:
            table.numbers(key, column, every, 1)
