"""Writers of trajectories in several threads, interrupted, forked, and left behind."""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import raggedh5 as rh5
from crashing.trajectories import KINDS, Run
from raggedh5.formats.trajectory import TrajectoryReader, TrajectoryWriterManager


def together(*works):
    """Run each in a thread; raise the first error."""
    failed = []
    ready = threading.Barrier(len(works))

    def one(work):
        try:
            ready.wait()
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=one, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("background", [True, False])
def test_each_trajectory_in_a_thread(tmp_path, kind, background):
    single_file = background == (kind in ("dense", "ragged"))
    run = Run(kind, trajectories=5, background=background, single_file=single_file)
    manager = run.write(tmp_path, "w")
    assert manager.validate_formats().ok
    assert manager.finalize().trajectories == dict.fromkeys(run.ids, 60)
    assert run.differences(tmp_path, [60] * 5) is None


@pytest.mark.parametrize("background", [True, False])
def test_two_threads_write_one_trajectory(tmp_path, background):
    manager = Run("dense", buffer_size=8, background=background).manager("w")
    manager.initialize_writers(tmp_path, "traj_001")

    def write(which):
        for step in range(500):
            manager.write_frame("traj_001", {"time": which, "energy": float(step)})

    together(lambda: write(0.0), lambda: write(1.0))
    assert manager.finalize_trajectory("traj_001") == 1000
    report = manager.validate_formats()
    assert report.ok
    manager.finalize()
    with TrajectoryReader(tmp_path) as reader:
        which, steps = (reader["traj_001"][name][:] for name in ("time", "energy"))
        for number in (0.0, 1.0):  # every frame once, in the order of its thread, not torn
            assert np.array_equal(steps[which == number], np.arange(500.0))


@pytest.mark.parametrize("background", [True, False])
def test_frames_beside_flushes_ends_beginnings_and_comparisons(tmp_path, background):
    run = Run("sparse", trajectories=4, frames=120, background=background)
    manager = run.manager("w")
    done = threading.Event()
    for traj_id in run.ids[:2]:
        manager.initialize_writers(tmp_path, traj_id)

    def write(index):
        for step in range(run.frames):
            manager.write_frame(run.ids[index], run.frame(index, step))
        manager.finalize_trajectory(run.ids[index])

    def begin_more():
        for index in (2, 3):
            manager.initialize_writers(tmp_path, run.ids[index])
            write(index)
        done.set()

    def flush():
        while not done.is_set():
            manager.flush()
            assert manager.statistics.frames >= 0

    def compare():
        while not done.is_set():
            assert manager.validate_formats().ok

    together(lambda: write(0), lambda: write(1), begin_more, flush, compare)
    assert manager.finalize().ok
    assert run.differences(tmp_path, [120] * 4) is None


@pytest.mark.parametrize("background", [True, False])
def test_the_end_while_others_write(tmp_path, background):
    run = Run("dense", trajectories=3, frames=10**9, background=background)
    manager = run.manager("w")
    for traj_id in run.ids:
        manager.initialize_writers(tmp_path, traj_id)
    taken = [0] * 3
    enough = threading.Event()

    def write(index):
        while True:
            manager.write_frame(run.ids[index], run.frame(index, taken[index]))
            taken[index] += 1
            if min(taken) > 30:
                enough.set()

    def write_until_refused(index):
        with pytest.raises((rh5.SchemaError, rh5.ClosedError)):
            write(index)

    def end():
        enough.wait()
        manager.finalize_trajectory(run.ids[0])
        manager.finalize()

    together(*(lambda index=index: write_until_refused(index) for index in range(3)), end)
    assert run.differences(tmp_path, taken) is None
    assert manager.finalize().trajectories == dict(zip(run.ids, taken, strict=True))


def test_several_managers_in_one_process(tmp_path):
    run = Run("ragged", trajectories=2)
    together(*(lambda n=n: run.write(tmp_path / str(n), "w").finalize() for n in range(3)))
    for n in range(3):
        assert run.differences(tmp_path / str(n), [60, 60]) is None


def test_one_trajectory_begun_by_two_threads_is_begun_once(tmp_path):
    manager = Run("dense").manager("w")
    refused = []

    def begin():
        try:
            manager.initialize_writers(tmp_path, "traj_001")
        except rh5.SchemaError as error:
            refused.append(str(error))

    together(begin, begin, begin)
    assert len(refused) == 2
    assert all("was begun before" in text for text in refused)
    manager.finalize()


@pytest.mark.parametrize("background", [True, False])
def test_an_exception_in_the_block(tmp_path, background):
    run = Run("sparse", background=background)

    def simulate():
        with run.manager("w") as manager:
            manager.initialize_writers(tmp_path, "traj_001")
            for step in range(33):
                manager.write_frame("traj_001", run.frame(0, step))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        simulate()
    assert run.differences(tmp_path, [33]) is None
    assert statuses(tmp_path) == ["incomplete", "incomplete"]


def statuses(folder):
    found = []
    for path in (folder, folder / "trajectories.h5"):
        with TrajectoryReader(path) as reader:
            found.append(reader["traj_001"].status)
    return found


def test_a_manager_that_is_collected(tmp_path):
    run = Run("dense")
    before = threading.active_count()
    manager = run.manager("w")
    manager.initialize_writers(tmp_path, "traj_001")
    for step in range(33):
        manager.write_frame("traj_001", run.frame(0, step))
    del manager
    gc.collect()
    assert run.differences(tmp_path, [33]) is None
    assert threading.active_count() == before


