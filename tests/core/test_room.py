"""Room is made ahead, gets in the way of nothing, and is given back."""

import gc
import os
import time

import pytest

from raggedh5.core import room
from raggedh5.core.room import STEP, Room
from raggedh5.kernels.room import RoomMaker, makes_room

resource = pytest.importorskip("resource")
pytestmark = pytest.mark.skipif(not makes_room, reason="the system cannot do this")


@pytest.fixture
def descriptor(tmp_path):
    descriptor = os.open(tmp_path / "x", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def size(descriptor):
    return os.fstat(descriptor).st_size


def grows_to(descriptor, wanted):
    """Return whether a file gets that long soon."""
    for _ in range(500):
        if size(descriptor) == wanted:
            return True
        time.sleep(0.01)
    return False


def test_it_is_made_in_large_steps(descriptor):
    made = Room(descriptor)
    made.make(100, 99 + STEP)
    made.wait()
    assert size(descriptor) == 0
    made.make(100, 100 + STEP)
    assert grows_to(descriptor, 100 + STEP)
    made.make(100, 99 + 2 * STEP)
    made.wait()
    assert size(descriptor) == 100 + STEP
    made.make(100, 100 + 2 * STEP)
    assert grows_to(descriptor, 100 + 2 * STEP)
    made.close()


def test_what_is_there_stays(descriptor):
    os.pwrite(descriptor, b"there", 10)
    made = Room(descriptor)
    made.make(0, STEP)
    assert grows_to(descriptor, STEP)
    made.close()
    assert os.pread(descriptor, 6, 10) == b"there\0"


@pytest.mark.parametrize("leave", ["wait", "close"])
def test_one_who_waits_does_not_wait_for_all_of_it(descriptor, leave):
    made = RoomMaker(descriptor, 1)
    assert made.make(0, 1 << 40)
    assert not made.make(0, 1)
    getattr(made, leave)()
    reached = size(descriptor)
    assert reached < 1 << 30
    time.sleep(0.05)
    assert size(descriptor) == reached
    assert made.make(0, 1) == (leave == "wait")


def test_a_full_disk_is_for_the_write_to_report(descriptor):
    made = RoomMaker(descriptor, 1 << 12)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 13, limits[1]))
    try:
        assert made.make(0, 1 << 20)
        assert grows_to(descriptor, 1 << 13)
        for _ in range(500):  # until it has been refused
            made.wait()
            if not made.make(0, 1):
                break
            time.sleep(0.01)
        else:
            pytest.fail("it goes on")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    made.wait()
    made.again()
    assert made.make(0, 1 << 14)
    assert grows_to(descriptor, 1 << 14)


def test_beginning_anew(descriptor):
    made = Room(descriptor)
    made.make(0, STEP)
    assert grows_to(descriptor, STEP)
    made.wait()
    os.ftruncate(descriptor, 10)
    made.make(0, STEP)
    made.wait()
    assert size(descriptor) == 10
    made.begin()
    made.make(0, STEP)
    assert grows_to(descriptor, STEP)
    made.close()


@pytest.mark.parametrize("started", [False, True])
def test_the_file_is_closed_once(tmp_path, started):
    descriptor = os.open(tmp_path / "y", os.O_RDWR | os.O_CREAT)
    made = Room(descriptor)
    if started:
        made.make(0, STEP)
    made.close_file()
    for _ in range(500):
        try:
            os.fstat(descriptor)
        except OSError:
            break
        time.sleep(0.01)
    else:
        pytest.fail("it is open still")


def test_nothing_is_asked_for_once_it_is_forgotten(descriptor):
    made = RoomMaker(descriptor, 1)
    assert made.make(0, 1 << 40)
    del made
    gc.collect()
    reached = size(descriptor)
    time.sleep(0.05)
    assert size(descriptor) == reached


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_child_of_a_fork_waits_for_nothing(descriptor, monkeypatch):
    monkeypatch.setattr(room, "STEP", 1)
    monkeypatch.setattr(room, "PIECE", 1)
    for _ in range(20):
        made = Room(descriptor)
        made.make(0, 1 << 40)
        child = os.fork()
        if child == 0:
            made.wait()
            made.begin()
            made.make(0, 10)
            made.close()
            del made
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        made.close()
        os.ftruncate(descriptor, 0)
