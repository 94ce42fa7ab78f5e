"""CIFs: what is read of real ones, compared with gemmi, and what becomes of odd ones."""

import gzip
import sys
from pathlib import Path

import ase.test
import gemmi
import numpy as np
import pytest

from raggedh5.errors import FormatError
from raggedh5.formats.crystal.cif import CifFailure, CifStructure, blocks, read_cif
from raggedh5.formats.crystal.geometry.cells import cell_matrix

CRYSTALS = Path(__file__).parents[4] / "examples" / "crystals"
MINERALS = Path(ase.test.__file__).parent / "testdata" / "minerals"
REAL = sorted([*CRYSTALS.glob("*.cif"), *MINERALS.glob("*.cif")])

CELL = """
_cell_length_a 5.0(1)
_cell_length_b 6
_cell_length_c 7
_cell_angle_alpha 90
_cell_angle_beta 100
_cell_angle_gamma 90
"""
SITES = """
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
"""
ATOMS = SITES + "C1 0.1 0.2 0.3\n"


def written(folder: Path, text: str, name: str = "some.cif", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def one_of(folder: Path, text: str) -> CifStructure:
    (structure,) = read_cif(written(folder, text))
    return structure


def both_of(path: Path) -> tuple[list[CifStructure], list[CifFailure]]:
    failures: list[CifFailure] = []
    return list(read_cif(path, failed=failures.append)), failures


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_real_ones_are_as_gemmi_reads_them(path: Path) -> None:
    expected = gemmi.cif.read_string(path.read_text())
    structures = list(read_cif(path))
    assert len(structures) == len(expected)
    for block, structure in zip(expected, structures, strict=True):
        small = gemmi.make_small_structure_from_block(block)
        cell, atoms = small.cell, structure.atoms
        assert structure.block == block.name
        assert structure.cell_lengths.tolist() == [cell.a, cell.b, cell.c]
        assert structure.cell_angles.tolist() == [cell.alpha, cell.beta, cell.gamma]
        assert structure.cell_volume == pytest.approx(cell.volume)
        assert structure.space_group == small.spacegroup_hm
        assert list(atoms.labels) == [site.label for site in small.sites]
        assert [e.number for e in atoms.elements] == [s.element.atomic_number for s in small.sites]
        assert [e.symbol for e in atoms.elements] == [s.element.name for s in small.sites]
        assert [e.weight for e in atoms.elements] == [s.element.weight for s in small.sites]
        assert atoms.frac_coords.tolist() == [site.fract.tolist() for site in small.sites]
        assert atoms.occupancy.tolist() == [site.occ for site in small.sites]
        matrix = cell_matrix(structure.cell_lengths, structure.cell_angles)
        for site, frac in zip(small.sites, atoms.frac_coords, strict=True):
            assert np.allclose(frac @ matrix, cell.orthogonalize(site.fract).tolist())
        assert structure.warnings == ()


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_formula_units_fit_the_atoms(path: Path) -> None:
    """Z times the formula weight is the weight of the atoms in the cell."""
    expected = gemmi.cif.read_string(path.read_text())
    for block, structure in zip(expected, read_cif(path), strict=True):
        small = gemmi.make_small_structure_from_block(block)
        if structure.cell_density is None:
            assert block.find_value("_cell_formula_units_Z") is None
            continue
        in_cell = small.get_all_unit_cell_sites()
        weight = sum(site.occ * site.element.weight for site in in_cell)
        by_atoms = weight / small.cell.volume / 0.602214076
        assert structure.cell_density == pytest.approx(by_atoms, rel=2e-3)


def test_z_prime_is_counted_by_operations_or_the_symbol() -> None:
    found = {s.identifier: s.z_prime for path in CRYSTALS.glob("*.cif") for s in read_cif(path)}
    assert found == {
        "quartz": 1 / 2,  # operations are listed
        "urea": 1 / 4,
        "calcite": 1 / 6,  # 36 operations in hexagonal axes
        "rutile": 1 / 8,
        "anatase": 1 / 8,
        "halite": 1 / 48,  # 192 operations with centring
        "diamond": 1 / 24,
        "dry_ice": 1 / 6,
    }


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("_cell_formula_units_Z 4\n_cell_formula_units_Z_prime 2", (4, 2)),
        ("_cell_formula_units_Z 4", (4, None)),
        ("_cell_formula_units_Z ?\n_symmetry_space_group_name_H-M 'P 1'", (None, None)),
        ("_cell_formula_units_Z 4\n_symmetry_space_group_name_H-M 'X 7'", (4, None)),
    ],
)
def test_z_where_it_is_stated(tmp_path: Path, tags: str, expected: tuple) -> None:
    structure = one_of(tmp_path, f"data_x\n{tags}\n{CELL}{ATOMS}")
    assert (structure.z_value, structure.z_prime) == expected


