"""Trajectories of lone ``.npy`` files, and fields of another rate."""

import json
from pathlib import Path

import numpy as np
import pytest

import runs
from raggedh5.errors import FormatError, SchemaError
from raggedh5.formats.trajectory import (
    HDF5TrajectoryWriter,
    LoneArrays,
    NPYTrajectoryWriter,
    TrajectoryReader,
    TrajectoryValidator,
    convert_trajectory,
    trajectory_of_arrays,
)
from raggedh5.formats.trajectory.exchange.units import ATOMIC_TIME_IN_S


@pytest.fixture
def saved(tmp_path: Path):
    def save(**arrays) -> dict[str, Path]:
        for name, values in arrays.items():
            np.save(tmp_path / f"{name}.npy", values)
        return {name: tmp_path / f"{name}.npy" for name in arrays}

    return save


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(10, 6), (10, 2, 3)])
def test_positions_of_either_shape(saved, shape, order) -> None:
    values = np.asarray(np.random.default_rng(0).random(shape), order=order)
    path = saved(x=values)["x"]
    trajectory = trajectory_of_arrays(path, n_species=2)
    field = trajectory["coordinates/unwrapped"]
    assert trajectory.n_species == 2
    assert field.shape == (10, 6)
    assert np.array_equal(field.read(), values.reshape(10, 2, 3))
    assert np.array_equal(field.read(2, 9, 3, species=1), values.reshape(10, 2, 3)[2:9:3, [1]])
    assert np.array_equal(field[4], values[4].reshape(6))


def test_fields_of_the_same_length_are_in_every_frame(saved, tmp_path: Path) -> None:
    paths = saved(x=np.zeros((5, 3)), t=np.arange(5.0), q=np.ones((5, 2), "i2"))
    fields = {"time": paths["t"], "charges": paths["q"]}
    trajectory = trajectory_of_arrays(paths["x"], fields=fields)
    assert trajectory.fields == ("coordinates/unwrapped", "time", "charges")
    assert trajectory.events == {}
    assert trajectory["time"].units == "s"
    assert trajectory.frame(3)["time"] == 3.0


def test_frame_numbers_make_a_field_of_frames(saved, tmp_path: Path) -> None:
    paths = saved(x=np.zeros((9, 3)), e=np.array([1.0, 2, 3]), n=np.array([0, 4, 8], "u2"))
    arrays = LoneArrays(fields={"energy": paths["e"]}, frames={"energy": paths["n"]})
    assert convert_trajectory(paths["x"], tmp_path / "x.h5", arrays=arrays).ok
    assert convert_trajectory(tmp_path / "x.h5", tmp_path / "out").ok
    numbers = np.load(tmp_path / "out" / "traj1" / "energy.frames.npy")
    assert numbers.tolist() == [0, 4, 8]
    with TrajectoryReader(tmp_path / "x.h5") as reader:
        trajectory = reader["traj_001"]
        assert trajectory["energy"].frames.tolist() == [0, 4, 8]
        assert trajectory["energy"].read(2, 6).tolist() == [2.0]
        assert "energy" not in trajectory.frame(3)


def test_without_numbers_nobody_knows_the_frames(tmp_path: Path) -> None:
    arrays = LoneArrays(n_species=1, fields={"time": runs.TIMES})
    target = tmp_path / "bvo.h5"
    report = convert_trajectory(runs.POSITIONS, target, arrays=arrays, time_unit="au")
    assert report.ok
    assert report.events == {"traj_001": ["time"]}
    times = np.load(runs.TIMES) * ATOMIC_TIME_IN_S
    with TrajectoryReader(target) as reader:
        trajectory = reader["traj_001"]
        assert trajectory.fields == ("coordinates/unwrapped",)
        assert trajectory.n_frames == 500
        assert np.array_equal(trajectory.events["time"][:], times)
        assert trajectory.events["time"].units == "s"
        assert "162 events of time" in repr(trajectory)
        with pytest.raises(KeyError, match="'time' among its events"):
            trajectory["time"]
    assert convert_trajectory(target, tmp_path / "npy").ok
    assert convert_trajectory(tmp_path / "npy", tmp_path / "again.h5").ok
    folder = tmp_path / "npy" / "traj1"
    assert np.load(folder / "time_data.npy").tobytes() == times.tobytes()
    assert np.load(folder / "unwrapped_traj.npy").tobytes() == np.load(runs.POSITIONS).tobytes()
    assert json.loads((folder / "trajectory.json").read_text())["events"] == {
        "time": {"file": "time_data.npy", "units": "s"}
    }


