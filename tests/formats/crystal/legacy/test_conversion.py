"""The old layout: the view field by field, and conversion both ways."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

import crystals as made
import raggedh5 as rh5
from raggedh5.cli.main import cli
from raggedh5.formats.crystal import SCHEMA, CrystalFile, convert, legacy_view

TEXT = h5py.string_dtype("utf-8")


def old_row(crystals, table, name, number):
    """Return an element as the pipelines' writer stored it, but for padding of lists."""
    field = SCHEMA.fields[name]
    values = crystals.tables[table][name][number]
    if field.nested:
        width = max([len(row) for row in values], default=0)
        padded = np.zeros((len(values), width, *field.shape), field.dtype)
        for i, row in enumerate(values):
            padded[i, : len(row)] = row
        return padded.reshape(-1)
    if field.is_string:
        return np.array([text.encode() for text in values], object)
    flat = values.reshape(-1)
    return flat[flat >= 0] if name == "atom_fragment_id" else flat


def tables_of(crystals):
    """Return the table that a reader takes each field from."""
    found = {}
    for table, columns in crystals.tables.items():  # computed ones come after extracted ones
        found |= dict.fromkeys(columns, table)
    return found


def write_old(path, crystals, *, fragments_kept=True, wider=0):
    """Write the old layout with plain h5py, a value at a time."""
    with h5py.File(path, "w") as h5:
        h5.create_dataset("refcode_list", data=np.array(crystals.refcodes, object), dtype=TEXT)
        rows = len(crystals.refcodes)
        for name, table in tables_of(crystals).items():
            field = SCHEMA.fields[name]
            kind = TEXT if field.is_string else np.dtype(field.dtype)
            if SCHEMA.groups[field.group].per_structure:
                values = [crystals.tables[table][name][i][0] for i in range(rows)]
                h5.create_dataset(name, (rows, *field.shape), kind)[...] = (
                    np.array(values, object) if field.is_string else np.array(values)
                )
                continue
            dataset = h5.create_dataset(name, (rows,), h5py.vlen_dtype(kind))
            for i in range(rows):
                row = old_row(crystals, table, name, i)
                if name == "atom_fragment_id" and fragments_kept:
                    row = np.abs(crystals.tables[table][name][i])
                count = len(crystals.tables[table][name][i])
                if field.nested and wider and count:
                    block = row.reshape(count, -1, *field.shape)
                    pad = [(0, 0), (0, wider), *[(0, 0)] * len(field.shape)]
                    row = np.pad(block, pad, constant_values=7).reshape(-1)
                dataset[i] = [t.decode() for t in row] if field.is_string else row
        for group in SCHEMA.groups.values():
            table = group.computed if group.computed in crystals.counts else group.name
            if group.count:
                h5[group.count] = crystals.counts[table].astype(np.int32)


def same(one, other):
    assert type(one) is type(other) or not isinstance(one, np.ndarray), (one, other)
    assert np.array_equal(np.asarray(one), np.asarray(other)), (one, other)


def test_the_view_field_by_field(crystals, crystal_path, tmp_path):
    write_old(tmp_path / "old.h5", crystals, fragments_kept=False)
    with h5py.File(tmp_path / "old.h5") as old, h5py.File(crystal_path) as h5:
        view = legacy_view(h5)
        assert set(view) == set(old)
        for name in old:
            assert view[name].shape == old[name].shape, name
            assert len(view[name]) == len(old[name])
            assert h5py.check_vlen_dtype(view[name].dtype) == h5py.check_vlen_dtype(old[name].dtype)
            for i in (0, 13, -1):
                got, wanted = view[name][i], old[name][i]
                same(got, wanted)
                assert getattr(got, "dtype", None) == getattr(wanted, "dtype", None), name
            for got, wanted in zip(view[name][3:9], old[name][3:9], strict=True):
                same(got, wanted)
        keep = np.arange(30) % 7 == 2
        for key in ([1, 4], keep, slice(None), Ellipsis, ()):
            same(view["cell_matrix"][key], old["cell_matrix"][key])
            assert len(view["atom_coords"][key]) == len(old["atom_coords"][key])
        same(view["cell_matrix"][2:5, 1], old["cell_matrix"][2:5, 1])
        same(view["cell_lengths"][..., 0], old["cell_lengths"][..., 0])
        same(view["space_group"].asstr()[:], old["space_group"].asstr()[:])
        same(view["refcode_list"][...].astype(str), old["refcode_list"][...].astype(str))
        assert view["atom_label"].asstr()[3].tolist() == [b.decode() for b in old["atom_label"][3]]
        with pytest.raises(IndexError):
            view["n_atoms"][30]
        with pytest.raises(KeyError, match="atom_spin"):
            view["atom_spin"]
        assert view.filename == str(crystal_path)
        assert not dict(view.attrs)


