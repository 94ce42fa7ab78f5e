"""Structures by refcode and number, in batches, as records, frames and tensors."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import crystals as made
import raggedh5 as rh5
from crystals import assert_same, write_file
from raggedh5.formats.crystal import (
    SCHEMA,
    ComputedDataWriter,
    CrystalFile,
    DatasetInitializer,
    RawDataWriter,
)

torch = pytest.importorskip("torch")


def wanted_of(crystals, name, number):
    """Return the values of a field as a reader gives them: computed ones before extracted ones."""
    group = SCHEMA.fields[name].group
    for table in (SCHEMA.groups[group].computed, group):
        if name in crystals.tables.get(table, {}):
            return crystals.tables[table][name][number]
    raise KeyError(name)


def is_single(name):
    return SCHEMA.groups[SCHEMA.fields[name].group].per_structure


def test_one_structure(crystals, crystal_path):
    with CrystalFile(crystal_path) as found:
        assert len(found) == 30
        assert list(found) == crystals.refcodes
        assert "REF00007" in found
        assert "REF7" not in found
        for number in (0, 7, 29):
            structure = found[crystals.refcodes[number]]
            assert structure["refcode_list"] == crystals.refcodes[number]
            for name, field in SCHEMA.fields.items():
                if name == "refcode_list":
                    continue
                wanted = wanted_of(crystals, name, number)
                got = structure[name]
                if is_single(name):
                    got, wanted = np.asarray(got)[None], np.asarray(wanted)
                assert_same(got, wanted, (name, number))
                assert field.name in found.fields
            for group in SCHEMA.groups.values():
                if group.count:
                    table = group.computed if group.computed in crystals.counts else group.name
                    assert structure[group.count] == crystals.counts[table][number], group
        assert found[-1]["refcode_list"] == "REF00029"
        assert found.structure("REF00002", ["atom_label"]).keys() == {
            "refcode_list",
            "atom_label",
            "n_atoms",
        }


@pytest.mark.parametrize("device", [None, "cpu"])
def test_padded_batches_are_what_was_written(crystals, crystal_path, device):
    numbers = [11, 3, 3, 28]
    with CrystalFile(crystal_path) as found:
        batch = found.padded([crystals.refcodes[i] for i in numbers], device=device)
    assert batch["refcode_list"].tolist() == [crystals.refcodes[i] for i in numbers]
    for name, field in SCHEMA.fields.items():
        if name == "refcode_list":
            continue
        values = batch[name]
        if device is not None and not field.is_string:
            assert values.device.type == device
            values = values.numpy()
        if is_single(name):
            wanted = [wanted_of(crystals, name, i)[0] for i in numbers]
            assert np.array_equal(values, np.array(wanted, values.dtype)), name
            continue
        group = SCHEMA.groups[field.group]
        mask = np.asarray(batch[group.mask or f"{group.name}_mask"])
        for row, i in enumerate(numbers):
            wanted = wanted_of(crystals, name, i)
            assert mask[row].sum() == len(wanted), name
            if field.nested:
                inner = np.asarray(batch["fragment_atom_mask"])[row]
                got = [values[row, j][inner[j]] for j in range(len(wanted))]
            else:
                got = values[row][mask[row]]
            assert_same(got, wanted, (name, i))
    assert np.asarray(batch["n_atoms"]).tolist() == [crystals.counts["atoms"][i] for i in numbers]


@pytest.mark.parametrize("device", [None, "cpu"])
def test_a_padded_batch_goes_back_in(crystals, crystal_path, tmp_path, device):
    tables = [name for name in crystals.tables if name not in ("inter_cc", "inter_hb")]
    with CrystalFile(crystal_path) as found, h5py.File(tmp_path / "copy.h5", "w") as h5_out:
        DatasetInitializer(h5_out, found.refcodes).initialize_datasets()
        writers = RawDataWriter(h5_out), ComputedDataWriter(h5_out)
        for start in range(0, 30, 11):
            for table in tables:
                part = slice(start, start + 11)
                batch = found.padded(part, list(crystals.tables[table]), device=device)
                made.write_table(*writers, table, start, batch)
    with CrystalFile(tmp_path / "copy.h5") as copy:
        made.assert_holds(copy, crystals, tables=tables)
        assert set(copy.file.tables()) == {*tables, "refcodes"}


@pytest.mark.parametrize("keys", [slice(4, 9), [True] * 3 + [False] * 27, np.array([-1, 0]), []])
def test_ways_to_say_which(crystals, crystal_path, keys):
    wanted = (
        np.array(crystals.refcodes)[np.array(keys, bool) if len(keys) == 30 else keys]
        if (not isinstance(keys, slice)) and len(keys)
        else np.array(crystals.refcodes)[keys if isinstance(keys, slice) else []]
    )
    with CrystalFile(crystal_path) as found:
        batch = found.padded(keys, ["z_value", "atom_number"])
    assert batch["refcode_list"].tolist() == wanted.tolist()
    assert len(batch["atom_number"]) == len(wanted)


def test_what_is_not_there(crystal_path):
    with CrystalFile(crystal_path) as found:
        with pytest.raises(KeyError, match="REF00012"):
            found["REF0012"]
        with pytest.raises(KeyError, match="closest"):
            found.padded(["REF00001", "REF0012"])
        with pytest.raises(KeyError, match="atom_coords"):
            found.padded([0], ["atom_cords"])
        with pytest.raises(IndexError, match="30"):
            found[30]
        with pytest.raises(IndexError, match="no number"):
            found.padded([5, -31])
        with pytest.raises(KeyError, match="float"):
            found[1.5]
        with pytest.raises(IndexError, match="bools"):
            found.padded([True, False])


def test_refcodes_that_come_twice(tmp_path):
    with h5py.File(tmp_path / "c.h5", "w") as h5_out:
        DatasetInitializer(h5_out, ["A", "B", "A"]).initialize_datasets()
        RawDataWriter(h5_out).write_raw_crystal_data(0, {"z_value": [1, 2, 3]})
    with CrystalFile(tmp_path / "c.h5") as found:
        with pytest.raises(KeyError, match="0, 2"):
            found["A"]
        assert [found["B"]["z_value"], found[2]["z_value"]] == [2, 3]


def test_records(crystals, crystal_path):
    ak = pytest.importorskip("awkward")
    with CrystalFile(crystal_path) as found:
        records = found.to_awkward()
        few = found.to_awkward(["REF00005"], ["atom_coords", "space_group"])
    assert len(records) == 30
    assert records[4].refcode_list == "REF00004"
    for name in SCHEMA.fields:
        if name == "refcode_list":
            continue
        wanted = wanted_of(crystals, name, 4)
        values = records[4] if is_single(name) else records[4, SCHEMA.fields[name].group]
        got = ak.to_list(values[name])
        if is_single(name):
            wanted = wanted[0]
        assert got == (
            [one.tolist() for one in wanted]
            if isinstance(wanted, list)
            else wanted.tolist()
            if isinstance(wanted, np.ndarray | np.generic)
            else wanted
        ), name
    assert few.fields == ["refcode_list", "atoms", "space_group"]
    assert few.type.length == 1


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames(crystals, crystal_path, library):
    pytest.importorskip(library)
    with CrystalFile(crystal_path) as found:
        frame = found.to_dataframe(library)
        few = found.to_dataframe(library, ["REF00003"], ["cell_matrix"])
        assert len(found.to_dataframe(library, [])) == 0
        with pytest.raises(KeyError, match="atom_label"):
            found.to_dataframe(library, fields=["atom_label"])
        with pytest.raises(ValueError, match="pandas"):
            found.to_dataframe("excel")
    assert len(frame) == 30
    codes = frame.index.tolist() if library == "pandas" else frame["refcode"].to_list()
    assert codes == crystals.refcodes
    lengths = np.array([row[0] for row in crystals.tables["crystal"]["cell_lengths"]])
    assert np.array_equal(np.asarray(frame["cell_lengths_b"]), lengths[:, 1])
    groups = [str(row[0]) for row in crystals.tables["crystal"]["space_group"]]
    assert list(frame["space_group"]) == groups
    assert list(frame["n_atoms"]) == crystals.counts["atoms"].tolist()
    names = [name for name in few.columns if name != "refcode"]
    assert names == [f"cell_matrix_{edge}{axis}" for edge in "abc" for axis in "xyz"]


def test_nulls(tmp_path):
    with h5py.File(tmp_path / "c.h5", "w") as h5_out:
        DatasetInitializer(h5_out, ["A", "B"]).initialize_datasets()
        raw = RawDataWriter(h5_out)
        raw.write_raw_crystal_data(0, {"z_value": [2], "space_group": ["P1"], "flag": [True]})
        raw.write_raw_atom_data(0, {"atom_number": [[6], [1, 8]]})
        charge = {"atom_charge": [[0.5]], "atom_fragment_id": [[3]], "atom_label": [["C"]]}
        raw.write_raw_atom_data(0, charge)
    with CrystalFile(tmp_path / "c.h5") as found:
        assert found.missing["crystal"].tolist() == [1]
        b = found["B"]
        assert (b["z_value"], b["space_group"], b["flag"]) == (None, None, None)
        assert b["atom_number"].tolist() == [1, 8]
        assert np.ma.getmaskarray(b["atom_charge"]).all()
        assert b["atom_label"].tolist() == [None, None]
        batch = found.padded(["B", "A"])
        assert np.ma.getmaskarray(batch["atom_charge"]).tolist() == [[True, True], [False, False]]
        tensors = found.padded(["B", "A"], device="cpu")
        assert torch.isnan(tensors["atom_charge"]).tolist() == [[True, True], [False, False]]
        assert tensors["atom_fragment_id"].tolist() == [[0, 0], [3, 0]]
        assert tensors["atom_fragment_id_null"].tolist() == [[True, True], [False, False]]
        assert torch.isnan(tensors["z_value"]).tolist() == [True, False]
        for library in ("pandas", "polars"):
            pytest.importorskip(library)
            frame = found.to_dataframe(library)
            assert frame["space_group"].to_list() == ["P1", None]
            flags = frame["flag"]
            assert (flags.isna() if library == "pandas" else flags.is_null()).to_list() == [
                False,
                True,
            ]
        records = found.to_awkward()
        assert records.atoms.atom_charge.to_list() == [[0.5], [None, None]]
        assert records.z_value.to_list() == [2, None]


def test_files_that_are_none(tmp_path):
    rh5.write(tmp_path / "other.h5", {"atoms": {"x": [[1.0]]}})
    with pytest.raises(rh5.FormatError, match="refcodes"):
        CrystalFile(tmp_path / "other.h5")
    with pytest.raises(FileNotFoundError):
        CrystalFile(tmp_path / "absent.h5")
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(rh5.FormatError):
        CrystalFile(tmp_path / "text.h5")


def test_no_structures(tmp_path):
    with h5py.File(tmp_path / "c.h5", "w") as h5_out:
        DatasetInitializer(h5_out, []).initialize_datasets()
        RawDataWriter(h5_out).write_raw_crystal_data(0, {"z_value": np.zeros(0)})
    with CrystalFile(tmp_path / "c.h5") as found:
        assert len(found) == 0
        assert found.fields == {}
        assert len(found.padded([])["refcode_list"]) == 0
        assert len(found.to_dataframe()) == 0
        assert "0 structures" in repr(found)


def test_a_file_that_somebody_else_has_open(crystals, crystal_path):
    with h5py.File(crystal_path) as h5:
        with CrystalFile(h5) as found:
            assert found["REF00001"]["n_atoms"] == crystals.counts["atoms"][1]
        assert h5
    with rh5.File(crystal_path) as file:
        with CrystalFile(file) as found:
            assert len(found) == 30
        assert file.is_open


def test_while_it_is_being_written(tmp_path, crystals):
    with h5py.File(tmp_path / "c.h5", "w") as h5_out:
        DatasetInitializer(h5_out, crystals.refcodes).initialize_datasets()
        raw, computed = made.RawDataWriter(h5_out), made.ComputedDataWriter(h5_out)
        made.write(raw, computed, crystals, 8, 16)
        with CrystalFile(h5_out) as found:
            assert_same(
                found["REF00009"]["atom_coords"], crystals.tables["atoms"]["atom_coords"][9]
            )
            assert found["REF00002"]["n_atoms"] == 0
            assert found.missing["atoms"].tolist() == [*range(8), *range(16, 30)]
    write_file(tmp_path / "whole.h5", crystals)
