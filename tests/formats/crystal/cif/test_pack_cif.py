"""CIFs into tables, and the command for it."""

import json
import os
import sys
from pathlib import Path

import gemmi
import h5py
import numpy as np
import pytest
from click.testing import CliRunner, Result

import raggedh5 as rh5
from raggedh5.cli.main import cli
from raggedh5.errors import FormatError, WriteError
from raggedh5.formats.crystal.cif import batches, pack_cif, packing, read_cif

CRYSTALS = sorted((Path(__file__).parents[4] / "examples" / "crystals").glob("*.cif"))
NAMES = ["calcite", "diamond", "dry_ice", "halite", "quartz", "rutile", "anatase", "urea"]


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)


def crystal(name: str, sites: str = "C1 0.1 0.2 0.3", length: str = "5") -> str:
    edges = "".join(f"_cell_length_{axis} {length}\n" for axis in "abc")
    angles = "".join(f"_cell_angle_{angle} 90\n" for angle in ("alpha", "beta", "gamma"))
    tags = "".join(f"_atom_site_{tag}\n" for tag in ("label", "fract_x", "fract_y", "fract_z"))
    return f"data_{name}\n{edges}{angles}loop_\n{tags}{sites}\n\n"


def refcodes(path: Path) -> list[str]:
    with rh5.File(path) as file:
        return file["refcodes"].read()["refcode_list"].tolist()


def check_real(path: Path) -> None:
    structures = [s for source in CRYSTALS for s in read_cif(source)]
    assert refcodes(path) == NAMES == [s.identifier for s in structures]
    with rh5.File(path) as file:
        crystals, computed = file["crystal"].read(), file["crystal_computed"].read()
        atoms = [file["atoms"][row] for row in range(len(NAMES))]
        assert "missing" not in file
    for row, structure in enumerate(structures):
        cell = gemmi.UnitCell(*structure.cell_lengths, *structure.cell_angles)
        assert crystals["identifier"][row] == structure.identifier
        assert crystals["space_group"][row] == structure.space_group
        assert crystals["cif_block"][row] == structure.block
        assert crystals["cif_path"][row] == structure.path
        assert crystals["z_value"][row] == structure.z_value
        assert crystals["z_prime"][row] == np.float32(structure.z_prime)
        assert np.array_equal(crystals["cell_lengths"][row], structure.cell_lengths.astype("f4"))
        assert np.array_equal(crystals["cell_angles"][row], structure.cell_angles.astype("f4"))
        assert crystals["cell_volume"][row] == pytest.approx(cell.volume)
        assert crystals["cell_density"][row] == np.float32(structure.cell_density)
        assert np.allclose(computed["cell_matrix"][row], np.array(cell.orth.mat.tolist()).T)
        found, expected = atoms[row], structure.atoms
        assert found["atom_label"].tolist() == list(expected.labels)
        assert found["atom_symbol"].tolist() == [e.symbol for e in expected.elements]
        assert found["atom_number"].tolist() == [e.number for e in expected.elements]
        assert np.allclose(found["atom_weight"], [e.weight for e in expected.elements])
        assert np.array_equal(found["atom_frac_coords"], expected.frac_coords.astype("f4"))
        cartesian = [
            cell.orthogonalize(gemmi.Fractional(*f)).tolist() for f in expected.frac_coords
        ]
        assert np.allclose(found["atom_coords"], cartesian, atol=1e-6)
        assert (found["atom_occupancy"] == 1).all()
        assert found["atom_disorder_group"].tolist() == [""] * len(expected.labels)


def test_real_crystals(tmp_path: Path) -> None:
    target = tmp_path / "crystals.h5"
    done: list[tuple[int, int]] = []
    report = pack_cif(CRYSTALS, target, progress=lambda *so_far: done.append(so_far))
    check_real(target)
    assert (report.structures, report.atoms) == (8, 19)
    assert report.failures == report.warnings == ()
    assert report.source_bytes == sum(path.stat().st_size for path in CRYSTALS)
    assert report.target_bytes == target.stat().st_size
    assert json.loads(json.dumps(report.as_dict()))["sources"] == [str(p) for p in CRYSTALS]
    assert done == sorted(done)
    assert done[-1] == (2 * report.source_bytes, 2 * report.source_bytes)
    with h5py.File(target) as stock:
        assert stock["atoms/atom_coords-data"].attrs["units"] == "angstrom"


