"""Batches of crystal structures with every field, as pipelines make them, and what is in them."""

from __future__ import annotations

from dataclasses import dataclass, field

import h5py
import numpy as np

from raggedh5.formats.crystal import SCHEMA, ComputedDataWriter, DatasetInitializer, RawDataWriter

RAW = {
    "crystal": "write_raw_crystal_data",
    "atoms": "write_raw_atom_data",
    "bonds": "write_raw_bond_data",
    "inter_cc": "write_raw_intermolecular_contact_data",
    "inter_hb": "write_raw_intermolecular_hbond_data",
    "intra_cc": "write_raw_intramolecular_contact_data",
    "intra_hb": "write_raw_intramolecular_hbond_data",
}
COMPUTED = {
    "crystal": "write_computed_crystal_data",
    "atoms": "write_computed_atom_data",
    "bonds": "write_computed_bond_data",
    "bond_angles": "write_computed_molecule_data",
    "torsions": "write_computed_molecule_data",
    "inter_cc": "write_computed_intermolecular_contact_data",
    "inter_hb": "write_computed_intermolecular_hbond_data",
    "fragments": "write_computed_fragment_data",
}
COMPUTED_FIELDS = {
    group: {f.name for f in SCHEMA.of_group(group) if f.computed}
    for group in ("crystal", "atoms", "bonds")
}
LABELS = np.array(["C1", "C2", "H10", "O1'", "N3", "Cl1", "é", "炭素7"])


@dataclass
class Crystals:
    """What is in some structures: unpadded values by table, field and structure."""

    refcodes: list[str]
    tables: dict[str, dict[str, list]] = field(default_factory=dict)
    counts: dict[str, np.ndarray] = field(default_factory=dict)


def make(count: int, seed: int = 0, largest: int = 12, schema=SCHEMA) -> Crystals:
    """Return structures with every field of the schema; some have no item of some kind."""
    rng = np.random.default_rng(seed)
    made = Crystals([f"REF{i:05d}" for i in range(count)])
    for group in schema.groups.values():
        if group.per_structure:
            counts = np.ones(count, int)
        else:
            counts = rng.integers(0, largest, count)
            if group.name not in ("atoms", "bonds"):
                counts[rng.random(count) < 0.3] = 0
            else:
                counts += 1
        own = schema.of_group(group.name)
        computed = COMPUTED_FIELDS.get(group.name, set())
        if group.name in ("bond_angles", "torsions", "fragments"):
            parts = [(group.computed, own)]
        elif group.name in ("inter_cc", "inter_hb"):
            parts = [(group.name, own), (group.computed, own)]
        elif group.name in COMPUTED_FIELDS:
            parts = [
                (group.name, [f for f in own if f.name not in computed]),
                (group.computed, [f for f in own if f.name in computed]),
            ]
        else:
            parts = [(group.name, own)]
        for table, fields in parts:
            if group.name in ("inter_cc", "inter_hb") and table == group.computed:
                counts = counts * 2
            made.counts[table] = counts
            columns = {}
            inner = [rng.integers(1, 6, n) for n in counts]
            for f in fields:
                if f.name == "refcode_list":
                    continue
                if f.name == "fragment_n_atoms":
                    columns[f.name] = [n.astype(np.int32) for n in inner]
                elif f.nested:
                    columns[f.name] = [[values(rng, f, m) for m in sizes] for sizes in inner]
                else:
                    columns[f.name] = [values(rng, f, n) for n in counts]
            for f in fields:
                if f.joined and f.name in columns:
                    parts_of = [columns[name] for name in f.joined]
                    columns[f.name] = [
                        np.array(["-".join(atoms) for atoms in zip(*rows, strict=True)], object)
                        for rows in zip(*parts_of, strict=True)
                    ]
            made.tables[table] = columns
    return made


def values(rng, f, n):
    if f.is_string:
        return rng.choice(LABELS, n).astype(object)
    shape = (n, *f.shape)
    if f.dtype == "?":
        return rng.random(shape) < 0.5
    if f.dtype == "i4":
        return rng.integers(-1, 40, shape).astype(np.int32)
    return rng.normal(size=shape).astype(np.float32)


