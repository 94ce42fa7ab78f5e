"""H5MD and mdtraj's files, opened by MDAnalysis and mdtraj."""

import re
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy import constants

import runs
from raggedh5.errors import SchemaError, WriteError
from raggedh5.formats.trajectory import (
    HDF5TrajectoryWriter,
    LoneArrays,
    TrajectoryReader,
    convert_trajectory,
    write_h5md,
    write_mdtraj,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import MDAnalysis
    import mdtraj

BOHR = constants.physical_constants["Bohr radius"][0]
HARTREE = constants.physical_constants["Hartree energy"][0]
ELEMENTS = ["Bi", "V", "O", "polaron"]
WRITERS = [write_h5md, write_mdtraj]


def open_h5md(path: Path, atoms: int = 4) -> MDAnalysis.Universe:
    universe = MDAnalysis.Universe.empty(atoms)
    universe.load_new(str(path), format="H5MD")
    return universe


@pytest.fixture
def made(tmp_path: Path):
    return runs.write_run(tmp_path / "run.h5", lattice_matrix=runs.LATTICE, program="PyCD")


def test_mdanalysis_reads_h5md(made, tmp_path: Path) -> None:
    report = convert_trajectory(tmp_path / "run.h5", tmp_path / "run.h5md", elements=ELEMENTS)
    assert report.to == "h5md"
    assert report.frames == {"traj_001": 50}
    universe = open_h5md(tmp_path / "run.h5md")
    assert universe.trajectory.n_frames == 50
    cell = MDAnalysis.lib.mdamath.triclinic_vectors(universe.dimensions)
    assert np.allclose(cell, np.array(runs.LATTICE) * BOHR * 1e10, atol=1e-5)
    for number, step in enumerate(universe.trajectory):
        expected = made["coordinates/unwrapped"][number] * BOHR * 1e10
        assert np.allclose(step.positions, expected, rtol=1e-6)
        assert step.time == pytest.approx(made["time"][number] * 1e12, rel=1e-12)
        assert step.data["step"] == number
        energy = made["energy"][number] * HARTREE * constants.N_A / 1000
        assert step.data["potential_energy"] == pytest.approx(energy, rel=1e-9)
    assert universe.trajectory.units["length"] == "Angstrom"
    assert universe.trajectory.units["time"] == "ps"


def test_h5md_is_as_its_specification_says(made, tmp_path: Path) -> None:
    path = tmp_path / "run.h5md"
    with TrajectoryReader(tmp_path / "run.h5") as reader:
        write_h5md(
            reader["traj_001"],
            path,
            metadata=reader.metadata,
            elements=ELEMENTS,
            coordinates="coordinates/wrapped",
            author="A. Person",
        )
    with h5py.File(path) as file:
        assert file["h5md"].attrs["version"].tolist() == [1, 1]
        assert file["h5md/author"].attrs["name"] == "A. Person"
        assert file["h5md/creator"].attrs["name"] == "raggedh5"
        group = file["particles/trajectory"]
        assert list(group["box"].attrs["boundary"]) == [b"periodic"] * 3
        assert group["box"].attrs["dimension"] == 3
        assert group["position/value"].dtype == np.float64
        wrapped = made["coordinates/wrapped"] * BOHR * 1e10
        assert np.allclose(group["position/value"][:], wrapped, rtol=1e-9)
        assert group["box/edges/step"] == group["position/step"]
        names = h5py.check_enum_dtype(group["species"].dtype)
        assert names == {"Bi": 83, "V": 23, "O": 8, "polaron": -1}
        assert group["species"][:].tolist() == [83, 23, 8, -1]
        assert group["position/value"].compression == "gzip"


def test_mdtraj_reads_its_files(made, tmp_path: Path) -> None:
    path = tmp_path / "md.h5"
    convert_trajectory(tmp_path / "run.h5", path, to="mdtraj", elements=ELEMENTS)
    found = mdtraj.load(path)
    assert np.allclose(found.xyz, made["coordinates/unwrapped"] * BOHR * 1e9, rtol=1e-6, atol=1e-9)
    assert np.allclose(found.time, made["time"] * 1e12, rtol=1e-12)
    assert [atom.element.symbol for atom in found.topology.atoms] == ["Bi", "V", "O", "VS"]
    assert [atom.name for atom in found.topology.atoms] == ELEMENTS
    lengths = np.linalg.norm(runs.LATTICE, axis=1) * BOHR * 1e9
    assert np.allclose(found.unitcell_lengths, lengths, rtol=1e-6)
    expected = mdtraj.utils.box_vectors_to_lengths_and_angles(*np.array(runs.LATTICE))[3:]
    assert np.allclose(found.unitcell_angles, expected, rtol=1e-6)
    with mdtraj.formats.HDF5TrajectoryFile(path) as file:
        energies = file.read().potentialEnergy
        assert file.root._v_attrs.conventions == "Pande"
        assert file.application == "PyCD"
    assert np.allclose(energies, made["energy"] * HARTREE * constants.N_A / 1000, rtol=1e-9)
    with h5py.File(path) as file:
        assert file.attrs["Conventions"] == "Pande"
        assert file.attrs["ConventionVersion"] == "1.1"


def test_a_real_run_of_which_times_of_frames_are_not_known(tmp_path: Path) -> None:
    arrays = LoneArrays(fields={"time": runs.TIMES})
    positions = np.load(runs.POSITIONS)
    for kind, name in (("h5md", "a.h5md"), ("mdtraj", "a.h5")):
        report = convert_trajectory(runs.POSITIONS, tmp_path / name, arrays=arrays, to=kind)
        assert report.events == {"traj_001": ["time"]}
    universe = open_h5md(tmp_path / "a.h5md", 1)
    assert universe.dimensions is None
    assert universe.trajectory.n_frames == 500
    assert np.isnan(universe.trajectory[7].time)
    expected = positions[499] * BOHR * 1e10
    assert np.allclose(universe.trajectory[499].positions[0], expected, rtol=1e-6)
    found = mdtraj.load(tmp_path / "a.h5")
    assert found.unitcell_lengths is None
    assert np.allclose(found.xyz[:, 0], positions * BOHR * 1e9, rtol=1e-6)
    convert_trajectory(
        runs.POSITIONS,
        tmp_path / "b.h5md",
        arrays=arrays,
        metadata={"time_interval": 1e-8, "lattice_matrix": runs.LATTICE},
    )
    universe = open_h5md(tmp_path / "b.h5md", 1)
    assert universe.trajectory[499].time == pytest.approx(499 * 1e4)
    assert universe.dimensions is not None


def test_times_and_positions_of_some_frames(tmp_path: Path) -> None:
    with HDF5TrajectoryWriter(tmp_path / "run.h5") as writer:
        writer.create_trajectory_datasets("traj_001")
        for number in range(20):
            frame = {"delg_0": 0.0}
            if number % 2:
                frame["coordinates/wrapped"] = [[number, 0, 0]]
            if number % 3 == 0:
                frame["time"] = number * 1e-12
            writer.append_frame("traj_001", frame)
    convert_trajectory(tmp_path / "run.h5", tmp_path / "run.h5md", codec="lzf")
    universe = open_h5md(tmp_path / "run.h5md", 1)
    assert universe.trajectory.n_frames == 10
    for number, step in zip(range(1, 20, 2), universe.trajectory, strict=True):
        assert step.data["step"] == number
        assert step.positions[0, 0] == pytest.approx(number * BOHR * 1e10)
        assert np.isnan(step.time) if number % 3 else step.time == pytest.approx(number)


@pytest.mark.parametrize("write", WRITERS)
def test_many_frames_go_block_by_block(write, tmp_path: Path) -> None:
    values = np.random.default_rng(3).random((5000, 300))
    np.save(tmp_path / "unwrapped_traj.npy", values)
    seen = []
    with TrajectoryReader(tmp_path) as reader:
        trajectory = reader[reader.ids[0]]
        path = tmp_path / "out.h5"
        done = write(
            trajectory, path, codec=None, progress=lambda done, total: seen.append((done, total))
        )
    assert done == 5000
    assert len(seen) > 1
    assert seen[-1] == (5000, 5000)
    name = "coordinates" if write is write_mdtraj else "particles/trajectory/position/value"
    with h5py.File(path) as file:
        scale = BOHR * (1e9 if write is write_mdtraj else 1e10)
        assert np.allclose(file[name][:], values.reshape(5000, 100, 3) * scale, rtol=1e-6)


@pytest.mark.parametrize("write", WRITERS)
def test_what_these_files_cannot_hold(write, tmp_path: Path) -> None:
    runs.write_ragged(tmp_path / "ragged.h5")
    runs.write_run(tmp_path / "run.h5")
    path = tmp_path / "out.h5"
    varies = pytest.raises(SchemaError, match="the number of its particles varies")
    with TrajectoryReader(tmp_path / "ragged.h5") as reader, varies:
        write(reader["traj_001"], path)
    with TrajectoryReader(tmp_path / "run.h5") as reader:
        trajectory = reader["traj_001"]
        with pytest.raises(SchemaError, match="has no 'coordinates/scaled'"):
            write(trajectory, path, coordinates="coordinates/scaled")
        with pytest.raises(SchemaError, match="names of 2 elements, but 4 particles"):
            write(trajectory, path, elements=["Bi", "V"])
        assert not path.exists()
        path.write_text("old")
        with pytest.raises(WriteError, match=re.escape(f"{path} exists already")):
            write(trajectory, path)
        assert write(trajectory, path, overwrite=True) == 50


def test_units_that_are_not_known_are_refused(tmp_path: Path) -> None:
    runs.write_run(tmp_path / "run.h5")
    with h5py.File(tmp_path / "run.h5", "r+") as file:
        file["trajectories/traj_001/coordinates/unwrapped"].attrs["units"] = "nm"
        file["trajectories/traj_001/energy"].attrs["units"] = "Rydberg"
    refused = pytest.raises(SchemaError, match="energy is in 'Rydberg'; known are hartree")
    with TrajectoryReader(tmp_path / "run.h5") as reader, refused:
        write_h5md(reader["traj_001"], tmp_path / "a.h5md")
