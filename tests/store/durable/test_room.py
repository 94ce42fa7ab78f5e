"""Room is made ahead, gets in the way of nothing, and is given back."""

import os
import threading

import pytest

import raggedh5 as rh5
from raggedh5.store.durable import room
from raggedh5.store.durable.journal import has_journal
from raggedh5.store.durable.room import STEP, Room

pytestmark = pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="no such call here")


@pytest.fixture
def descriptor(tmp_path):
    descriptor = os.open(tmp_path / "x", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def size(descriptor):
    return os.fstat(descriptor).st_size


def finish(made):
    """Wait for all of it; `Room.wait` lets the rest be."""
    made._under_way.result(60)


def test_it_is_made_in_large_steps(descriptor):
    made = Room(descriptor)
    made.make(100, STEP)
    made.wait()
    assert size(descriptor) == 0
    made.make(100, 100 + STEP)
    finish(made)
    assert size(descriptor) == 100 + STEP
    made.make(100, 99 + 2 * STEP)
    made.wait()
    assert size(descriptor) == 100 + STEP
    made.close()


def test_what_is_there_stays(descriptor):
    os.pwrite(descriptor, b"there", 10)
    made = Room(descriptor)
    made.make(0, STEP)
    finish(made)
    made.close()
    assert os.pread(descriptor, 5, 10) == b"there"


def test_one_who_waits_does_not_wait_for_all_of_it(descriptor, monkeypatch):
    asked = []

    waiting = threading.Event()

    def slow(descriptor, at, length):
        asked.append(at)
        made._enough or waiting.wait()

    monkeypatch.setattr(room.os, "posix_fallocate", slow)
    made = Room(descriptor)
    made.make(STEP, 10 * STEP)
    made.wait(STEP)  # nothing is under way before that
    threading.Timer(0.05, waiting.set).start()
    made.wait(STEP + 1)
    assert 1 <= len(asked) < 9 * STEP // room.PIECE
    made.close()


def test_a_full_disk_is_for_the_write_to_report(descriptor, monkeypatch):
    asked = []

    def full(descriptor, at, length):
        asked.append(at)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(room.os, "posix_fallocate", full)
    made = Room(descriptor)
    made.make(0, STEP)
    finish(made)
    made.make(STEP, 3 * STEP)
    finish(made)
    assert asked == [0]
    made.begin()
    made.make(0, STEP)
    finish(made)
    made.close()
    assert asked == [0, 0]


@pytest.mark.parametrize("durable", ["process", "disk"])
def test_a_file_is_no_longer_for_it(tmp_path, rng, durable):
    """Enough rows that chunks are waiting for a checkpoint, and room is made for them."""
    path = tmp_path / "x.h5"
    values = rng.integers(0, 1 << 40, (1 << 18, 4))
    seen = []
    with rh5.File(path, "w", durable=durable) as file:
        table = file.create_table("t")
        for start in range(0, len(values), 1 << 12):
            table.append({"x": values[start : start + (1 << 12)]})
            file.flush()
            seen.append(path.stat().st_size)
    with rh5.File(tmp_path / "plain.h5", "w") as file:
        file.create_table("t").append({"x": values})
    assert path.stat().st_size < 1.01 * (tmp_path / "plain.h5").stat().st_size
    assert max(seen) > 0
    assert not has_journal(path)
    assert (rh5.read(path)["t"]["x"] == values).all()
