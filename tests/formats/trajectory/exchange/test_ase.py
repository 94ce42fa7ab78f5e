"""Frames as ASE has them, and extended XYZ."""

from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from scipy import constants

import runs
from raggedh5.errors import FormatError, SchemaError
from raggedh5.formats.trajectory import (
    TrajectoryReader,
    convert_trajectory,
    from_ase,
    read_extxyz,
    to_ase,
)

BOHR = constants.physical_constants["Bohr radius"][0] * 1e10
HARTREE = constants.physical_constants["Hartree energy"][0] / constants.e
ELEMENTS = ["Bi", "V", "O", "polaron"]


def test_a_frame(tmp_path: Path) -> None:
    made = runs.write_run(tmp_path / "run.h5", lattice_matrix=runs.LATTICE, pbc=[True, True, False])
    with TrajectoryReader(tmp_path / "run.h5") as reader:
        trajectory, known = reader["traj_001"], reader.metadata
        atoms = to_ase(trajectory, -2, metadata=known, elements=ELEMENTS)
        assert np.allclose(atoms.positions, made["coordinates/unwrapped"][48] * BOHR, rtol=1e-9)
        assert np.allclose(atoms.cell[:], np.array(runs.LATTICE) * BOHR, rtol=1e-9)
        assert atoms.pbc.tolist() == [True, True, False]
        assert atoms.get_chemical_symbols() == ["Bi", "V", "O", "X"]
        assert atoms.get_potential_energy() == pytest.approx(made["energy"][48] * HARTREE)
        assert atoms.info["frame"] == 48
        assert atoms.info["time_ps"] == pytest.approx(made["time"][48] * 1e12)
        lone = to_ase(trajectory, 3, coordinates="coordinates/wrapped")
        assert np.allclose(lone.positions, made["coordinates/wrapped"][3] * BOHR, rtol=1e-9)
        assert lone.cell.rank == 0
        assert not lone.pbc.any()
        with pytest.raises(IndexError, match="has 50 frames, and no frame 50"):
            to_ase(trajectory, 50)
        with pytest.raises(SchemaError, match="no coordinates 'energy'"):
            to_ase(trajectory, 0, coordinates="energy")


def test_extended_xyz_and_back(tmp_path: Path) -> None:
    made = runs.write_run(tmp_path / "run.h5", lattice_matrix=runs.LATTICE)
    path = tmp_path / "run.extxyz"
    report = convert_trajectory(
        tmp_path / "run.h5", path, elements=["Bi", "V", "O", "O"], time_unit="s"
    )
    assert report.frames == {"traj_001": 50}
    images = ase.io.read(path, ":", format="extxyz")
    assert len(images) == 50
    for number, image in enumerate(images):
        expected = made["coordinates/unwrapped"][number] * BOHR
        assert np.allclose(image.positions, expected, atol=6e-9)
        assert image.get_potential_energy() == pytest.approx(made["energy"][number] * HARTREE)
    report = convert_trajectory(path, tmp_path / "back.h5", trajectory="traj_009")
    assert report.frames == {"traj_009": 50}
    with TrajectoryReader(tmp_path / "back.h5") as reader:
        back = reader["traj_009"]
        assert list(reader.metadata.parameters["elements"]) == ["Bi", "V", "O", "O"]
        assert np.allclose(reader.metadata.lattice_matrix, runs.LATTICE, atol=1e-7)
        assert np.allclose(back["time"][:], made["time"], rtol=1e-12)
        assert np.allclose(back["energy"][:], made["energy"], rtol=1e-9)
        found = back["coordinates/unwrapped"]
        assert np.allclose(found.read(), made["coordinates/unwrapped"], atol=1.2e-8)
        assert found.units == "bohr"
    again = tmp_path / "again.xyz"
    convert_trajectory(tmp_path / "back.h5", again)
    assert ase.io.read(again, 5).get_chemical_symbols() == ["Bi", "V", "O", "O"]


def test_a_varying_number_of_atoms(tmp_path: Path) -> None:
    made = [f for f in runs.write_ragged(tmp_path / "a.h5") if "coordinates/unwrapped" in f]
    convert_trajectory(tmp_path / "a.h5", tmp_path / "a.xyz")
    images = ase.io.read(tmp_path / "a.xyz", ":", format="extxyz")
    assert [len(image) for image in images] == [len(f["particles/atomic_number"]) for f in made]
    with pytest.raises(SchemaError, match="has other atoms than the first one; ragged=True"):
        convert_trajectory(tmp_path / "a.xyz", tmp_path / "b.h5")
    assert not (tmp_path / "b.h5").exists()
    for target in ("b.h5", "b"):
        convert_trajectory(tmp_path / "a.xyz", tmp_path / target, ragged=True)
        with TrajectoryReader(tmp_path / target) as reader:
            found = reader["traj_001"]
            for number, frame in enumerate(made):
                have = found.frame(number)
                assert np.array_equal(
                    have["particles/atomic_number"], frame["particles/atomic_number"]
                )
                assert np.allclose(
                    have["coordinates/unwrapped"], frame["coordinates/unwrapped"], atol=1.2e-8
                )


def test_images_in_memory(tmp_path: Path) -> None:
    water = ase.Atoms("OH2", positions=np.eye(3), cell=[3, 4, 5], pbc=True)
    water.calc = SinglePointCalculator(water, energy=-2.0)
    other = water.copy()
    other.info["energy"] = -1.0
    assert from_ase(iter([water, other, water]), tmp_path / "a.h5", metadata=None) == 3
    with TrajectoryReader(tmp_path / "a.h5") as reader:
        assert np.allclose(reader["traj_001"]["energy"][:] * HARTREE, [-2, -1, -2])
        assert np.array_equal(to_ase(reader["traj_001"], 0).numbers, [0, 0, 0])
        atoms = to_ase(reader["traj_001"], 0, metadata=reader.metadata)
        assert atoms.get_chemical_formula() == "H2O"
        assert np.allclose(atoms.cell, water.cell)
    water.set_cell([3, 4, 6])
    with pytest.raises(SchemaError, match="image 1 has another cell"):
        from_ase([other, water], tmp_path / "b.h5")
    with pytest.raises(SchemaError, match="there are no images"):
        from_ase([], tmp_path / "b.h5")
    assert not (tmp_path / "b.h5").exists()


def test_what_is_no_extended_xyz(tmp_path: Path) -> None:
    path = tmp_path / "a.xyz"
    path.write_text("many\natoms\n")
    with pytest.raises(FormatError, match="is no extended XYZ"):
        list(read_extxyz(path))
    with pytest.raises(FileNotFoundError):
        list(read_extxyz(tmp_path / "none.xyz"))
    with pytest.raises(SchemaError, match="becomes hdf5 or npy first"):
        convert_trajectory(path, tmp_path / "a.h5md")