def test_densities_are_stated_or_computed(tmp_path: Path) -> None:
    weight = "_cell_formula_units_Z 2\n_chemical_formula_weight 60.06(1)\n"
    stated = one_of(tmp_path, f"data_x\n_exptl_crystal_density_diffrn 1.333\n{weight}{CELL}{ATOMS}")
    assert (stated.cell_density, stated.density_stated) == (1.333, True)
    computed = one_of(tmp_path, f"data_x\n{weight}{CELL}{ATOMS}")
    assert not computed.density_stated
    expected = 2 * 60.06 / 0.602214076 / computed.cell_volume
    assert computed.cell_density == pytest.approx(expected)
    formula = weight.replace("weight 60.06(1)", "sum 'C H4 N2 O'")
    by_formula = one_of(tmp_path, f"data_x\n{formula}{CELL}{ATOMS}").cell_density
    assert by_formula == pytest.approx(expected, rel=1e-4)
    unknown = one_of(tmp_path, f"data_x\n_chemical_formula_sum '(C2 H4)n'\n{CELL}{ATOMS}")
    assert unknown.cell_density is None


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("", "block"),
        ("_database_code_CSD ACSALA01\n_cod_database_code 1234567", "ACSALA01"),
        ("_cod_database_code 1234567\n_database_code_CSD ?", "1234567"),
        ("_database_code_depnum_ccdc_archive 'CCDC 630101'", "CCDC 630101"),
    ],
)
def test_identifiers(tmp_path: Path, tags: str, expected: str) -> None:
    assert one_of(tmp_path, f"data_block\n{tags}\n{CELL}{ATOMS}").identifier == expected


def test_a_block_without_a_name_is_called_as_the_file(tmp_path: Path) -> None:
    assert one_of(tmp_path, f"data_\n{CELL}{ATOMS}").identifier == "some"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("_symmetry_space_group_name_H-M 'P 21/c'", "P 21/c"),
        ("_space_group_name_H-M_alt P21/n\n_symmetry_space_group_name_H-M 'P 1 21/n 1'", "P21/n"),
        ("_symmetry_space_group_name_Hall '-P 2ybc'", "-P 2ybc"),
        ("_symmetry_space_group_name_H-M ?", None),
        ("", None),
    ],
)
def test_space_groups_are_as_the_file_has_them(tmp_path: Path, tags: str, expected: str) -> None:
    assert one_of(tmp_path, f"data_x\n{tags}\n{CELL}{ATOMS}").space_group == expected


def test_standard_uncertainties_are_dropped(tmp_path: Path) -> None:
    sites = SITES + "C1 0.1234(5) -.5(10) 1.0E-1(2)\n"
    structure = one_of(tmp_path, f"data_x\n{CELL}{sites}")
    assert structure.cell_lengths.tolist() == [5, 6, 7]
    assert structure.atoms.frac_coords.tolist() == [[0.1234, -0.5, 0.1]]


def test_atoms_of_every_kind(tmp_path: Path) -> None:
    text = f"""data_x
{CELL}
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
_atom_site_calc_flag
_atom_site_disorder_assembly
_atom_site_disorder_group
D1   D    0.1 0 0 1      d   . .
CL1  CL   0.2 0 0 0.5(1) d   A 1
Fe1  Fe3+ 0.3 0 0 .      d   A 2
Wat1 Wat  0.4 0 0 ?      d   . .
H9   H    ?   ? ? 1      d   . .
Cg1  C    0.5 0 0 1      dum . .
H10  H    0.6 0 . 1      d   . .
'O 2''' O 0.7 0 0 1      d   . -1
"""
    structure = one_of(tmp_path, text)
    atoms = structure.atoms
    assert atoms.labels == ("D1", "CL1", "Fe1", "Wat1", "O 2''")
    assert [e.symbol for e in atoms.elements] == ["D", "Cl", "Fe", "Wat", "O"]
    assert [e.number for e in atoms.elements] == [1, 17, 26, 0, 8]
    weights = [e.weight for e in atoms.elements]
    assert np.allclose(weights[:3], [2.0141, 35.453, 55.845])
    assert np.isnan(weights[3])
    assert atoms.frac_coords[:, 0].tolist() == [0.1, 0.2, 0.3, 0.4, 0.7]
    assert atoms.occupancy.tolist() == [1, 0.5, 1, 1, 1]
    assert atoms.disorder_assembly == ("", "A", "A", "", "")
    assert atoms.disorder_group == ("", "1", "2", "", "-1")
    assert structure.warnings == (
        "atoms without coordinates left out: H9, H10",
        "dummy atoms left out: Cg1",
        "of no element, with atomic number 0: Wat1",
    )


