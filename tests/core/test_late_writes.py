"""Writes that other threads make, held to `os.pwrite`."""

import errno
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raggedh5.core.late_writes import LateWrites
from raggedh5.core.team import CodingThreads


@pytest.fixture(scope="module", params=[1, 2, 4])
def threads(request):
    made = CodingThreads(request.param)
    yield made
    made.close()


@given(sizes=st.lists(st.integers(0, 20_000), max_size=30), seed=st.integers(0, 99))
def test_against_pwrite(threads, tmp_path_factory, sizes, seed):
    rng = np.random.default_rng(seed)
    pieces = [rng.integers(0, 256, size, np.uint8) for size in sizes]
    path = tmp_path_factory.mktemp("late") / "file"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    writes = LateWrites(descriptor, threads)
    at = np.cumsum([7, *sizes])
    for which in rng.permutation(len(pieces)):
        writes.put(int(at[which]), pieces[which])
        if rng.random() < 0.2:
            writes.finish()
    writes.finish()
    os.close(descriptor)
    whole = b"".join(piece.tobytes() for piece in pieces)
    assert path.read_bytes() == (bytes(7) + whole if whole else b"")


def test_what_cannot_be_written_is_said_once(threads, tmp_path):
    path = tmp_path / "file"
    path.touch()
    data = np.ones(100, np.uint8)
    descriptor = os.open(path, os.O_RDONLY)
    writes = LateWrites(descriptor, threads)
    for address in range(0, 1000, 100):
        writes.put(address, data)
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        writes.finish()
    writes.finish()
    os.close(descriptor)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_the_child_of_a_fork_does_not_wait(tmp_path):
    threads = CodingThreads(2)
    path = tmp_path / "file"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    writes = LateWrites(descriptor, threads)
    writes.put(0, np.ones(1 << 20, np.uint8))
    child = os.fork()
    if not child:
        writes.finish()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    writes.finish()
    os.close(descriptor)
    assert path.read_bytes() == bytes([1]) * (1 << 20)
    threads.close()
