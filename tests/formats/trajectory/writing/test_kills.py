"""Writers of trajectories that are killed: what was safe is there, in both formats alike."""

import functools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import raggedh5 as rh5
from crashing import shim
from crashing.programs import run_program
from crashing.trajectories import KINDS, Run
from raggedh5.formats.trajectory import (
    TrajectoryReader,
    TrajectoryWriterConfig,
    TrajectoryWriterManager,
)

PATIENCE = 120
"""Seconds after which something is taken not to happen any more."""

posix = pytest.mark.skipif(os.name != "posix", reason="kills by a signal")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run `crashing.trajectories` with the shim, in a folder of its own."""
    place = tmp_path_factory.mktemp("shim")
    if shim.build(place) is None:
        pytest.skip("needs Linux and a C compiler")
    return functools.partial(run_program, place, "trajectories")


def test_killed_at_any_moment(run):
    assert run("moments", 8, 1)["killed"] > 5


def test_killed_at_any_call(run):
    assert run("calls", 10, 2)["killed"] > 5


@pytest.mark.slow
@pytest.mark.parametrize("how", ["moments", "calls"])
@pytest.mark.parametrize("seed", range(100, 102))
def test_killed_hundreds_of_times(run, how, seed):
    assert run(how, 200, seed)["killed"] > 150


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("single_file", [True, False])
def test_nobody_kills_it(tmp_path, kind, single_file):
    run = Run(kind, trajectories=2, single_file=single_file)
    run.write(tmp_path, "w").finalize()
    assert run.differences(tmp_path, [60, 60]) is None


# The simulation whose first trajectory has one frame, and then nothing happens for long. The second
# one, where there is any, has frames all the time.
NOW_AND_THEN = """
import sys, threading
from pathlib import Path
from crashing.trajectories import Run
run = Run("dense", buffer_size=int(sys.argv[2]), flush_seconds=0.05)
manager = run.manager("w")
ids = ["traj_001", *sys.argv[3:]]
for traj_id in ids:
    manager.initialize_writers(Path(sys.argv[1]), traj_id)
manager.write_frame("traj_001", run.frame(0, 0))
while len(ids) > 1:
    manager.write_frame(ids[1], run.frame(1, 0))
threading.Event().wait()
"""


@posix
@pytest.mark.parametrize("others", [[], ["traj_002"]])
def test_a_frame_now_and_then_is_safe_after_some_seconds(tmp_path, others):
    command = [sys.executable, "-c", NOW_AND_THEN, tmp_path, "1000", *others]
    writer = subprocess.Popen(
        command,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                [str(Path(__file__).parents[3]), str(Path(rh5.__file__).parents[1])]
            ),
        },
    )
    try:
        wait_for(lambda: frames_in(tmp_path) and frames_in(tmp_path / "trajectories.h5"), writer)
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    with Run("dense").manager("a") as manager:
        assert manager.initialize_writers(tmp_path, "traj_001") == 1


def frames_in(path):
    try:
        with TrajectoryReader(path, live=path.is_file()) as reader:
            return reader["traj_001"].n_frames
    except (rh5.RaggedH5Error, OSError, KeyError):  # not yet
        return 0


def wait_for(condition, writer):
    """Wait for something that comes sooner or later; how soon is not tested."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert writer.poll() is None
        assert time.monotonic() < end
        threading.Event().wait(0.02)


def test_no_more_than_the_buffer_is_ever_unsafe(tmp_path):
    for size in (1, 2, 3, 4, 5, 7, 8, 9, 13):
        for background in (True, False):
            run = Run("dense", buffer_size=size, background=background)
            manager = run.manager("w")
            folder = tmp_path / f"{size}-{background}"
            manager.initialize_writers(folder, "traj_001")
            for step in range(40):
                manager.write_frame("traj_001", run.frame(0, step))
                written = folder / "traj1" / "time_data.npy"
                begun = written.exists() and written.stat().st_size  # its header comes at one blow
                safe = len(np.load(written)) if begun else 0
                assert safe >= step + 1 - size
            manager.finalize_trajectory("traj_001")
            manager.finalize()
            assert run.differences(folder, [40]) is None


def test_a_file_of_another_writer_goes_on_at_its_last_complete_frame(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "trajectories.h5"
    frames = np.random.default_rng(0).normal(size=(30, 15))
    with h5py.File(path, "w") as file:
        group = file.create_group("trajectories/traj_001")
        about = group.create_group("metadata")
        about.attrs["status"], about.attrs["n_frames"] = "running", 0
        x = group.create_dataset("coordinates/unwrapped", (0, 15), "f8", maxshape=(None, 15))
        t = group.create_dataset("time", (0,), "f8", maxshape=(None,), chunks=(7,))
        e = group.create_dataset("energy", (0,), "f8", maxshape=(None,), chunks=(3,))
        for dataset, rows in ((x, frames), (t, np.arange(29.0)), (e, -np.arange(28.0))):
            for row in rows:  # one frame at a time; it was killed between two fields
                dataset.resize(len(dataset) + 1, axis=0)
                dataset[-1] = row
    config = TrajectoryWriterConfig("hdf5")
    manager = TrajectoryWriterManager(config, mode="a", resume=True)
    with manager:
        assert manager.initialize_writers(tmp_path, "traj_001") == 28
        for step in range(28, 30):
            frame = {
                "coordinates/unwrapped": frames[step],
                "time": 1.0 * step,
                "energy": -1.0 * step,
            }
            manager.write_frame("traj_001", frame)
        assert manager.finalize_trajectory("traj_001") == 30
    with h5py.File(path) as file:
        group = file["trajectories/traj_001"]
        assert np.array_equal(group["coordinates/unwrapped"][:], frames)
        assert np.array_equal(group["time"][:], np.arange(30.0))
        assert np.array_equal(group["energy"][:], -np.arange(30.0))
        assert group["metadata"].attrs["status"] == "completed"