@pytest.mark.parametrize(("structures", "places"), [(1, 1 << 18), (3, 1 << 18), (512, 6), (512, 1)])
def test_batches_of_any_size_make_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, structures: int, places: int
) -> None:
    monkeypatch.setattr(batches, "STRUCTURES", structures)
    monkeypatch.setattr(batches, "PLACES", places)
    pack_cif(CRYSTALS, tmp_path / "crystals.h5")
    check_real(tmp_path / "crystals.h5")


def test_a_large_structure_among_small_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "PLACES", 1000)
    many = "\n".join(f"C{i} {i / 5000} 0 0" for i in range(5000))
    source = tmp_path / "some.cif"
    source.write_text(crystal("a") * 3 + crystal("b", many) + crystal("c"))
    pack_cif([source], tmp_path / "some.h5")
    with rh5.File(tmp_path / "some.h5") as file:
        lengths = file["atoms"]["atom_label"].read().lengths
        assert lengths.tolist() == [1, 1, 1, 5000, 1]
        assert np.allclose(file["atoms"][3]["atom_coords"][:, 0], np.arange(5000) / 1000)


def test_refcodes_are_made_unique(tmp_path: Path) -> None:
    source = tmp_path / "some.cif"
    source.write_text("".join(map(crystal, ["I", "I_2", "I", "I", "II"])))
    report = pack_cif([source], tmp_path / "some.h5")
    assert refcodes(tmp_path / "some.h5") == ["I", "I_2", "I_3", "I_4", "II"]
    assert [warning.split(": ", 1)[1] for warning in report.warnings] == [
        "'I' is there already: 'I_3'",
        "'I' is there already: 'I_4'",
    ]


def test_numbers_that_are_not_stated_are_nan(tmp_path: Path) -> None:
    source = tmp_path / "some.cif"
    source.write_text(crystal("x", "Xx1 0 0 0"))
    pack_cif([source], tmp_path / "some.h5")
    with rh5.File(tmp_path / "some.h5") as file:
        (row,) = [file["crystal"][0]]
        assert np.isnan([row["z_value"], row["z_prime"], row["cell_density"]]).all()
        assert row["space_group"] == ""
        assert file["atoms"][0]["atom_number"].tolist() == [0]
        assert np.isnan(file["atoms"][0]["atom_weight"]).all()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are Unicode")
def test_names_of_files_that_are_no_unicode(tmp_path: Path) -> None:
    source = tmp_path / os.fsdecode(b"\xff.cif")
    source.write_text(crystal("") + crystal("b", length="0"))
    report = pack_cif([source], tmp_path / "some.h5")
    assert refcodes(tmp_path / "some.h5") == ["\\udcff"]
    assert [failure.path for failure in report.failures] == [f"{tmp_path}/\\udcff.cif"]
    result = run("pack-cif", "--json", source, tmp_path / "other.h5")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["sources"] == [f"{tmp_path}/\\udcff.cif"]


def test_many_of_the_same_name(tmp_path: Path) -> None:
    source = tmp_path / "some.cif"
    source.write_text(crystal("I") * 1500)
    report = pack_cif([source], tmp_path / "some.h5")
    assert report.structures == report.atoms == 1500
    codes = refcodes(tmp_path / "some.h5")
    assert codes[-1] == "I_1500"
    with rh5.File(tmp_path / "some.h5") as file:
        assert len(file["crystal"]) == len(file["atoms"]) == 1500


def test_some_fail_and_the_others_are_packed(tmp_path: Path) -> None:
    bad, empty, good = tmp_path / "bad.cif", tmp_path / "empty.cif", tmp_path / "good.cif"
    bad.write_text(crystal("a") + crystal("b", length="0") + crystal("c") + "data_d\n_cell_x 'y\n")
    empty.write_text("")
    good.write_text(crystal("e"))
    target = tmp_path / "some.h5"
    report = pack_cif([bad, tmp_path, empty, good], target)
    assert refcodes(target) == ["a", "c", "e"]
    assert [(failure.path, failure.block) for failure in report.failures] == [
        (str(bad), "b"),
        (str(bad), "d"),
        (str(tmp_path), None),
        (str(empty), None),
    ]
    before = target.read_bytes()
    with pytest.raises(
        FormatError, match=r"^[^:]*bad\.cif, data_b \(line 15\): a cell has no edges"
    ):
        pack_cif([bad, good], target, strict=True, overwrite=True)
    assert target.read_bytes() == before