def python(code, *arguments):
    """Run a program that imports what tests do."""
    places = [str(Path(__file__).parents[3]), str(Path(rh5.__file__).parents[1])]
    return subprocess.run(
        [sys.executable, "-c", BEGINNING + code, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        capture_output=True,
        text=True,
        timeout=120,
    )


BEGINNING = """
import os, signal, sys, threading
from pathlib import Path
from crashing.trajectories import Run
background = sys.argv[2] == "True"
run = Run("dense", buffer_size=8, background=background)
manager = run.manager("w")
manager.initialize_writers(Path(sys.argv[1]), "traj_001")
def write(*steps):
    for step in range(*steps):
        manager.write_frame("traj_001", run.frame(0, step))
"""


@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize("end", ["", "raise ZeroDivisionError"])
def test_a_program_that_ends_without_a_word(tmp_path, background, end):
    done = python(f"write(33)\n{end}\n", tmp_path, str(background))
    assert done.returncode == ("Zero" in end)
    assert "raggedh5" not in done.stderr
    run = Run("dense")
    assert run.differences(tmp_path, [33]) is None
    assert run.examine(tmp_path, [33]) is None


FORK = """
write(33)
child = os.fork()
if not child:
    for call in (
        lambda: write(33, 34),
        lambda: manager.flush(),
        lambda: manager.finalize_trajectory("traj_001"),
        lambda: manager.initialize_writers(Path(sys.argv[1]), "traj_002"),
        lambda: manager.finalize(),
    ):
        try:
            call()
        except OSError as error:
            assert "another process" in str(error), error
        else:
            raise AssertionError("it was not refused")
    with manager:
        pass
    sys.exit(7)  # with all that happens at the end
write(33, 50)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 7, status
write(50, 60)
manager.finalize_trajectory("traj_001")
manager.finalize()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("background", [True, False])
def test_a_child_leaves_everything_to_its_parent(tmp_path, background):
    done = python(FORK, tmp_path, str(background))
    assert done.returncode == 0, done.stderr
    assert Run("dense").differences(tmp_path, [60]) is None


INTERRUPTED = """
import random
draw = random.Random(int(sys.argv[3]))
# Before: making random numbers, NumPy drops what a handler raises now and then.
frames = [run.frame(0, step) for step in range(1500)]
interrupts = 0
ready, stop = threading.Event(), threading.Event()
def interrupt():
    while True:  # once for each time that somebody is ready for it
        ready.wait()
        ready.clear()
        if stop.wait(draw.random() * 0.003):
            return
        os.kill(os.getpid(), signal.SIGINT)
step = 0
def simulate():
    global step
    while step < 1500:
        before = manager._recorder._recordings["traj_001"].queue.number
        assert before in (step, step + 1), (before, step)
        step = before  # it was taken, although it was interrupted
        if step < 1500:
            manager.write_frame("traj_001", frames[step])
            if step % 50 == 9:
                manager.flush()
            if step == 700 and not interrupts:
                threading.Event().wait(60)
            step += 1
thread = threading.Thread(target=interrupt)
thread.start()
while True:
    try:
        ready.set()
        simulate()
        stop.set()
        ready.set()
        thread.join()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        break
    except KeyboardInterrupt:
        interrupts += 1
assert manager.finalize_trajectory("traj_001") == 1500
report = manager.finalize()
assert report.ok, report
print(interrupts)
"""


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize("background", [True, False])
def test_interrupts_lose_no_frame(tmp_path, background):
    done = python(INTERRUPTED, tmp_path, str(background), "1")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0
    assert Run("dense", frames=1500).differences(tmp_path, [1500]) is None


def test_interrupted_while_it_waits_for_the_disk(tmp_path):
    if not hasattr(signal, "pthread_kill"):
        pytest.skip("sends a signal to a thread")
    run = Run("dense", buffer_size=4)
    manager = run.manager("w")
    manager.initialize_writers(tmp_path, "traj_001")
    step = 0

    def wait_and_interrupt():
        while not manager.statistics.waits:
            threading.Event().wait(0.001)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    thread = threading.Thread(target=wait_and_interrupt)
    with manager._recorder.lock:  # the disk does not follow
        thread.start()
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                manager.write_frame("traj_001", run.frame(0, step))
                step += 1
    thread.join()
    assert step == 4
    for later in range(step, 20):
        manager.write_frame("traj_001", run.frame(0, later))
    assert manager.finalize_trajectory("traj_001") == 20
    manager.finalize()
    assert run.differences(tmp_path, [20]) is None


def test_everything_is_refused_after_the_end(tmp_path):
    manager = TrajectoryWriterManager()
    manager.initialize_writers(tmp_path, "traj_001")
    manager.write_frame("traj_001", {"time": 0.0})
    report = manager.finalize()
    assert manager.finalize() is report
    for call in (
        lambda: manager.write_frame("traj_001", {"time": 1.0}),
        lambda: manager.write_frames("traj_001", {"time": [1.0]}),
        lambda: manager.finalize_trajectory("traj_001"),
        lambda: manager.initialize_writers(tmp_path, "traj_002"),
        manager.flush,
        manager.validate_formats,
    ):
        with pytest.raises(rh5.ClosedError, match="finalized"):
            call()
