"""Values as pipelines have them: lists with nothing at some place, tensors, rows of any kind."""

import h5py
import numpy as np
import pytest

from raggedh5.errors import SchemaError
from raggedh5.formats.crystal import (
    ComputedDataWriter,
    CrystalFile,
    DatasetInitializer,
    RawDataWriter,
    convert,
    write_batches,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "crystals.h5"


def write(path, count, calls):
    """Call methods of the writers: (method, start, batch); return all structures."""
    with h5py.File(path, "w") as h5_out:
        DatasetInitializer(h5_out, [f"R{i}" for i in range(count)], {}).initialize_datasets()
        raw, computed = RawDataWriter(h5_out), ComputedDataWriter(h5_out)
        for method, start, batch in calls:
            getattr(raw if "raw" in method else computed, method)(start, batch)
    with CrystalFile(path) as crystals:
        return [crystals[i] for i in range(count)]


def labels(structures, name="atom_label"):
    return [structure[name].tolist() for structure in structures]


ATOMS = "write_raw_atom_data"
CELLS = "write_raw_crystal_data"
FRAGMENTS = "write_computed_fragment_data"


@pytest.mark.parametrize("starts", [(0, 2, 4), (2, 0, 4), (4, 2, 0)])
@pytest.mark.parametrize("nulls", [(0,), (2,), (0, 4), (0, 2, 4)])
def test_strings_may_be_null_in_any_batch(path, starts, nulls):
    def rows(start):
        return [["a", None], [None]] if start in nulls else [["a", "b"], ["c"]]

    found = write(path, 6, [(ATOMS, start, {"atom_label": rows(start)}) for start in starts])
    assert labels(found) == [row for start in (0, 2, 4) for row in rows(start)]


def test_single_strings_may_be_null_in_a_later_batch(path):
    calls = [(CELLS, 0, {"space_group": ["P1", "P21"]}), (CELLS, 2, {"space_group": ["C2", None]})]
    found = write(path, 4, calls)
    assert [one["space_group"] for one in found] == ["P1", "P21", "C2", None]


def test_nulls_in_a_file_that_is_taken_up_again(path):
    write(path, 6, [(ATOMS, 0, {"atom_label": [["a"], ["b"]]})])
    for start in (4, 2):
        with h5py.File(path, "a") as h5_out:
            RawDataWriter(h5_out).write_raw_atom_data(start, {"atom_label": [["x", None], []]})
    with CrystalFile(path) as crystals:
        found = [crystals[i] for i in range(6)]
    assert labels(found) == [["a"], ["b"], ["x", None], [], ["x", None], []]


def test_nulls_in_a_part_of_a_worker(path):
    rows = [[["a"]], [["b"]], [[None, "c"]], [["d"]]]
    batches = [{"refcodes": [f"R{i}"], "atoms": {"atom_label": row}} for i, row in enumerate(rows)]
    write_batches(path, batches, workers=2, validate=False)
    with CrystalFile(path) as crystals:
        assert labels([crystals[i] for i in range(4)]) == [row[0] for row in rows]


@pytest.mark.parametrize("fill", ["", None])
def test_padding_is_no_null(path, fill):
    batch = {"n_atoms": [2, 1], "atom_label": [["a", "b"], ["c", fill]]}
    batch["atom_symbol"] = np.array([["C", "N"], ["O", fill]], object)
    found = write(path, 2, [(ATOMS, 0, batch)])
    assert labels(found) == [["a", "b"], ["c"]]
    with CrystalFile(path) as crystals:
        assert not any(column.nullable for column in crystals.file["atoms"].columns.values())


def test_an_id_of_a_label_that_is_null_is_null(path):
    batch = {"bond_atom1": [["C1", None]], "bond_atom2": [["O1", "H1"]]}
    found = write(path, 1, [("write_raw_bond_data", 0, batch)])
    assert labels(found, "bond_id") == [["C1-O1", None]]


@pytest.mark.parametrize("rows", ["objects", "series", "series of series"])
def test_rows_of_any_kind(path, rows):
    pd = pytest.importorskip("pandas")
    texts: object = np.array([["a", "b"], ["c"]], object)
    if rows == "series":
        texts = pd.Series([["a", "b"], ["c"]])
    if rows == "series of series":
        texts = [pd.Series(["a", "b"]), pd.Series(["c"])]
    found = write(path, 2, [(ATOMS, 0, {"atom_label": texts})])
    assert labels(found) == [["a", "b"], ["c"]]


def test_lists_of_tensors(path):
    torch = pytest.importorskip("torch")
    coords = [torch.arange(6.0).reshape(2, 3), torch.ones(1, 3)]
    found = write(path, 2, [(ATOMS, 0, {"atom_coords": coords})])
    assert [one["atom_coords"].tolist() for one in found] == [c.tolist() for c in coords]


def fragments(**more):
    return {
        "fragment_structure_id": [1, 0, 1],
        "fragment_n_atoms": [2, 1, 3],
        "fragment_formula": ["b", "a", "c"],
        **more,
    }


@pytest.mark.parametrize(
    "more",
    [
        {"n_fragments": np.array([[1], [2], [0]])},
        {"n_fragments": np.array([1.0, 2.0, 0.0], "f4")},
        {"fragment_structure_id": np.array([1.0, 0.0, 1.0]), "n_fragments": [1, 2, 0]},
        {"fragment_formula": [["a"], ["b", "c"], []]},
        {"fragment_formula": [b"b", b"a", b"c"], "n_fragments": [1, 2, 0]},
    ],
)
def test_fragments_and_a_structure_without_any_at_the_end(path, more):
    found = write(path, 3, [(FRAGMENTS, 0, fragments(**more))])
    assert labels(found, "fragment_formula") == [["a"], ["b", "c"], []]
    assert labels(found, "fragment_n_atoms") == [[1], [2, 3], []]
    with CrystalFile(path) as crystals:
        assert not crystals.missing


def test_formulas_that_are_null(path):
    batch = fragments(fragment_formula=[None, "a", "c"])
    found = write(path, 2, [(FRAGMENTS, 0, batch)])
    assert labels(found, "fragment_formula") == [["a"], [None, "c"]]


def test_no_fragments_in_lists(path):
    empty = ("fragment_structure_id", "fragment_formula", "fragment_com_coords")
    batch = {"n_fragments": [0, 0], "fragment_n_atoms": [], **{name: [] for name in empty}}
    found = write(path, 2, [(FRAGMENTS, 0, batch | {"fragment_atom_to_com_vec": []})])
    assert found[1]["fragment_com_coords"].shape == (0, 3)


def test_a_fraction_of_a_fragment_is_refused(path):
    with pytest.raises(SchemaError, match="n_fragments"):
        write(path, 2, [(FRAGMENTS, 0, fragments(n_fragments=[1.5, 1.5]))])


def test_lists_of_other_lengths_are_refused_with_the_field(path):
    batch = fragments(fragment_atom_to_com_dist=[[1.0], [1.0, 2.0], [1.0]])
    with pytest.raises(SchemaError, match="fragment_atom_to_com_dist"):
        write(path, 2, [(FRAGMENTS, 0, batch)])


@pytest.mark.parametrize("starts", [(0, 2), (2, 0)])
def test_nothing_is_left_of_a_batch_that_does_not_fit(path, starts):
    with h5py.File(path, "w") as h5_out:
        DatasetInitializer(h5_out, list("ABCD"), {}).initialize_datasets()
        raw = RawDataWriter(h5_out)
        for start in starts:
            good = {"atom_label": [["a"], ["b"]]}
            with pytest.raises(SchemaError, match="atom_number"):
                raw.write_raw_atom_data(start, good | {"atom_number": [[2**40], [1]]})
            raw.write_raw_atom_data(start, good)
    with CrystalFile(path) as crystals:
        assert crystals.fields.keys() == {"atom_label"}
        assert labels([crystals[i] for i in range(4)]) == [["a"], ["b"]] * 2


@pytest.mark.parametrize("counts", [[0, 0], [2, 2], [3], [0], [1, 1, 1], []])
def test_structures_of_one_size_are_converted_and_back(path, tmp_path, counts):
    batch = {
        "atom_label": [["a"] * n for n in counts],
        "atom_number": [list(range(n)) for n in counts],
        "atom_coords": np.ones((len(counts), 3, 3)),
    }
    wanted = write(path, len(counts), [(ATOMS, 0, batch)])
    old, new = tmp_path / "old.h5", tmp_path / "new.h5"
    convert(path, old)
    convert(old, new)
    with CrystalFile(new) as crystals:
        for structure, one in zip(wanted, crystals, strict=True):
            for name, value in structure.items():
                np.testing.assert_array_equal(crystals[one][name], value)


def test_other_numbers_of_computed_atoms_than_extracted_are_refused(path):
    with h5py.File(path, "w") as h5_out:
        DatasetInitializer(h5_out, ["A", "B"], {}).initialize_datasets()
        raw, computed = RawDataWriter(h5_out), ComputedDataWriter(h5_out)
        raw.write_raw_atom_data(0, {"atom_label": [["a", "b"], ["c"]]})
        with pytest.raises(SchemaError, match=r"structure 'B'.*2 computed atoms, but 1"):
            computed.write_computed_atom_data(0, {"atom_fragment_id": [[0, 0], [0, 1]]})
        computed.write_computed_atom_data(0, {"atom_fragment_id": [[0, 0], [1]]})
    with CrystalFile(path) as crystals:
        assert crystals["B"]["atom_fragment_id"].tolist() == [1]


def test_contacts_computed_anew_are_told_by_their_number(path, tmp_path):
    raw = {"inter_cc_n_contacts": [1, 2], "inter_cc_strength": np.ones((2, 2))}
    images = {"inter_cc_n_contacts": [2, 4], "inter_cc_length": np.ones((2, 4))}
    found = write(
        path,
        3,
        [
            ("write_raw_intermolecular_contact_data", 0, raw),
            ("write_computed_intermolecular_contact_data", 0, images),
        ],
    )
    assert [one["inter_cc_n_contacts"] for one in found] == [2, 4, 0]
    with CrystalFile(path) as crystals:
        assert crystals.padded(slice(None))["inter_cc_mask"].sum(axis=1).tolist() == [2, 4, 0]
    convert(path, tmp_path / "old.h5")
    convert(tmp_path / "old.h5", tmp_path / "new.h5")