@pytest.mark.parametrize("wider", [0, 3])
def test_from_the_old_layout_and_back(tmp_path, wider):
    crystals = made.make(11, seed=5)
    old, new, again = (tmp_path / name for name in ("old.h5", "new.h5", "again.h5"))
    write_old(old, crystals, wider=wider)
    seen = []
    report = convert(old, new, progress=lambda done, total: seen.append((done, total)))
    assert (report.layout, report.structures, report.left_out) == ("tables", 11, ())
    assert len(report.fields) == 181
    assert seen[-1] == (22, 22)
    with CrystalFile(new) as found:
        for name, table in tables_of(crystals).items():
            wanted = crystals.tables[table][name]
            assert name in found.fields
            if name == "atom_fragment_id":
                wanted = [np.abs(row) for row in wanted]
            if not SCHEMA.groups[SCHEMA.fields[name].group].per_structure:
                for i in range(11):
                    made.assert_same(found[i][name], wanted[i], (name, i))
    back = convert(new, again)
    assert back.layout == "legacy"
    with h5py.File(old) as one, h5py.File(again) as other:
        assert set(one) == set(other)
        for name in one:
            if wider and name.startswith("fragment_atom_to"):
                continue  # padded less
            for a, b in zip(one[name][:], other[name][:], strict=True):
                same(a, b)
    for path, way in ((old, "tables"), (new, "variable-length")):
        result = CliRunner().invoke(
            cli, ["convert", "crystals", str(path), str(again), "--overwrite"]
        )
        assert result.exit_code == 0, result.output
        assert way in result.output
        assert "all of them equal" in result.output


def test_atoms_of_no_fragment_cannot_be_told_from_others(tmp_path, crystals):
    write_old(tmp_path / "old.h5", crystals, fragments_kept=False)
    with pytest.raises(rh5.SchemaError, match=r"atom_fragment_id.*REF"):
        convert(tmp_path / "old.h5", tmp_path / "new.h5")
    assert not (tmp_path / "new.h5").exists()
    report = convert(tmp_path / "old.h5", tmp_path / "new.h5", leave_out=["atom_fragment_id"])
    assert report.left_out == ("atom_fragment_id",)


def test_other_fields_of_an_old_file(tmp_path):
    with h5py.File(tmp_path / "old.h5", "w") as h5:
        h5["refcode_list"] = np.array([b"A", b"B"])
        h5["n_atoms"] = np.array([2, 1])
        for name, dtype, rows in (
            ("atom_number", "i4", [[6, 1], [8]]),
            ("atom_spin", "f8", [[0.5, 1], [2]]),
            ("atom_dipole", "f4", [[1, 2, 3, 4, 5, 6], [7, 8, 9]]),
        ):
            dataset = h5.create_dataset(name, (2,), h5py.vlen_dtype(np.dtype(dtype)))
            for i, row in enumerate(rows):
                dataset[i] = row
        notes = h5.create_dataset("bond_note", (2,), h5py.vlen_dtype(TEXT))
        notes[0] = ["x", "é"]
        h5["temperature"] = np.array([100.0, 293.0])
        h5["notes"] = "not one for each structure"
        h5.create_group("provenance")
    report = convert(tmp_path / "old.h5", tmp_path / "new.h5")
    assert report.left_out == ("notes", "provenance")
    with CrystalFile(tmp_path / "new.h5") as found:
        a = found["A"]
        assert a["atom_spin"].tolist() == [0.5, 1]
        assert a["atom_spin"].dtype == np.float64
        assert a["atom_dipole"].tolist() == [[1, 2, 3], [4, 5, 6]]
        assert a["bond_note"].tolist() == ["x", "é"]
        assert found["B"]["temperature"] == 293
        assert found["B"]["n_bonds"] == 0


def test_a_new_file_that_is_not_equal_is_dropped(tmp_path, crystals, monkeypatch):
    write_old(tmp_path / "old.h5", crystals)
    monkeypatch.setattr(
        "raggedh5.formats.crystal.legacy.conversion.same_element", lambda one, *rest: one is not one
    )
    with pytest.raises(rh5.FormatError, match="not the same"):
        convert(tmp_path / "old.h5", tmp_path / "new.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["old.h5"]


def test_what_cannot_be_converted(tmp_path, crystal_path):
    rh5.write(tmp_path / "other.h5", {"atoms": {"x": [[1.0]]}})
    with pytest.raises(rh5.FormatError, match="refcode"):
        convert(tmp_path / "other.h5", tmp_path / "new.h5")
    with pytest.raises(rh5.WriteError, match="itself"):
        convert(crystal_path, crystal_path, overwrite=True)
    (tmp_path / "there.h5").write_bytes(b"")
    with pytest.raises(rh5.WriteError, match="exists"):
        convert(crystal_path, tmp_path / "there.h5")
    with pytest.raises(FileNotFoundError):
        convert(tmp_path / "absent.h5", tmp_path / "new.h5")