def test_nothing_to_pack(tmp_path: Path) -> None:
    (tmp_path / "a.cif").write_text("data_a\n_cell_length_a 3\n")
    (tmp_path / "b.cif").write_text("")
    sources = [tmp_path / "a.cif", tmp_path / "b.cif"]
    with pytest.raises(FormatError, match=r"^no structure was found: .*a\.cif, .*\(1 more like"):
        pack_cif(sources, tmp_path / "some.h5")
    with pytest.raises(FormatError, match="give the paths of some CIFs"):
        pack_cif([], tmp_path / "some.h5")
    with pytest.raises(FileNotFoundError, match=r"none\.cif does not exist"):
        pack_cif([*CRYSTALS, tmp_path / "none.cif"], tmp_path / "some.h5")
    assert not (tmp_path / "some.h5").exists()


def test_a_target_is_not_lost(tmp_path: Path) -> None:
    source, target = tmp_path / "some.cif", tmp_path / "some.h5"
    source.write_text(crystal("a"))
    target.write_text("precious")
    with pytest.raises(WriteError, match="exists already"):
        pack_cif([source], target)
    with pytest.raises(WriteError, match="itself"):
        pack_cif([source], source, overwrite=True)
    assert target.read_text() == "precious"
    assert source.read_text() == crystal("a")
    pack_cif([source], target, overwrite=True)
    assert refcodes(target) == ["a"]


@pytest.mark.parametrize("changed", [crystal("a"), crystal("b") * 2, crystal("a") * 3])
def test_files_that_change_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    source = tmp_path / "some.cif"
    source.write_text(crystal("a") * 2)

    class Changing(packing.DatasetInitializer):
        def initialize_datasets(self) -> None:
            source.write_text(changed)
            super().initialize_datasets()

    monkeypatch.setattr(packing, "DatasetInitializer", Changing)
    with pytest.raises(WriteError, match="changed while they were read"):
        pack_cif([source], tmp_path / "some.h5")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["some.cif"]


def test_the_command(tmp_path: Path) -> None:
    result = run("pack-cif", *CRYSTALS, tmp_path / "crystals.h5")
    assert result.exit_code == 0, result.stderr
    assert not result.stderr
    assert f"{len(CRYSTALS)} files" in result.stdout
    assert "8 structures, 19 atoms in " in result.stdout
    check_real(tmp_path / "crystals.h5")
    again = run("pack-cif", *CRYSTALS, tmp_path / "crystals.h5")
    assert again.exit_code == 2
    assert "--overwrite" in again.stderr
    as_json = run("pack-cif", "--json", "--overwrite", *CRYSTALS, tmp_path / "crystals.h5")
    assert json.loads(as_json.stdout)["structures"] == 8


def test_the_command_says_what_failed(tmp_path: Path) -> None:
    source = tmp_path / "some.cif"
    source.write_text(crystal("a") + crystal("a") + "data_\x1b[2J\n_cell_length_a 3\n")
    result = run("pack-cif", source, tmp_path / "some.h5")
    assert result.exit_code == 1
    warning, failure = result.stderr.splitlines()
    assert warning.endswith("'a' is there already: 'a_2'")
    assert failure.startswith(f"raggedh5: {source}, data_\\x1b[2J (line 29): ")
    assert "2 structures, 2 atoms, 1 failure in " in result.stdout
    as_json = run("pack-cif", "--json", "--overwrite", source, tmp_path / "some.h5")
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["failures"][0]["line"] == 29
    strict = run("pack-cif", "--strict", source, tmp_path / "other.h5")
    assert strict.exit_code == 2
    assert len(strict.stderr.splitlines()) == 1
    assert not (tmp_path / "other.h5").exists()


def test_the_command_without_gemmi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gemmi", None)
    result = run("pack-cif", *CRYSTALS, tmp_path / "crystals.h5")
    assert result.exit_code == 2
    assert "pip install 'raggedh5[cif]'" in result.stderr
