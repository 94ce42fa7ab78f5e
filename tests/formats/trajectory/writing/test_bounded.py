"""What is in memory stays bounded, however slow the disk is and however large the frames are."""

import threading
import tracemalloc

import numpy as np
import pytest

import raggedh5.formats.trajectory.writing.frame_queue as frame_queue
from raggedh5.formats.trajectory import (
    PerformanceOptions,
    TrajectoryReader,
    TrajectoryWriterConfig,
    TrajectoryWriterManager,
)
from raggedh5.formats.trajectory.writing.npy_store import NPYStore


def manager_of(formats="npy", ragged=False, **performance):
    config = TrajectoryWriterConfig(formats, performance=PerformanceOptions(**performance))
    return TrajectoryWriterManager(config, ragged=ragged)


@pytest.fixture
def disk(monkeypatch):
    """A disk that takes nothing until it is let go: `disk.set()`."""
    free = threading.Event()
    free.set()
    write = NPYStore.write

    def writing(store, traj_id, batch):
        free.wait()
        write(store, traj_id, batch)

    monkeypatch.setattr(NPYStore, "write", writing)
    yield free
    free.set()


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 8, 50])
def test_write_frame_waits_when_the_disk_does_not_follow(tmp_path, disk, size):
    manager = manager_of(buffer_size=size, flush_seconds=1000.0)
    manager.initialize_writers(tmp_path, "traj_001")
    disk.clear()
    taken = []

    def simulate():
        for step in range(3 * size + 5):
            manager.write_frame("traj_001", {"time": float(step)})
            taken.append(step)

    thread = threading.Thread(target=simulate)
    thread.start()
    while not manager.statistics.waits:
        threading.Event().wait(0.001)
    blocks = min(frame_queue.BLOCKS, size)
    assert len(taken) == size // blocks * blocks
    disk.set()
    thread.join()
    assert manager.finalize_trajectory("traj_001") == 3 * size + 5
    statistics = manager.finalize().statistics
    assert statistics.waits > 0
    assert statistics.seconds_waited > 0
    assert statistics.frames == 3 * size + 5
    with TrajectoryReader(tmp_path) as reader:
        assert np.array_equal(reader["traj_001"]["time"][:], np.arange(3.0 * size + 5))


def test_a_disk_that_blocks_holds_up_nobody_else_for_ever(tmp_path, disk):
    manager = manager_of(buffer_size=4, flush_seconds=1000.0)
    for traj_id in ("traj_001", "traj_002"):
        manager.initialize_writers(tmp_path, traj_id)
    disk.clear()

    def simulate(traj_id):
        for step in range(50):
            manager.write_frame(traj_id, {"time": float(step)})
        manager.finalize_trajectory(traj_id)

    threads = [
        threading.Thread(target=simulate, args=["traj_001"]),
        threading.Thread(target=simulate, args=["traj_002"]),
        threading.Thread(target=manager.flush),
    ]
    for thread in threads:
        thread.start()
    while manager.statistics.waits < 2:
        threading.Event().wait(0.001)
    disk.set()
    for thread in threads:
        thread.join()
    assert manager.finalize().trajectories == {"traj_001": 50, "traj_002": 50}


@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize("ragged", [True, False])
def test_memory_stays_bounded_where_frames_are_large(tmp_path, monkeypatch, background, ragged):
    monkeypatch.setattr(frame_queue, "MOST_BYTES", 1 << 20)
    manager = manager_of(ragged=ragged, buffer_size=1000, parallel_writing=background)
    manager.initialize_writers(tmp_path, "traj_001")
    frame = {"coordinates/unwrapped": np.ones((5000, 3))}  # 120 kB
    manager.write_frame("traj_001", frame)
    tracemalloc.start()
    for _ in range(200):
        manager.write_frame("traj_001", frame)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert manager.finalize_trajectory("traj_001") == 201
    manager.finalize()
    assert peak < 4 << 20


def test_one_trajectory_holds_no_more_than_it_should_of_frames_of_growing_size(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(frame_queue, "MOST_BYTES", 1 << 20)
    manager = manager_of("both", ragged=True, buffer_size=100)
    manager.initialize_writers(tmp_path, "traj_001")
    counts = [0, 1, 3, 50, 2, 900, 4, 20_000, 0, 30_000, 1, *range(60)]
    for count in counts:
        manager.write_frame("traj_001", {"coordinates/unwrapped": np.full((count, 3), count)})
    manager.finalize_trajectory("traj_001")
    assert manager.validate_formats().ok
    manager.finalize()
    with TrajectoryReader(tmp_path / "trajectories.h5") as reader:
        rows = reader["traj_001"]["coordinates/unwrapped"].read()
        assert rows.lengths.tolist() == counts
        assert all((row == count).all() for row, count in zip(rows, counts, strict=True))


@pytest.mark.parametrize("background", [True, False])
def test_many_tiny_frames(tmp_path, background):
    manager = manager_of("both", parallel_writing=background)
    manager.initialize_writers(tmp_path, "traj_001")
    for step in range(100_000):
        manager.write_frame("traj_001", {"time": float(step)})
    assert manager.finalize_trajectory("traj_001") == 100_000
    assert manager.finalize().ok
    for path in (tmp_path, tmp_path / "trajectories.h5"):
        with TrajectoryReader(path) as reader:
            assert np.array_equal(reader["traj_001"]["time"][:], np.arange(100_000.0))


@pytest.mark.slow
@pytest.mark.parametrize("background", [True, False])
def test_frames_larger_than_all_blocks_may_be(tmp_path, background):
    manager = manager_of("both", parallel_writing=background)
    manager.initialize_writers(tmp_path, "traj_001")
    frame = {"field": np.random.default_rng(0).integers(0, 9, 1 << 23).astype("f8")}  # 64 MiB
    for _ in range(8):
        manager.write_frame("traj_001", frame)
    assert manager.finalize_trajectory("traj_001") == 8
    assert manager.validate_formats().ok
    manager.finalize()