@pytest.mark.parametrize(
    ("label", "symbol"),
    [("CA1", "C"), ("Ca1", "Ca"), ("HO1", "H"), ("Cl12A", "Cl"), ("Xq1", "Xq1"), ("C'", "C")],
)
def test_elements_by_label(tmp_path: Path, label: str, symbol: str) -> None:
    structure = one_of(tmp_path, f'data_x\n{CELL}{SITES}"{label}" 0 0 0\n')
    assert [e.symbol for e in structure.atoms.elements] == [symbol]


def test_labels_are_made_of_symbols_where_there_are_none(tmp_path: Path) -> None:
    sites = SITES.replace("_label", "_type_symbol") + "C 0 0 0\nO 0.5 0 0\n"
    assert one_of(tmp_path, f"data_x\n{CELL}{sites}").atoms.labels == ("C1", "O2")


def test_oddities_are_told(tmp_path: Path) -> None:
    cell = CELL.replace("_cell_angle_gamma 90\n", "_cell_volume 300(1)\n")
    structure = one_of(tmp_path, f"data_x\n{cell}{ATOMS}C1 0.2 0.3 0.4\n")
    assert structure.cell_angles.tolist() == [90, 100, 90]
    assert structure.warnings == (
        "_cell_angle_gamma is not given, and taken to be 90",
        "the volume is 206.81 by the cell, but stated as 300",
        "labels used more than once: C1",
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"data_x\n{ATOMS}", "it has no cell: _cell_length_a, _b and _c are wanted"),
        (f"data_x\n{CELL}", "it has no atoms with fractional coordinates"),
        (f"data_x\n{CELL}{SITES}", "it has no atoms with fractional coordinates"),
        (f"data_x\n{CELL}{SITES}C1 0 0\n", "line 10 is not CIF: Wrong number of values in loop"),
        (f"data_x\n{CELL}{SITES}Cé1 0 0 0\n", "line 15 is not CIF: "),
        (f"data_x\n{CELL}{SITES}C1 ? ? ?\n", "none of its atoms has coordinates"),
        (
            f"data_x\n{CELL}{SITES}C1 0 1/3 0\n",
            "_atom_site_fract_y of 'C1' is '1/3', which is no number",
        ),
        (
            f"data_x\n{CELL}{SITES}C1 0 1e999 0\n",
            "_atom_site_fract_y of 'C1' is '1e999', which is no number",
        ),
        (
            f"data_x\n{CELL}{ATOMS}".replace("5.0(1)", "'5,0'"),
            "_cell_length_a is '5,0', which is no number",
        ),
        (
            f"data_x\n{CELL}{SITES}C1 0 1e30 0\n",
            "_atom_site_fract_y of 'C1' is '1e30', which is no number",
        ),
        (
            f"data_x\n{CELL}{ATOMS}".replace("5.0(1)", "1e60"),
            "_cell_length_a is '1e60', which is no number",
        ),
        (f"data_x\n{CELL}{ATOMS}".replace("5.0(1)", "1e-320"), "a cell has no edge of "),
        (f"data_x\n{CELL}{ATOMS}".replace("5.0(1)", "0"), "a cell has no edges of length 0.0, "),
        (f"data_x\n{CELL}{ATOMS}".replace(" 100\n", " 200\n"), "a cell has no angles of 90.0, 20"),
        (f"data_x\n{CELL}{ATOMS}".replace(" 100\n", " ?\n"), "it has no cell: _cell_angle_beta is"),
        (f"data_x\n{CELL}{ATOMS}{CELL}", "line 17 is not CIF: duplicate tag _cell_length_a"),
        (
            f"data_x\n{CELL}loop_\n_atom_site_label\n_atom_site_Cartn_x\nC1 1.0\n",
            "its atoms have no fractional coordinates, but Cartesian ones",
        ),
        (
            f"data_x\n{CELL}{ATOMS}loop_\n_atom_site_occupancy\n1\n1\n",
            "its atoms are in several loops of different lengths",
        ),
        (f"data_x\n{CELL}{ATOMS};\nno end", "line 17 is not CIF: "),
        (f"data_x\n_cell.length_a 5\n{ATOMS}", "it has no cell: "),
    ],
)
def test_what_is_no_structure_is_told_and_the_others_go_on(
    tmp_path: Path, text: str, reason: str
) -> None:
    good = f"data_good\n{CELL}{ATOMS}"
    path = written(tmp_path, f"# two blocks\n{good}\n{text}")
    structures, (failure,) = both_of(path)
    assert [structure.block for structure in structures] == ["good"]
    assert failure.block == "x"
    shift = good.count("\n") + 2  # lines are those of the file
    assert failure.line == shift + 1
    if reason.startswith("line "):
        number, rest = reason.removeprefix("line ").split(" ", 1)
        reason = f"line {int(number) + shift} {rest}"
    assert failure.reason.startswith(reason)
    with pytest.raises(FormatError) as caught:
        list(read_cif(path))
    assert str(caught.value) == str(failure)
    assert str(failure).startswith(f"{path}, data_x (line {failure.line}): ")


