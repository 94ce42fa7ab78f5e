"""Trajectories whose writer was killed come back to their last whole frame, in every format."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from raggedh5.cli.main import cli
from raggedh5.formats.trajectory import (
    TrajectoryReader,
    TrajectoryValidator,
    TrajectoryWriterConfig,
    TrajectoryWriterManager,
    recover_partial_trajectory,
    recover_trajectories,
)
from raggedh5.formats.trajectory.writing.growing_npy import GrowingNpy

WRITER = """
import sys
import numpy as np
from raggedh5.formats.trajectory import TrajectoryWriterConfig, TrajectoryWriterManager

folder, single = sys.argv[1], sys.argv[2] == "single"
config = TrajectoryWriterConfig.from_mapping(
    {"performance": {"buffer_size": 40}, "hdf5_options": {"single_file": single}}
)
manager = TrajectoryWriterManager(config)
for traj_id in ("traj_001", "traj_002"):
    manager.initialize_writers(folder, traj_id)
for number in range(1000):
    for traj_id in ("traj_001", "traj_002"):
        frame = {"coordinates/unwrapped": np.arange(6.0) + number, "time": float(number)}
        if number % 3 == 0:
            frame["energy"] = -float(number)
        manager.write_frame(traj_id, frame)
    if number == 500:
        manager.finalize_trajectory("traj_002")
        break
manager.flush()
print("flushed", flush=True)
for number in range(501, 520):
    manager.write_frame("traj_001", {"coordinates/unwrapped": np.arange(6.0), "time": 0.0})
sys.stdin.read()
"""


def killed(folder: Path, kind: str = "single") -> None:
    """Have a writer killed after 501 frames were safe; another trajectory is complete."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"flushed\n"
        os.kill(writer.pid, signal.SIGKILL)


def check_frames(trajectory, least=501):
    count = trajectory.n_frames
    assert count >= least
    rows = trajectory["coordinates/unwrapped"][:501]
    np.testing.assert_array_equal(rows, np.arange(6.0) + np.arange(501)[:, None])
    np.testing.assert_array_equal(trajectory["energy"].frames, np.arange(0, 501, 3))


@pytest.mark.parametrize("kind", ["single", "each"])
def test_both_formats_end_at_the_same_frame(tmp_path, kind):
    killed(tmp_path, kind)
    found = {each.trajectory: each for each in recover_trajectories(tmp_path)}
    assert found["traj_001"].changed
    assert not found["traj_002"].changed
    assert found["traj_001"].formats == ("hdf5", "npy")
    hdf5 = tmp_path / "trajectories.h5"
    with TrajectoryReader(tmp_path) as npy, TrajectoryReader(hdf5) as reader:
        for traj_id, status in (("traj_001", "incomplete"), ("traj_002", "completed")):
            assert npy[traj_id].status == reader[traj_id].status == status
            assert npy[traj_id].n_frames == found[traj_id].frames
            check_frames(npy[traj_id])
            check_frames(reader[traj_id])
    report = TrajectoryValidator(0.0).validate(tmp_path, hdf5)
    assert report.ok
    assert all(field.identical for each in report.trajectories for field in each.fields)
    again = recover_trajectories(tmp_path)
    assert not any(each.changed for each in again)
    assert {each.trajectory: each.frames for each in again} == {
        each.trajectory: each.frames for each in found.values()
    }


def test_one_format_alone(tmp_path):
    killed(tmp_path)
    hdf5 = recover_partial_trajectory(tmp_path / "trajectories.h5", "traj_001")
    assert (hdf5.formats, hdf5.status) == (("hdf5",), ("running",))
    npy = recover_partial_trajectory(tmp_path / "traj1", "traj_001")
    assert (npy.formats, npy.status) == (("npy",), ("running",))
    with TrajectoryReader(tmp_path / "traj1") as reader:
        check_frames(reader["traj_001"])
    np.load(tmp_path / "traj1" / "unwrapped_traj.npy")


def test_a_run_goes_on_from_what_was_recovered(tmp_path):
    killed(tmp_path)
    recovered = recover_partial_trajectory(tmp_path, "traj_001").frames
    config = TrajectoryWriterConfig()
    with TrajectoryWriterManager(config, mode="a", resume=True) as manager:
        first = manager.initialize_writers(tmp_path, "traj_001")
        assert first == recovered
        manager.write_frame("traj_001", {"coordinates/unwrapped": np.zeros((2, 3)), "time": 1.0})
        assert manager.finalize_trajectory("traj_001") == first + 1
        assert manager.validate_formats().ok


def test_the_format_that_is_behind_is_filled_from_the_other(tmp_path):
    killed(tmp_path)
    whole = recover_partial_trajectory(tmp_path / "trajectories.h5", "traj_001").frames
    for name in ("unwrapped_traj", "time_data", "energy", "energy.frames"):
        with GrowingNpy(tmp_path / "traj1" / f"{name}.npy") as file:
            file.truncate(34 if "energy" in name else 100)
    found = recover_partial_trajectory(tmp_path, "traj_001")
    assert found.frames == whole
    assert TrajectoryValidator(0.0).validate(tmp_path, tmp_path / "trajectories.h5").ok


def test_fields_of_different_lengths_are_cut_to_the_last_whole_frame(tmp_path):
    path = tmp_path / "plain.h5"
    with h5py.File(path, "w") as file:  # as a writer of one frame a time leaves it
        group = file.create_group("trajectories/traj_001")
        for name, rows, inner in (("coordinates/unwrapped", 12, (6,)), ("time", 11, ())):
            values = np.arange(rows * max(np.prod(inner), 1), dtype="f8").reshape(rows, *inner)
            group.create_dataset(name, data=values, maxshape=(None, *inner), chunks=(4, *inner))
        group.create_group("metadata").attrs["status"] = "running"
    found = recover_partial_trajectory(path, "traj_001")
    assert (found.frames, found.status) == (11, ("running",))
    with h5py.File(path) as file:
        group = file["trajectories/traj_001"]
        assert group["coordinates/unwrapped"].shape == (11, 6)
        np.testing.assert_array_equal(group["coordinates/unwrapped"][-1], np.arange(60.0, 66.0))
        assert group["metadata"].attrs["status"] == "incomplete"
        assert group["metadata"].attrs["n_frames"] == 11


def test_the_command_takes_a_file_and_a_folder(tmp_path):
    killed(tmp_path)
    (tmp_path / "copy").mkdir()
    done = CliRunner().invoke(cli, ["recover", str(tmp_path / "trajectories.h5")])
    assert done.exit_code == 0, done.output
    assert "traj_001: incomplete" in done.output
    assert "hdf5" in done.output
    done = CliRunner().invoke(cli, ["recover", "--json", str(tmp_path)])
    assert done.exit_code == 0, done.output
    said = json.loads(done.output)["trajectories"]
    assert [each["trajectory"] for each in said] == ["traj_001", "traj_002"]
    assert said[0]["status"] == ["incomplete", "running"]
    assert said[1]["frames"] == 501
    done = CliRunner().invoke(cli, ["recover", str(tmp_path)])
    assert "nothing to recover" in done.output


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(FileNotFoundError):
        recover_partial_trajectory(tmp_path / "none", "traj_001")
    with pytest.raises(ValueError, match="holds no trajectories"):
        recover_trajectories(tmp_path)
    killed(tmp_path)
    with pytest.raises(KeyError, match="traj_009"):
        recover_partial_trajectory(tmp_path, "traj_009")
