"""Trajectories copied from one layout to the other and back, bit for bit."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import runs
from raggedh5.errors import SchemaError, WriteError
from raggedh5.formats.trajectory import (
    HDF5TrajectoryWriter,
    NPYTrajectoryWriter,
    TrajectoryReader,
    convert_trajectory,
    copy_trajectories,
)
from strategies import arrays

KINDS = ("?", "i1", "i8", "u4", "f4", "f8", "c16")


@st.composite
def written(draw):
    """Fields by name: their rows, and every how many frames they have one."""
    count = draw(st.integers(1, 60))
    fields = {}
    for name in draw(st.sets(st.sampled_from(["time", "energy", "potential"]), max_size=3)):
        fields[name] = draw(arrays((count,), "f8"))
    for name in draw(st.sets(st.sampled_from(["a", "forces/total", "deep/er/field"]))):
        shape = draw(st.sampled_from([(), (1,), (2, 3), (4, 3)]))
        fields[name] = draw(arrays((count, *shape), draw(st.sampled_from(KINDS))))
    species = draw(st.integers(1, 5))
    fields["coordinates/unwrapped"] = draw(arrays((count, species, 3), "f8"))
    rates = {name: draw(st.sampled_from([1, 1, 2, 7])) for name in fields}
    first = {name: draw(st.sampled_from([0, 0, 3])) for name in fields}
    fields["step"], rates["step"], first["step"] = np.arange(count), 1, 0
    return count, fields, rates, first


@settings(max_examples=15)
@given(written())
def test_npy_to_hdf5_and_back_is_the_same_files(run) -> None:
    count, fields, rates, first = run
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with NPYTrajectoryWriter(folder / "a", {"temperature": 300.0}) as writer:
            writer.create_trajectory_datasets("traj_001")
            for number in range(count):
                frame = {
                    key: values[number]
                    for key, values in fields.items()
                    if number >= first[key] and (number - first[key]) % rates[key] == 0
                }
                writer.append_frame("traj_001", frame)
        with TrajectoryReader(folder / "a") as reader:
            report = copy_trajectories(reader, folder / "a.h5", "hdf5")
            assert report.ok
            known = reader.metadata
        with TrajectoryReader(folder / "a.h5") as reader:
            assert reader.metadata == known
            assert copy_trajectories(reader, folder / "b", "npy").ok
        old, new = folder / "a" / "traj1", folder / "b" / "traj1"
        assert sorted(path.name for path in old.iterdir()) == sorted(
            path.name for path in new.iterdir()
        )
        for path in old.glob("*.npy"):
            one, other = np.load(path), np.load(new / path.name)
            assert one.dtype == other.dtype
            assert one.shape == other.shape
            assert one.tobytes() == other.tobytes()
        records = [json.loads((place / "trajectory.json").read_text()) for place in (old, new)]
        fields_of = [record.pop("fields") for record in records]
        assert fields_of[0] == fields_of[1]
        assert records[0] == records[1]


def test_a_varying_number_of_particles(tmp_path: Path) -> None:
    made = runs.write_ragged(tmp_path / "a.h5")
    with TrajectoryReader(tmp_path / "a.h5") as reader:
        assert reader["traj_001"].fields == (
            "coordinates/unwrapped",
            "energy",
            "particles/atomic_number",
        )
        assert reader["traj_001"]["coordinates/unwrapped"].units == "bohr"
        assert copy_trajectories(reader, tmp_path / "b", "npy").ok
    with TrajectoryReader(tmp_path / "b") as reader:
        assert copy_trajectories(reader, tmp_path / "c.h5", "hdf5").ok
    with TrajectoryReader(tmp_path / "c.h5") as reader:
        trajectory = reader["traj_001"]
        for number, frame in enumerate(made):
            found = trajectory.frame(number)
            assert found.keys() == frame.keys()
            assert all(np.array_equal(found[name], value) for name, value in frame.items())


def test_more_frames_than_are_read_at_once(tmp_path: Path) -> None:
    """A batch begins with one frame, and grows to 16 MiB."""
    rng = np.random.default_rng(1)
    made = {"coordinates/unwrapped": rng.random((4000, 900)), "time": np.arange(4000.0)}
    with HDF5TrajectoryWriter(tmp_path / "a.h5", compression_opts={"compression": "none"}) as out:
        out.create_trajectory_datasets("traj_001")
        out.append_frames("traj_001", made)
    seen = []
    with TrajectoryReader(tmp_path / "a.h5") as reader:
        copy_trajectories(
            reader,
            tmp_path / "b",
            "npy",
            progress=lambda done, total: seen.append((done, total)),
        )
    assert len(seen) > 3
    assert seen[-1] == (4000, 4000)
    found = np.load(tmp_path / "b" / "traj1" / "unwrapped_traj.npy")
    assert np.array_equal(found, made["coordinates/unwrapped"])


def test_what_has_no_frames(tmp_path: Path) -> None:
    with HDF5TrajectoryWriter(tmp_path / "a.h5") as writer:
        writer.create_trajectory_datasets("traj_001")
    with TrajectoryReader(tmp_path / "a.h5") as reader:
        assert copy_trajectories(reader, tmp_path / "b", "npy").ok
    folder = tmp_path / "lone" / "traj2"
    folder.mkdir(parents=True)
    np.save(folder / "unwrapped_traj.npy", np.empty((0, 6)))
    with TrajectoryReader(tmp_path / "lone") as reader:
        assert copy_trajectories(reader, tmp_path / "c.h5", "hdf5").ok
    with TrajectoryReader(tmp_path / "c.h5") as reader:
        assert reader.ids == ["traj_002"]
        assert reader["traj_002"]["coordinates/unwrapped"].shape == (0, 6)


def test_precision_is_recorded_and_goes_along(tmp_path: Path) -> None:
    made = runs.write_run(tmp_path / "a.h5")["coordinates/unwrapped"]
    with TrajectoryReader(tmp_path / "a.h5") as reader:
        report = copy_trajectories(reader, tmp_path / "b.h5", "hdf5", precision=1e-3)
        assert report.ok
        assert not report.comparison.trajectories[0].fields[0].identical
    with TrajectoryReader(tmp_path / "b.h5") as reader:
        found = reader["traj_001"]["coordinates/unwrapped"]
        assert found.precision == 1e-3
        assert 0 < np.abs(found.read() - made).max() <= 1e-3
        assert reader["traj_001"]["energy"].precision is None
        assert copy_trajectories(reader, tmp_path / "c", "npy").ok
        with pytest.raises(SchemaError, match="NumPy files hold every bit"):
            copy_trajectories(reader, tmp_path / "d", "npy", precision=0.1)
    with TrajectoryReader(tmp_path / "c") as reader:
        copy_trajectories(reader, tmp_path / "d.h5", "hdf5", precision=1e-4)
        copy_trajectories(reader, tmp_path / "e.h5", "hdf5", precision=1e-2)
    for name, precision in (("c", 1e-3), ("d.h5", 1e-3), ("e.h5", 1.1e-2)):
        with TrajectoryReader(tmp_path / name) as reader:
            found = reader["traj_001"]["coordinates/unwrapped"]
            assert found.precision == pytest.approx(precision)
            assert np.abs(found.read() - made).max() <= precision


def test_what_is_said_of_a_trajectory_goes_along(tmp_path: Path) -> None:
    with HDF5TrajectoryWriter(tmp_path / "a.h5", {"temperature": 250.0}) as writer:
        writer.create_trajectory_datasets("traj_007")
        writer.append_frame("traj_007", {"energy": 1.0, "charge": np.float32([1, 2])})
        writer.finalize_trajectory("traj_007", "incomplete")
    with TrajectoryReader(tmp_path / "a.h5") as reader:
        before = reader["traj_007"]
        copy_trajectories(reader, tmp_path / "b", "npy")
    with TrajectoryReader(tmp_path / "b") as reader:
        copy_trajectories(reader, tmp_path / "c.h5", "hdf5", codec="gzip")
    for name in ("b", "c.h5"):
        with TrajectoryReader(tmp_path / name) as reader:
            after = reader["traj_007"]
            assert after.status == "incomplete"
            assert (after.start_time, after.end_time) == (before.start_time, before.end_time)
            assert after["energy"].units == "hartree"
            assert after["charge"].dtype == np.float32
            assert reader.metadata.temperature == 250.0


def test_targets_that_are_taken(tmp_path: Path) -> None:
    runs.write_run(tmp_path / "a.h5")
    (tmp_path / "b" / "traj1").mkdir(parents=True)
    note = tmp_path / "b" / "traj1" / "note.txt"
    note.write_text("mine")
    with TrajectoryReader(tmp_path / "a.h5") as reader:
        with pytest.raises(WriteError, match=r"is .* itself"):
            copy_trajectories(reader, tmp_path / "a.h5", "hdf5", overwrite=True)
        with pytest.raises(WriteError, match="traj1 exists already"):
            copy_trajectories(reader, tmp_path / "b", "npy")
        assert [path.name for path in (tmp_path / "b").iterdir()] == ["traj1"]
        copy_trajectories(reader, tmp_path / "b", "npy", overwrite=True)
        assert note.read_text() == "mine"
        assert (tmp_path / "b" / "traj1" / "unwrapped_traj.npy").exists()
        with pytest.raises(WriteError, match="is a folder"):
            copy_trajectories(reader, tmp_path / "b", "hdf5")
        with pytest.raises(WriteError, match="is no folder"):
            copy_trajectories(reader, note, "npy")
        with pytest.raises(KeyError, match="no trajectory 'traj_002'"):
            copy_trajectories(reader, tmp_path / "c", "npy", trajectories=["traj_002"])
    assert not (tmp_path / "c").exists()
    source = tmp_path / "b" / "traj1"
    for begin in (source, tmp_path / "b"):
        with TrajectoryReader(begin) as reader, pytest.raises(WriteError, match="itself"):
            copy_trajectories(reader, tmp_path / "b", "npy", overwrite=True)
    with pytest.raises(WriteError, match="itself"):
        convert_trajectory(source / "unwrapped_traj.npy", tmp_path / "b", overwrite=True)


@pytest.mark.parametrize("species", [0, 1])
def test_no_species_at_all(tmp_path: Path, species: int) -> None:
    np.save(tmp_path / "unwrapped_traj.npy", np.zeros((7, species, 3), ">f4"))
    with TrajectoryReader(tmp_path) as reader:
        assert copy_trajectories(reader, tmp_path / "a.h5", "hdf5").ok
    with TrajectoryReader(tmp_path / "a.h5") as reader:
        assert copy_trajectories(reader, tmp_path / "b", "npy").ok
        assert reader[reader.ids[0]]["coordinates/unwrapped"].read().shape == (7, species, 3)


def test_nothing_is_left_of_a_copy_that_fails(tmp_path: Path) -> None:
    folder = tmp_path / "traj1"
    folder.mkdir()
    np.save(folder / "unwrapped_traj.npy", np.zeros((4, 3)))
    np.save(folder / "time_data.npy", np.array([0, 1, 2, 2**62 + 1]))
    with TrajectoryReader(folder) as reader:
        for target, layout in ((tmp_path / "new", "npy"), (tmp_path / "new.h5", "hdf5")):
            with pytest.raises(SchemaError, match="time: a value of int64 does not fit float64"):
                copy_trajectories(reader, target, layout)
    assert [path.name for path in tmp_path.iterdir()] == ["traj1"]
