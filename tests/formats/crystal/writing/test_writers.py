"""Every method with every field, in all the forms that a batch may have."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import crystals as made
import raggedh5 as rh5
from crystals import assert_holds, assert_same, write_file
from raggedh5.formats.crystal import (
    FIELDS,
    SCHEMA,
    ComputedDataWriter,
    CrystalFile,
    DatasetInitializer,
    Field,
    RawDataWriter,
)

torch = pytest.importorskip("torch")


def as_tensors(table, values):
    def one(value):
        if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
            wide = {"i": torch.int64, "f": torch.float64}.get(value.dtype.kind)
            tensor = torch.from_numpy(np.ascontiguousarray(value))
            return tensor if wide is None else tensor.to(wide)
        return value

    return {key: one(value) for key, value in values.items()}


def as_lists(table, values):
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in values.items()}


def as_unpadded_lists(table, values):
    """Return lists as long as there are items, for groups whose batches are padded."""
    group = SCHEMA.groups[table.removesuffix("_computed")]
    if group.per_structure or group.owner:
        return as_lists(table, values)
    counts = next(
        (values[key] for key in (group.count,) if key in values),
        [len(row) for v in values.values() if isinstance(v, list) for row in v][: len(values)],
    )
    if group.count not in values:
        counts = [len(row) for row in next(v for v in values.values() if isinstance(v, list))]
    return {
        key: value
        if not isinstance(value, np.ndarray)
        else value.tolist()
        if value.ndim == 1
        else [row[:n].tolist() for row, n in zip(value, counts, strict=True)]
        for key, value in values.items()
        if key != group.mask
    }


def fortran(table, values):
    return {k: np.asfortranarray(v) if isinstance(v, np.ndarray) else v for k, v in values.items()}


def as_text_arrays(table, values):
    """Return strings as padded arrays, and those of fragments and crystals flat."""
    group = SCHEMA.groups[table.removesuffix("_computed")]
    found = dict(values)
    for key, value in values.items():
        if not isinstance(value, list):
            continue
        if group.per_structure:
            found[key] = np.array(value)
        elif group.owner:
            found[key] = np.array([text for row in value for text in row], object)
        elif group.mask:
            width = values[group.mask].shape[1]
            found[key] = np.array([[*row, *[""] * (width - len(row))] for row in value])
    return found


def by_mask_alone(table, values):
    count = SCHEMA.groups[table.removesuffix("_computed")].count
    return {k: v for k, v in values.items() if k != count or k == "n_fragments"}


def by_count_alone(table, values):
    return {k: v for k, v in values.items() if k != SCHEMA.groups[table.split("_comp")[0]].mask}


def by_strings_alone(table, values):
    group = SCHEMA.groups[table.removesuffix("_computed")]
    if group.owner:
        return values
    return {key: value for key, value in values.items() if key not in (group.mask, group.count)}


@pytest.mark.parametrize(
    "change",
    [
        None,
        as_tensors,
        as_lists,
        as_unpadded_lists,
        fortran,
        as_text_arrays,
        by_mask_alone,
        by_count_alone,
        by_strings_alone,
    ],
)
def test_every_method_and_field(tmp_path, crystals, change):
    path = write_file(tmp_path / "crystals.h5", crystals, change=change)
    with CrystalFile(path) as found:
        assert_holds(found, crystals)
        assert found.refcodes.tolist() == crystals.refcodes
        assert not found.missing
    assert {name for columns in crystals.tables.values() for name in columns} == {
        field.name for field in FIELDS if field.name != "refcode_list"
    }


@pytest.mark.parametrize("opener", [h5py.File, rh5.File])
def test_the_owner_closes_the_file(tmp_path, crystals, opener):
    path = write_file(tmp_path / "crystals.h5", crystals, opener=opener)
    with h5py.File(path) as stock:
        assert stock["atoms"].attrs["length"] == len(crystals.refcodes)
    with CrystalFile(path) as found:
        assert_holds(found, crystals)


def test_units_and_meaning_are_attributes(crystal_path):
    with h5py.File(crystal_path) as stock:
        assert stock["atoms/atom_coords-data"].attrs["units"] == "angstrom"
        assert "bond" in stock["bonds/bond_is_cyclic-data"].attrs["meaning"]


def test_a_mask_with_holes(tmp_path):
    mask = np.array([[True, False, True], [False, False, False], [False, True, True]])
    batch = {
        "atom_mask": mask,
        "atom_number": np.arange(9).reshape(3, 3),
        "atom_label": [["A", "B"], [], ["C", "D"]],
        "atom_symbol": [["H", "?", "C"], ["?", "?", "?"], ["?", "N", "O"]],
    }
    with h5py.File(tmp_path / "c.h5", "w") as h5_out:
        DatasetInitializer(h5_out, ["X", "Y", "Z"]).initialize_datasets()
        RawDataWriter(h5_out).write_raw_atom_data(0, batch)
    with CrystalFile(tmp_path / "c.h5") as found:
        assert found["X"]["atom_number"].tolist() == [0, 2]
        assert found["X"]["atom_symbol"].tolist() == ["H", "C"]
        assert found["Z"]["atom_label"].tolist() == ["C", "D"]
        assert found["Z"]["atom_symbol"].tolist() == ["N", "O"]
        assert found["Y"]["n_atoms"] == 0


@pytest.mark.parametrize(
    ("change", "field", "structure"),
    [
        ({"n_atoms": [2, 2]}, "n_atoms", "'B'"),
        ({"atom_label": [["a", "b"], ["c"], []]}, "atom_label", "3 structures"),
        ({"atom_label": [["a", "b"], ["c", "d"]]}, "atom_label", "'B'"),
        ({"atom_label": [["a", "b"], []]}, "atom_label", "'B'"),
        ({"atom_label": [["a", 5], ["c"]]}, "atom_label", "'A'"),
        ({"atom_coords": np.zeros((2, 3, 2))}, "atom_coords", "shape"),
        ({"atom_coords": np.zeros((3, 3, 3))}, "atom_coords", "3 structures"),
        ({"atom_coords": np.zeros((2, 1, 3))}, "atom_coords", ""),
        ({"atom_number": [[2**40, 1, 1], [1, 1, 1]]}, "atom_number", "'A'"),
        ({"atom_number": [[1, 1, 1], ["x", "y", "z"]]}, "atom_number", ""),
        ({"atom_charge": np.array([[1e300, 0, 0], [0, 0, 0]])}, "atom_charge", "'A'"),
        ({"atom_mask": np.ones((2, 3), bool)}, "n_atoms", "'A'"),
        ({"atom_mask": np.ones(2, bool)}, "atom_mask", "shape"),
        ({"n_atoms": np.array([2.5, 1])}, "n_atoms", "integer"),
        ({"atom_charge": 3.0}, "atom_charge", ""),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, change, field, structure):
    batch = {
        "n_atoms": [2, 1],
        "atom_mask": np.array([[True, True, False], [True, False, False]]),
        "atom_label": [["a", "b"], ["c"]],
        "atom_coords": np.zeros((2, 3, 3)),
        "atom_number": np.ones((2, 3), int),
        "atom_charge": np.zeros((2, 3)),
    }
    with h5py.File(tmp_path / "c.h5", "w") as h5_out:
        DatasetInitializer(h5_out, ["A", "B", "C", "D"]).initialize_datasets()
        raw = RawDataWriter(h5_out)
        raw.write_raw_atom_data(0, batch)
        with pytest.raises(rh5.SchemaError, match=field) as caught:
            raw.write_raw_atom_data(2, batch | change)
        wanted = structure.replace("'A'", "'C'").replace("'B'", "'D'")
        assert wanted in str(caught.value)
        raw.write_raw_atom_data(2, batch)
    with CrystalFile(tmp_path / "c.h5") as found:
        assert [found[i]["atom_label"].tolist() for i in range(4)] == [["a", "b"], ["c"]] * 2
        assert not found.missing


def test_structures_that_there_are_not(tmp_path):
    with h5py.File(tmp_path / "c.h5", "w") as h5_out:
        raw = RawDataWriter(h5_out)
        with pytest.raises(rh5.SchemaError, match="DatasetInitializer"):
            raw.write_raw_crystal_data(0, {"z_value": [1]})
        DatasetInitializer(h5_out, ["A", "B"]).initialize_datasets()
        with pytest.raises(rh5.SchemaError, match="2"):
            raw.write_raw_crystal_data(1, {"z_value": [1, 2]})
        with pytest.raises(rh5.SchemaError, match="-1"):
            raw.write_raw_crystal_data(-1, {"z_value": [1]})
        with pytest.raises(rh5.SchemaError, match="refcode"):
            raw.write_raw_crystal_data(0, {"z_value": [1], "refcode_list": ["B"]})
        with pytest.raises(rh5.SchemaError, match="already"):
            DatasetInitializer(h5_out, ["A", "B"]).initialize_datasets()
        with pytest.raises(rh5.SchemaError, match="field"):
            raw.write_raw_crystal_data(0, {})
        raw.write_raw_crystal_data(0, {"z_value": [1], "refcode_list": ["A"]})


@pytest.mark.parametrize("h5_out", ["file.h5", None, 5, {}])
def test_what_is_no_file(h5_out):
    with pytest.raises(rh5.SchemaError, match=r"h5py\.File"):
        DatasetInitializer(h5_out, ["A"]).initialize_datasets()


def test_fields_that_the_schema_does_not_have(tmp_path):
    with h5py.File(tmp_path / "c.h5", "w") as h5_out:
        DatasetInitializer(h5_out, ["A", "B"]).initialize_datasets()
        raw, computed = RawDataWriter(h5_out), ComputedDataWriter(h5_out)
        raw.write_raw_crystal_data(0, {"temperature": [100.0, 293.0], "colour": ["red", "ü"]})
        atoms = {
            "n_atoms": [1, 2],
            "atom_spin": np.arange(4.0).reshape(2, 2),
            "atom_tensor": np.ones((2, 2, 3, 3), np.float64),
            "atom_note": [["x"], ["y", "z"]],
            "largest_charge": np.array([0.5, 0.7]),
        }
        raw.write_raw_atom_data(0, atoms)
        computed.write_computed_fragment_data(
            0,
            {
                "n_fragments": [1, 1],
                "fragment_structure_id": [0, 1],
                "fragment_n_atoms": [1, 2],
                "fragment_atom_mask": [[True, False], [True, True]],
                "fragment_atom_weight": np.array([[12.0, 0], [1.0, 16.0]]),
                "fragment_spread": np.ones((2, 4)),
            },
        )
        computed.write_computed_molecule_data(
            0, {"torsion_id": [["a"], []], "torsion_energy": [[1.5], []], "torsion": [[9.0], []]}
        )
    with CrystalFile(tmp_path / "c.h5") as found:
        a, b = found["A"], found["B"]
        assert b["temperature"] == 293
        assert b["colour"] == "ü"
        assert b["atom_spin"].tolist() == [2, 3]
        assert b["atom_tensor"].shape == (2, 3, 3)
        assert b["atom_tensor"].dtype == np.float64
        assert b["atom_note"].tolist() == ["y", "z"]
        assert b["largest_charge"] == 0.7
        assert [row.tolist() for row in b["fragment_atom_weight"]] == [[1, 16]]
        assert a["fragment_spread"].shape == (1, 4)
        assert a["torsion_energy"].tolist() == [1.5]
        assert found.fields["atom_spin"] is None
        padded = found.padded(["B", "A"])
        assert padded["fragment_atom_mask"].tolist() == [[[True, True]], [[True, False]]]


def test_fields_of_ones_own(tmp_path):
    schema = SCHEMA.extend([Field("atom_nmr_shift", "atoms", "f8", "chemical shift", units="ppm")])
    with h5py.File(tmp_path / "c.h5", "w") as h5_out:
        DatasetInitializer(h5_out, ["A"], schema=schema).initialize_datasets()
        raw = RawDataWriter(h5_out, schema=schema)
        raw.write_raw_atom_data(0, {"n_atoms": [1], "atom_nmr_shift": np.float32([[7.2]])})
    with h5py.File(tmp_path / "c.h5") as stock:
        assert stock["atoms/atom_nmr_shift-data"].attrs["units"] == "ppm"
        assert stock["atoms/atom_nmr_shift-data"].dtype == "f8"


def test_names_that_pipelines_have_for_fields(tmp_path):
    with h5py.File(tmp_path / "c.h5", "w") as h5_out:
        DatasetInitializer(h5_out, ["A"]).initialize_datasets()
        raw, computed = RawDataWriter(h5_out), ComputedDataWriter(h5_out)
        raw.write_raw_atom_data(0, {"atom_neighbors": [[["C2"], []]]})
        computed.write_computed_atom_data(0, {"atom_dist_to_special_planes": np.ones((1, 2, 7))})
    with CrystalFile(tmp_path / "c.h5") as found:
        structure = found["A"]
        assert structure["atom_distances_to_special_planes"].shape == (2, 7)
        assert found.padded(["A"], ["atom_dist_to_special_planes"])["atom_mask"].all()


def test_numbers_where_strings_are_wanted(tmp_path):
    with h5py.File(tmp_path / "c.h5", "w") as h5_out:
        DatasetInitializer(h5_out, ["A"]).initialize_datasets()
        batch = {"n_bonds": [2], "bond_type": torch.tensor([[1, 4, 0]]), "bond_id": [[7, 8]]}
        RawDataWriter(h5_out).write_raw_bond_data(0, batch)
    with CrystalFile(tmp_path / "c.h5") as found:
        assert found["A"]["bond_type"].tolist() == ["1", "4"]
        assert found["A"]["bond_id"].tolist() == ["7", "8"]


def test_one_large_structure_among_small_ones(tmp_path):
    rng = np.random.default_rng(0)
    counts = np.array([3, 5000, 1, 0, 2])
    coords = rng.normal(size=(5, 5000, 3)).astype("f4")
    labels = [[f"C{i}" for i in range(n)] for n in counts]
    with h5py.File(tmp_path / "c.h5", "w") as h5_out:
        DatasetInitializer(h5_out, list("ABCDE")).initialize_datasets()
        RawDataWriter(h5_out).write_raw_atom_data(0, {"atom_label": labels, "atom_coords": coords})
    with CrystalFile(tmp_path / "c.h5") as found:
        for i, refcode in enumerate("ABCDE"):
            structure = found[refcode]
            assert structure["n_atoms"] == counts[i]
            np.testing.assert_array_equal(structure["atom_coords"], coords[i, : counts[i]])
            assert structure["atom_label"].tolist() == labels[i]
        assert found.padded(["A", "C"])["atom_coords"].shape == (2, 3, 3)


def test_no_bonds_no_contacts_no_fragments(tmp_path):
    with h5py.File(tmp_path / "c.h5", "w") as h5_out:
        DatasetInitializer(h5_out, ["A", "B"]).initialize_datasets()
        raw, computed = RawDataWriter(h5_out), ComputedDataWriter(h5_out)
        raw.write_raw_bond_data(0, {"bond_atom1": [[], []], "bond_length": np.zeros((2, 0))})
        raw.write_raw_intramolecular_contact_data(
            0,
            {
                "intra_cc_central_atom": [[], []],
                "intra_cc_contact_atom": [[], []],
                "intra_cc_central_atom_coords": [[], []],
                "intra_cc_length": [[], []],
            },
        )
        computed.write_computed_fragment_data(
            0,
            {
                "n_fragments": torch.zeros(2, dtype=torch.int64),
                "fragment_structure_id": torch.zeros(0, dtype=torch.int64),
                "fragment_n_atoms": torch.zeros(0, dtype=torch.int64),
                "fragment_formula": [[], []],
                "fragment_com_coords": torch.zeros((0, 3)),
                "fragment_atom_to_com_vec": torch.zeros((0, 0, 3)),
            },
        )
    with CrystalFile(tmp_path / "c.h5") as found:
        structure = found["B"]
        assert (structure["n_bonds"], structure["n_fragments"]) == (0, 0)
        assert structure["intra_n_contacts"] == 0
        assert structure["intra_cc_id"].tolist() == []
        assert structure["intra_cc_central_atom_coords"].shape == (0, 3)
        assert len(structure["fragment_atom_to_com_vec"]) == 0
        padded = found.padded(["A", "B"])
        assert padded["bond_length"].shape == (2, 0)


def test_fragments_in_any_order(tmp_path):
    with h5py.File(tmp_path / "c.h5", "w") as h5_out:
        DatasetInitializer(h5_out, ["A", "B", "C"]).initialize_datasets()
        computed = ComputedDataWriter(h5_out)
        batch = {
            "n_fragments": [2, 0, 1],
            "fragment_structure_id": np.array([2, 0, -1, 0]),  # -1: of no structure
            "fragment_n_atoms": np.array([1, 2, 0, 3]),
            "fragment_formula": ["c", "a1", "?", "a2"],
            "fragment_Ql": np.arange(20.0).reshape(4, 5),
            "fragment_atom_to_com_dist": np.arange(12.0).reshape(4, 3),
        }
        computed.write_computed_fragment_data(0, batch)
        for key, value, what in (
            ("n_fragments", [1, 0, 1], "'A'"),
            ("fragment_structure_id", None, "fragment_structure_id"),
            ("fragment_structure_id", np.array([3, 0, 0, 0]), "fragment_structure_id"),
            ("fragment_n_atoms", np.array([1, 2, 0, 4]), "fragment_atom_to_com_dist"),
            ("fragment_n_atoms", None, "fragment_n_atoms"),
            ("fragment_formula", ["a"], "fragment_formula"),
            ("fragment_Ql", np.zeros((3, 5)), "fragment_Ql"),
        ):
            with pytest.raises(rh5.SchemaError, match=what):
                computed.write_computed_fragment_data(0, batch | {key: value})
    with CrystalFile(tmp_path / "c.h5") as found:
        a, c = found["A"], found["C"]
        assert a["fragment_formula"].tolist() == ["a1", "a2"]
        assert [row.tolist() for row in a["fragment_atom_to_com_dist"]] == [[3, 4], [9, 10, 11]]
        assert c["fragment_Ql"].tolist() == [[0, 1, 2, 3, 4]]
        assert found["B"]["n_fragments"] == 0


def test_ids_are_made_of_labels(tmp_path):
    with h5py.File(tmp_path / "c.h5", "w") as h5_out:
        DatasetInitializer(h5_out, ["A"]).initialize_datasets()
        labels = {
            f"inter_hb_{a}_atom": [[f"{a}1", "é"]] for a in ("central", "hydrogen", "contact")
        }
        ComputedDataWriter(h5_out).write_computed_intermolecular_hbond_data(0, labels)
        raw = {
            "intra_cc_central_atom": np.array([["C1", "C2", ""]]),
            "intra_n_contacts": [2],
            "intra_cc_contact_atom": [[b"O1", "O2"]],
        }
        RawDataWriter(h5_out).write_raw_intramolecular_contact_data(0, raw)
    with CrystalFile(tmp_path / "c.h5") as found:
        assert found["A"]["inter_hb_id"].tolist() == ["central1-hydrogen1-contact1", "é-é-é"]
        assert found["A"]["intra_cc_id"].tolist() == ["C1-O1", "C2-O2"]


def test_many_calls_of_a_real_kind(tmp_path):
    wanted = made.make(130, seed=3, largest=40)
    path = write_file(tmp_path / "c.h5", wanted, step=17)
    with CrystalFile(path) as found:
        assert_holds(found, wanted)
        assert_same(found["REF00129"]["atom_coords"], wanted.tables["atoms"]["atom_coords"][129])