def batch(crystals: Crystals, table: str, start: int, stop: int, *, counted: bool = True) -> dict:
    """Return a padded batch of one table."""
    group = SCHEMA.groups[table.removesuffix("_computed")]
    columns = crystals.tables[table]
    rows = range(start, stop)
    if group.per_structure:
        return {
            name: (
                [str(column[i][0]) for i in rows]
                if SCHEMA.fields[name].is_string
                else np.array([column[i][0] for i in rows])
            )
            for name, column in columns.items()
        }
    counts = crystals.counts[table][start:stop]
    if group.owner:
        return _flat(group, columns, rows, counts)
    width = int(max(counts.max(initial=0), 1)) + 2
    made = {}
    for name, column in columns.items():
        f = SCHEMA.fields[name]
        if f.is_string:
            made[name] = [list(column[i]) for i in rows]
        else:
            padded = np.full((len(rows), width, *f.shape), 77).astype(f.dtype)
            for place, i in enumerate(rows):
                padded[place, : counts[place]] = column[i]
            made[name] = padded
    if counted and group.mask:
        made[group.mask] = np.arange(width) < counts[:, None]
        if group.count:
            made[group.count] = counts.copy()
    return made


def _flat(group, columns, rows, counts):
    made = {group.owner: np.repeat(np.arange(len(rows)), counts), group.count: counts.copy()}
    sizes = np.concatenate([columns["fragment_n_atoms"][i] for i in rows] + [np.zeros(0, int)])
    width = int(sizes.max(initial=1)) + 1
    for name, column in columns.items():
        f = SCHEMA.fields[name]
        if f.is_string:
            made[name] = [list(column[i]) for i in rows]
        elif f.nested:
            padded = np.full((int(counts.sum()), width, *f.shape), np.nan, f.dtype)
            at = 0
            for i in rows:
                for lists in column[i]:
                    padded[at, : len(lists)] = lists
                    at += 1
            made[name] = padded
        else:
            made[name] = np.concatenate(
                [column[i] for i in rows] or [np.zeros((0, *f.shape), f.dtype)]
            )
    return made


def write(raw, computed, crystals: Crystals, start: int, stop: int, tables=None, change=None):
    """Call all methods of the writers for the structures start:stop."""
    for table in tables or crystals.tables:
        values = batch(crystals, table, start, stop)
        if change is not None:
            values = change(table, values)
        write_table(raw, computed, table, start, values)


def write_table(raw, computed, table: str, start: int, values: dict):
    """Call the method that writes to a table."""
    name = table.removesuffix("_computed")
    if table.endswith("_computed") or SCHEMA.groups[name].derived:
        getattr(computed, COMPUTED[name])(start, values)
    else:
        getattr(raw, RAW[name])(start, values)


def write_file(path, crystals, *, step=8, opener=h5py.File, change=None):
    count = len(crystals.refcodes)
    with opener(path, "w") as h5_out:
        DatasetInitializer(h5_out, crystals.refcodes, {"atoms": 12}).initialize_datasets()
        raw, computed = RawDataWriter(h5_out), ComputedDataWriter(h5_out)
        for start in range(0, count, step):
            write(raw, computed, crystals, start, min(start + step, count), change=change)
    return path


def assert_same(found, wanted, what=""):
    """Compare the values of one structure and field, as read and as `crystals.make` made them."""
    if isinstance(wanted, list):  # lists in items
        assert len(found) == len(wanted), what
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(one, other, str(what))
    elif wanted.dtype.kind == "O":
        assert found.tolist() == wanted.tolist(), what
    else:
        assert found.dtype == wanted.dtype, what
        np.testing.assert_array_equal(found, wanted, str(what))


def assert_holds(crystals, wanted, *, tables=None):
    """Compare all tables of a file with what was made."""
    for table, columns in wanted.tables.items():
        if tables is not None and table not in tables:
            continue
        single = SCHEMA.groups[table.removesuffix("_computed")].per_structure
        rows = crystals.file[table].read()
        assert rows.keys() == columns.keys(), table
        for name, values in columns.items():
            for number, value in enumerate(values):
                got = rows[name][number]
                if single:
                    assert_same(np.asarray(got)[None], np.asarray(value), (table, name, number))
                else:
                    assert_same(got, value, (table, name, number))
