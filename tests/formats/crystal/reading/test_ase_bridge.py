"""Structures as ASE has them, compared with what ASE itself reads of the same CIFs."""

import sys
from pathlib import Path

import ase
import ase.test
import gemmi
import numpy as np
import pytest
from ase.data import atomic_numbers
from ase.io.cif import parse_cif

from raggedh5.errors import SchemaError
from raggedh5.formats.crystal import CrystalFile
from raggedh5.formats.crystal.cif import pack_cif, read_cif
from raggedh5.formats.crystal.cif.batches import atom_batch, cell_batch, crystal_batch
from raggedh5.formats.crystal.reading.ase_bridge import to_ase

CRYSTALS = Path(__file__).parents[4] / "examples" / "crystals"
MINERALS = Path(ase.test.__file__).parent / "testdata" / "minerals"
REAL = sorted([*CRYSTALS.glob("*.cif"), *MINERALS.glob("*.cif")])

SALT = {
    "refcode_list": "SALT",
    "space_group": "F m -3 m",
    "cell_lengths": np.float32([5.64, 5.64, 5.64]),
    "cell_angles": np.float32([90, 90, 90]),
    "cell_matrix": np.diag(np.float32([5.64, 5.64, 5.64])),
    "atom_label": ["Na1", "Cl1"],
    "atom_symbol": ["Na", "Cl"],
    "atom_number": np.int32([11, 17]),
    "atom_coords": np.float32([[0, 0, 0], [2.82, 2.82, 2.82]]),
    "atom_frac_coords": np.float32([[0, 0, 0], [0.5, 0.5, 0.5]]),
    "atom_charge": np.float32([0.9, -0.9]),
}


def without(*names: str, **changes: object) -> dict:
    return {name: value for name, value in SALT.items() if name not in names} | changes


def fields_of(structure) -> dict:
    """Return what a reader gives of a structure that was packed."""
    fields: dict = {"refcode_list": structure.identifier}
    for batch in (crystal_batch([structure]), cell_batch([structure]), atom_batch([structure])):
        fields.update({name: value[0] for name, value in batch.items()})
    return fields


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_real_crystals_are_as_ase_and_gemmi_read_them(path: Path) -> None:
    text = path.read_text()
    blocks = [block for block in parse_cif(str(path)) if block.has_structure()]
    small = [gemmi.make_small_structure_from_block(b) for b in gemmi.cif.read_string(text)]
    for structure, block, other in zip(read_cif(path), blocks, small, strict=True):
        atoms = to_ase(fields_of(structure))
        expected = block.get_unsymmetrized_structure()
        assert atoms.get_chemical_symbols() == expected.get_chemical_symbols()
        assert np.allclose(atoms.cell.cellpar(), expected.cell.cellpar())
        assert np.allclose(atoms.cell[:], expected.cell[:])
        assert np.allclose(atoms.positions, expected.positions)
        assert atoms.get_volume() == pytest.approx(other.cell.volume)
        assert atoms.pbc.all()
        assert atoms.arrays["labels"].tolist() == [site.label for site in other.sites]
        assert atoms.info == {
            "refcode": structure.identifier,
            "space_group": other.spacegroup_hm,
        }


def test_atoms_of_a_file(tmp_path: Path) -> None:
    sources = sorted(CRYSTALS.glob("*.cif"))
    pack_cif(sources, tmp_path / "crystals.h5")
    with CrystalFile(tmp_path / "crystals.h5") as crystals:
        for structure in (one for source in sources for one in read_cif(source)):
            expected, atoms = to_ase(fields_of(structure)), crystals.to_ase(structure.identifier)
            assert np.array_equal(atoms.numbers, expected.numbers)
            assert np.allclose(atoms.positions, expected.positions, atol=1e-6)
            assert np.allclose(atoms.cell[:], expected.cell[:], atol=1e-5)
            assert atoms.info == expected.info
            assert atoms.arrays["labels"].tolist() == expected.arrays["labels"].tolist()


def test_every_field() -> None:
    atoms = to_ase(SALT)
    assert atoms.numbers.tolist() == [11, 17]
    assert np.array_equal(atoms.positions, SALT["atom_coords"].astype("f8"))
    assert np.array_equal(atoms.cell[:], SALT["cell_matrix"].astype("f8"))
    assert atoms.pbc.tolist() == [True, True, True]
    assert np.allclose(atoms.get_initial_charges(), [0.9, -0.9])
    assert atoms.arrays["labels"].tolist() == ["Na1", "Cl1"]
    assert atoms.info == {"refcode": "SALT", "space_group": "F m -3 m"}


