"""The writer that analysis pipelines have: one variable-length value a structure and a field."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from bench.crystal_batches import Batch
from raggedh5.formats.crystal import SCHEMA

TEXT = h5py.string_dtype("utf-8")
COUNTS = ("n_atoms", "n_bonds", "intra_n_contacts", "inter_cc_n_contacts", "inter_hb_n_hbonds")


def initialize(file: h5py.File, codes: list[str], fields: set[str]) -> None:
    """Create a dataset for each field, as long as there are structures."""
    file.create_dataset("refcode_list", data=np.array(codes, object), dtype=TEXT)
    for name in fields:
        field = SCHEMA.fields[name]
        if field.group == "crystal":
            kind = TEXT if field.is_string else np.dtype(field.dtype)
            file.create_dataset(name, (len(codes), *field.shape), dtype=kind)
        else:
            kind = TEXT if field.is_string else np.dtype(field.dtype)
            file.create_dataset(name, (len(codes),), dtype=h5py.vlen_dtype(kind))
    for name in (*COUNTS, "intra_n_hbonds", "n_fragments"):
        file.create_dataset(name, (len(codes),), dtype=np.int32)


def write(path: Path, codes: list[str], batches: list[Batch]) -> None:
    """Write all batches, structure by structure."""
    fields = {
        field.name
        for batch in batches[:1]
        for values in batch.values()
        for key in values
        if (field := SCHEMA.field(key)) is not None
    }
    fields |= {f.name for f in SCHEMA.fields.values() if f.joined and set(f.joined) <= fields}
    with h5py.File(path, "w") as file:
        initialize(file, codes, fields)
        start = 0
        for batch in batches:
            for method, values in batch.items():
                if method.endswith("crystal_data"):
                    _write_crystals(file, start, values)
                elif method.endswith("fragment_data"):
                    _write_fragments(file, start, values)
                else:
                    _write_items(file, start, values)
            start += len(batch["write_raw_atom_data"]["atom_mask"])


def _write_crystals(file: h5py.File, start: int, values: dict) -> None:
    for key, column in values.items():
        file[key][start : start + len(column)] = column


def _write_items(file: h5py.File, start: int, values: dict) -> None:
    groups: dict[str, dict] = {}
    for key, column in values.items():
        field = SCHEMA.field(key)
        if field is not None:
            groups.setdefault(field.group, {})[field.name] = column
    for name, columns in groups.items():
        group = SCHEMA.groups[name]
        counts = _counts(file, start, group, values, columns)
        for field in SCHEMA.of_group(name):
            if field.joined and field.name not in columns and field.joined[0] in columns:
                columns[field.name] = [
                    ["-".join(labels) for labels in zip(*rows, strict=True)]
                    for rows in zip(*(columns[part] for part in field.joined), strict=True)
                ]
        for row, count in enumerate(counts):
            if group.count:
                file[group.count][start + row] = count
            for key, column in columns.items():
                part = column[row][:count]
                if isinstance(part, list):
                    file[key][start + row] = [str(text) for text in part]
                elif key == "atom_fragment_id":
                    file[key][start + row] = part[part >= 0]
                else:
                    kind = SCHEMA.fields[key].dtype
                    file[key][start + row] = part.reshape(-1).astype(kind)


def _counts(file: h5py.File, start: int, group, values: dict, columns: dict) -> list[int]:
    if group.mask in values:
        return values[group.mask].sum(axis=1).tolist()
    if group.count in values:
        return values[group.count].tolist()
    for column in columns.values():
        if isinstance(column, list):
            return [len(row) for row in column]
    rows = len(next(iter(columns.values())))
    return [int(file[group.count][start + row]) for row in range(rows)]


def _write_fragments(file: h5py.File, start: int, values: dict) -> None:
    owners = values["fragment_structure_id"]
    for row, count in enumerate(values["n_fragments"].tolist()):
        file["n_fragments"][start + row] = count
        mine = owners == row
        for key, column in values.items():
            if key == "fragment_formula":
                file[key][start + row] = [str(text) for text in column[row]]
            elif key not in ("n_fragments", "fragment_structure_id"):
                kind = SCHEMA.fields[key].dtype
                file[key][start + row] = column[mine].reshape(-1).astype(kind)


def padded(file: h5py.File, rows: np.ndarray) -> dict[str, object]:
    """Read structures, and pad them: lists of lists of str, and arrays with the counts."""
    found: dict[str, object] = {}
    for name, dataset in file.items():
        field = SCHEMA.field(name)
        if h5py.check_vlen_dtype(dataset.dtype) in (None, str):
            values = [dataset[row] for row in rows]
            found[name] = (
                [value.decode() for value in values]
                if isinstance(values[0], bytes)
                else np.array(values)
            )
            continue
        flat = [dataset[row] for row in rows]
        if field.is_string:
            found[name] = [[text.decode() for text in row] for row in flat]
            continue
        size = int(np.prod(field.shape))
        width = max(len(row) for row in flat) // size
        array = np.zeros((len(rows), width, *field.shape), flat[0].dtype)
        for place, row in enumerate(flat):
            array[place, : len(row) // size] = row.reshape(-1, *field.shape)
        found[name] = array
    return found
