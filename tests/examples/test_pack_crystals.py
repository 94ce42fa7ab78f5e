"""The example runs from a clone, as it stands, and packs what it says."""

import os
import subprocess
import sys
from pathlib import Path

import gemmi
import numpy as np
import pytest

import raggedh5 as rh5
from raggedh5.formats.crystal import read_cif

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ["calcite", "diamond", "dry_ice", "halite", "quartz", "rutile", "anatase", "urea"]


def run(folder: Path, *words: str) -> str:
    package = Path(rh5.__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": str(package), "MPLCONFIGDIR": str(folder / "mpl")}
    done = subprocess.run(
        [sys.executable, EXAMPLES / "pack_crystals.py", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_packs_the_crystals_beside_it(tmp_path: Path) -> None:
    output = run(tmp_path)
    assert output.startswith("calcite: R -3 c :H, 367.61 A^3\n")
    assert "a padded batch: atom_coords (8, 5, 3) cell_matrix (8, 3, 3)\n" in output
    assert output.endswith("crystals.h5, crystals.png: 8 structures, 19 atoms\n")
    assert (tmp_path / "crystals.png").read_bytes().startswith(b"\x89PNG")
    structures = [s for path in sorted(EXAMPLES.glob("crystals/*.cif")) for s in read_cif(path)]
    with rh5.File(tmp_path / "crystals.h5") as file:
        assert file["refcodes"].read()["refcode_list"].tolist() == NAMES
        for row, structure in enumerate(structures):
            cell = gemmi.UnitCell(*structure.cell_lengths, *structure.cell_angles)
            matrix = file["crystal_computed"][row]["cell_matrix"]
            assert np.allclose(matrix, np.array(cell.orth.mat.tolist()).T, atol=1e-5)
            atoms = file["atoms"][row]
            assert atoms["atom_label"].tolist() == list(structure.atoms.labels)
            assert np.allclose(
                atoms["atom_coords"], structure.atoms.frac_coords @ matrix, atol=1e-5
            )
            assert np.allclose(atoms["atom_frac_coords"], structure.atoms.frac_coords)


@pytest.mark.slow
def test_it_takes_other_files(tmp_path: Path) -> None:
    output = run(tmp_path, "own.h5", str(EXAMPLES / "crystals" / "titania.cif"))
    assert output.startswith("rutile: P 42/m n m, 62.42 A^3\n")
    assert output.endswith("own.h5, own.png: 2 structures, 4 atoms\n")