def test_events_are_compared(tmp_path: Path) -> None:
    arrays = LoneArrays(fields={"time": runs.TIMES})
    convert_trajectory(runs.POSITIONS, tmp_path / "a.h5", arrays=arrays)
    convert_trajectory(runs.POSITIONS, tmp_path / "b.h5")
    convert_trajectory(tmp_path / "a.h5", tmp_path / "a")
    path = tmp_path / "a" / "traj1" / "time_data.npy"
    times = np.load(path)
    times[100] += 2.0**30
    np.save(path, times)
    validator = TrajectoryValidator(statistics=False)
    found = validator.validate_trajectory(tmp_path / "a", tmp_path / "a.h5", "traj_001")
    assert not found.ok
    assert (found.fields[1].field, found.fields[1].frame) == ("events/time", 100)
    assert found.fields[1].largest_difference == 2.0**30
    found = validator.validate_trajectory(tmp_path / "a", tmp_path / "b.h5", "traj_001")
    assert "events/time: DIFFERS: only the NumPy files have it" in found.to_text()


@pytest.mark.parametrize("kind", ["npy", "hdf5"])
def test_a_run_that_goes_on_cannot_write_over_events(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "a.h5" if kind == "hdf5" else tmp_path
    arrays = LoneArrays(fields={"time": runs.TIMES})
    convert_trajectory(runs.POSITIONS, target, arrays=arrays, to=kind)
    begin = HDF5TrajectoryWriter if kind == "hdf5" else NPYTrajectoryWriter
    writer = begin(target, mode="a", resume=True)
    assert writer.create_trajectory_datasets("traj_001") == 500
    writer.append_frame("traj_001", {"coordinates/unwrapped": [[0, 0, 0]], "time": 1.0})
    with pytest.raises(SchemaError, match="'time' is there already, as events"):
        writer.finalize()
    with TrajectoryReader(target) as reader:
        assert np.array_equal(reader["traj_001"].events["time"][:], np.load(runs.TIMES))


def test_a_folder_of_another_program_is_not_taken_for_more_than_it_says(tmp_path: Path) -> None:
    np.save(tmp_path / "unwrapped_traj.npy", np.load(runs.POSITIONS))
    np.save(tmp_path / "time_data.npy", np.load(runs.TIMES))
    np.save(tmp_path / "energy.npy", np.zeros(500))
    with TrajectoryReader(tmp_path) as reader:
        trajectory = reader[reader.ids[0]]
        assert set(trajectory.fields) == {"coordinates/unwrapped", "energy"}
        assert list(trajectory.events) == ["time"]
        assert len(trajectory.events["time"]) == 162


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_species": 3}, "has coordinates of 2 species, not of 3"),
        ({"fields": {"coordinates/unwrapped": "x.npy"}}, "given twice"),
        ({"fields": {"energy": "words.npy"}}, "frames hold numbers, not <U3"),
        ({"fields": {"events/a": "e.npy"}}, "'events' is in use already"),
        ({"frames": {"energy": "n.npy"}}, "'energy', which is no further field"),
        ({"fields": {"energy": "e.npy"}, "frames": {"energy": "e.npy"}}, "are integers, one for"),
        ({"fields": {"energy": "e.npy"}, "frames": {"energy": "down.npy"}}, "rise from row to row"),
        ({"fields": {"energy": "e.npy"}, "frames": {"energy": "far.npy"}}, "names frame 10"),
        ({"coordinates": "coordinates/wrapped", "traj_id": "a/b"}, "no name of a trajectory"),
    ],
)
def test_what_does_not_fit(saved, monkeypatch, tmp_path: Path, options, message) -> None:
    saved(
        x=np.zeros((10, 6)),
        e=np.zeros(3),
        words=np.array(["one"]),
        n=np.array([1, 2, 3]),
        down=np.array([1, 3, 2]),
        far=np.array([1, 3, 10]),
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SchemaError, match=message):
        trajectory_of_arrays("x.npy", **options)


def test_files_that_are_none(saved, tmp_path: Path) -> None:
    path = saved(x=np.zeros((10, 7)))["x"]
    with pytest.raises(SchemaError, match="a row of it is of shape"):
        trajectory_of_arrays(path)
    (tmp_path / "no.npy").write_bytes(b"nothing")
    with pytest.raises(FormatError, match="cannot be read"):
        trajectory_of_arrays(tmp_path / "no.npy")


@pytest.mark.skipif(not runs.WHOLE.is_dir(), reason="the whole run is not at hand")
def test_the_whole_run(tmp_path: Path) -> None:
    arrays = LoneArrays(n_species=1, fields={"time": runs.WHOLE / "time_data.npy"})
    source = runs.WHOLE / "unwrapped_traj.npy"
    report = convert_trajectory(source, tmp_path / "a.h5", arrays=arrays, time_unit="au")
    assert report.ok
    assert report.frames == {"traj_001": 100_001}
    assert all(field.identical for field in report.comparison.trajectories[0].fields)
    assert convert_trajectory(tmp_path / "a.h5", tmp_path / "a").ok
    assert np.load(tmp_path / "a/traj1/unwrapped_traj.npy").tobytes() == np.load(source).tobytes()
    with TrajectoryReader(tmp_path / "a.h5") as reader:
        times = reader["traj_001"].events["time"]
        assert len(times) == 35_202
        assert times[-1] == pytest.approx(1e-3, rel=1e-3)