def test_an_error_in_a_block_leaves_those_behind_it(tmp_path: Path) -> None:
    text = f"data_a\n_x 'open\ndata_b\n{CELL}{ATOMS}\nDATA_c\n_x\ndata_d\n{CELL}{ATOMS}"
    structures, failures = both_of(written(tmp_path, text))
    assert [structure.block for structure in structures] == ["b", "d"]
    assert [failure.block for failure in failures] == ["a", "c"]


def test_text_fields_may_look_like_blocks(tmp_path: Path) -> None:
    text = f"data_x\n_publ_section_comment\n;\ndata_y\n_cell_length_a 1\n;\n{CELL}{ATOMS}"
    assert one_of(tmp_path, text).block == "x"


def test_blocks_of_text_alone_are_passed_over(tmp_path: Path) -> None:
    text = f"data_global\n_publ_contact_author_name 'A. B.'\n\ndata_x\n{CELL}{ATOMS}"
    structures, failures = both_of(written(tmp_path, text))
    assert [structure.block for structure in structures] == ["x"]
    assert not failures


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "data_global\n_x 1\n"])
def test_files_without_a_structure(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    structures, (failure,) = both_of(path)
    assert not structures
    assert failure == CifFailure(str(path), None, None, "there is no structure in it")


@pytest.mark.parametrize("raw", [b"hello\n", b"\x89HDF\r\n\x1a\n\0\0", b"\xff\xfed\0a\0t\0a\0"])
def test_files_that_are_no_cif(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "some.cif"
    path.write_bytes(raw)
    structures, (failure,) = both_of(path)
    assert not structures
    assert "is not CIF" in failure.reason


def test_text_before_the_first_block(tmp_path: Path) -> None:
    text = f"# a comment\n\n;\nwhat is this\n{'and more' * 10}\ndata_x\n{CELL}{ATOMS}"
    structures, (failure,) = both_of(written(tmp_path, text))
    assert [structure.block for structure in structures] == ["x"]
    assert (failure.block, failure.line) == ("", 3)


def test_endless_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "LONGEST", 100)
    text = f"data_x\n{CELL}{ATOMS}data_y\n# {'-' * 100}\n"
    structures, (failure,) = both_of(written(tmp_path, text))
    assert [structure.block for structure in structures] == ["x"]
    assert failure.reason == "line 17 is too long for CIF"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_ends_of_lines(tmp_path: Path, encoding: str, newline: str) -> None:
    text = f"data_Müller\n_x\n;\n25 °C\n;\n{CELL}{SITES}'Cé1' 0 0 0\n"
    path = written(tmp_path, text.replace("\n", newline), encoding=encoding)
    (structure,) = read_cif(path)
    assert structure.identifier == "Müller"
    assert structure.atoms.labels == ("Cé1",)


def test_each_block_has_its_own_encoding(tmp_path: Path) -> None:
    one = f"data_é\n{CELL}{ATOMS}"
    path = tmp_path / "some.cif"
    path.write_bytes(one.encode("latin-1") + one.encode())
    assert [structure.block for structure in read_cif(path)] == ["é", "é"]


def test_compressed_files(tmp_path: Path) -> None:
    packed = gzip.compress((CRYSTALS / "titania.cif").read_bytes())
    path = tmp_path / "titania.cif.gz"
    path.write_bytes(packed)
    assert [structure.block for structure in read_cif(path)] == ["rutile", "anatase"]
    path.write_bytes(packed[:-200])
    structures, failures = both_of(path)
    assert [failure.block for failure in failures] == [None]
    assert "what is compressed is damaged" in failures[0].reason
    path.write_bytes(b"data_x")
    with pytest.raises(FormatError, match=r"titania.cif.gz: what is compressed is damaged"):
        list(read_cif(path))
    assert len(structures) <= 1


def test_without_gemmi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gemmi", None)
    with pytest.raises(ImportError, match=r"pip install 'raggedh5\[cif\]'"):
        list(read_cif(CRYSTALS / "quartz.cif"))