@pytest.mark.parametrize(
    "structure",
    [
        without("atom_number"),
        without("atom_symbol"),
        without("atom_coords"),
        without("atom_frac_coords"),
        without("cell_matrix"),
        without("cell_matrix", "atom_coords"),
        without("cell_lengths", "cell_angles"),
        without(atom_coords=None, cell_matrix=None, atom_symbol=None),
        without(cell_matrix=np.full((3, 3), np.nan), atom_coords=np.full((2, 3), np.nan)),
        without(atom_number=np.ma.MaskedArray([0, 0], True)),
        without(atom_coords=np.ma.MaskedArray(np.zeros((2, 3)), True)),
        without(atom_symbol=np.array([None] * 2, np.dtypes.StringDType(na_object=None))),
        without(atom_symbol=np.array(["Na", "Cl"], np.dtypes.StringDType()), atom_number=None),
        {
            name: value.tolist() if hasattr(value, "tolist") else value
            for name, value in SALT.items()
        },
    ],
)
def test_fields_stand_in_for_others(structure: dict) -> None:
    expected, atoms = to_ase(SALT), to_ase(structure)
    assert atoms.numbers.tolist() == expected.numbers.tolist()
    assert np.allclose(atoms.positions, expected.positions)
    assert np.allclose(atoms.cell[:], expected.cell[:])
    assert atoms.pbc.all()


def test_what_is_missing_is_left_out() -> None:
    bare = to_ase({"atom_number": [1, 1], "atom_coords": [[0, 0, 0], [0, 0, 0.74]]})
    assert not bare.pbc.any()
    assert bare.cell.rank == 0
    assert "labels" not in bare.arrays
    assert not bare.has("initial_charges")
    assert bare.info == {}
    assert not to_ase(without(atom_charge=[0.1, np.nan])).has("initial_charges")
    nulls = np.array([None, None], np.dtypes.StringDType(na_object=None))
    assert "labels" not in to_ase(without(atom_label=nulls)).arrays
    nulls[1] = "Cl1"
    assert to_ase(without(atom_label=nulls)).arrays["labels"].tolist() == ["", "Cl1"]


def test_deuterium_and_what_is_no_element() -> None:
    structure = without("atom_number", atom_symbol=["D", "Wat"])
    atoms = to_ase(structure)
    assert atoms.get_chemical_symbols() == ["H", "X"]
    assert atoms.get_masses()[0] == pytest.approx(gemmi.Element("D").weight, abs=1e-4)
    numbers = [atomic_numbers["H"], 0]
    numbered = to_ase(structure | {"atom_number": numbers})
    assert numbered.numbers.tolist() == numbers
    assert numbered.get_masses()[0] == atoms.get_masses()[0]


def test_no_atoms() -> None:
    empty = {"atom_symbol": [], "atom_coords": np.empty((0, 3)), "atom_label": []}
    assert len(to_ase(empty)) == 0


@pytest.mark.parametrize(
    ("structure", "message"),
    [
        (without("atom_number", "atom_symbol"), "'atom_number' and 'atom_symbol'"),
        (without("atom_number", atom_symbol=[None, None]), "'atom_number' and 'atom_symbol'"),
        (without("atom_coords", "atom_frac_coords"), "wants 'atom_frac_coords' and a cell"),
        (without("atom_coords", "cell_matrix", "cell_angles"), "and a cell"),
        (without(atom_coords=np.zeros((3, 3))), r"'atom_coords' has shape \(3, 3\), but \(2, 3\)"),
        (without(atom_label=["Na1"]), "'atom_label' has 1 values, but there are 2 atoms"),
        (without(atom_symbol=["Na"] * 3), "'atom_symbol' has 3 values"),
        (without(atom_charge=[1.0]), r"'atom_charge' has shape \(1,\)"),
        (without(cell_matrix=np.zeros(9)), r"'cell_matrix' has shape \(9,\)"),
    ],
)
def test_what_does_not_fit(structure: dict, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        to_ase(structure)


def test_without_ase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ase", None)
    with pytest.raises(ImportError, match=r"pip install 'raggedh5\[ase\]'"):
        to_ase(SALT)
