"""Threads that code without the GIL: the same bytes as coding in place, and nothing lost."""

import _thread
import os
import sys
import time

import numpy as np
import pytest

from raggedh5.core.checksum import checksum, in_kernels
from raggedh5.core.chunk_codecs import BloscChunks, PlainChunks, ZstdChunks
from raggedh5.core.team import QUEUE, CodingThreads
from raggedh5.kernels.coder import Team
from raggedh5.store.filters import load_libraries

load_libraries()


def sources(count: int, nbytes: int = 8192) -> list[np.ndarray]:
    rng = np.random.default_rng(count)
    return [np.repeat(rng.integers(0, 99, nbytes // 8, dtype=np.uint8), 8) for _ in range(count)]


def works(codecs, chunks):
    """Return the work of coding each chunk by a codec in turn, and where it goes."""
    made = []
    for i, chunk in enumerate(chunks):
        codec = codecs[i % len(codecs)]
        stored = np.zeros(codec.room(), np.uint8)
        made.append((codec.work(chunk, stored), stored, codec))
    return made


@pytest.mark.parametrize("helping", [False, True])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_same_as_in_place(threads, helping):
    chunks = sources(300)
    codecs = [BloscChunks(8192, 4, 5, 1, "lz4"), ZstdChunks(8192, 1), PlainChunks(8192)]
    team = CodingThreads(threads)
    queued = works(codecs, chunks)
    for work, _, _ in queued:
        team.put(work)
    for (work, stored, codec), chunk in zip(queued, chunks, strict=True):
        size = team.result(work) if helping else work.result()
        assert work.ready()
        expected = np.zeros(codec.room(), np.uint8)
        assert codec.encode(chunk, expected) == size
        assert (stored[:size] == expected[:size]).all()
        back = np.empty_like(chunk)
        assert codec.decode(stored, size, back)
        assert (back == chunk).all()
        if in_kernels():
            assert work.digest() == checksum(stored[:size])
    team.close()


def test_more_than_the_queue_holds_and_starting_again():
    codec = PlainChunks(16)
    chunks = sources(QUEUE * 2, 16)
    team = CodingThreads(2)
    for _ in range(2):
        queued = works([codec], chunks)
        for work, _, _ in queued:
            team.put(work)
        assert all(work.result() == 16 for work, _, _ in queued)
        assert all((s == c).all() for (_, s, _), c in zip(queued, chunks, strict=True))
        team.close()


def soon(holds):
    """Return whether something comes to hold within some seconds."""
    for _ in range(200):
        if holds():
            return True
        time.sleep(0.05)
    return False


def test_threads_end():
    before = _thread._count()
    team = CodingThreads(3)
    (work, _, _) = works([PlainChunks(16)], sources(1, 16))[0]
    team.put(work)
    work.result()
    assert soon(lambda: _thread._count() >= 2)  # and the one that hands the work in
    team.close()
    assert soon(lambda: _thread._count() <= before)


def test_without_any_thread_it_comes_to_an_end(monkeypatch):
    """As where the system has no thread to give, after which the queue is there."""
    monkeypatch.setattr(_thread, "start_new_thread", lambda *_: 0)
    team = CodingThreads(2)
    queued = works([PlainChunks(16)], sources(3, 16))
    for work, _, _ in queued:
        team.put(work)
    team.close()
    assert all(work.ready() for work, _, _ in queued)


def test_what_is_queued_is_kept():
    """Whatever becomes of the caller: the handler of a signal may raise at any moment."""
    codec = PlainChunks(1 << 16)
    team = Team(8)
    work = codec.work(sources(1, 1 << 16)[0], np.zeros(codec.room(), np.uint8))
    before = sys.getrefcount(work)
    assert team.put(work)
    assert sys.getrefcount(work) == before + 1
    assert team.help()
    team.wait()
    assert sys.getrefcount(work) == before
    assert work.ready()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_child_of_a_fork_codes_by_itself():
    team = CodingThreads(2)
    first, second = works([PlainChunks(16)] * 2, sources(2, 16))
    team.put(first[0])
    first[0].result()
    child = os.fork()
    if child == 0:
        team.put(second[0])
        os._exit(0 if second[0].result() == 16 else 1)
    assert os.waitpid(child, 0)[1] == 0
    team.close()


@pytest.mark.skipif(sys.platform == "win32", reason="reads by position")
def test_fetching_says_what_is_wrong(tmp_path):
    if not in_kernels():
        pytest.skip("this build of xxhash exports no functions")
    codec = BloscChunks(8192, 4, 5, 1, "lz4")
    chunks = sources(3)
    frames = []
    for chunk in chunks:
        stored = np.zeros(codec.room(), np.uint8)
        frames.append(stored[: codec.encode(chunk, stored)].copy())
    path = tmp_path / "chunks"
    path.write_bytes(b"".join(frame.tobytes() for frame in frames))
    stored = np.array([frame.size for frame in frames])
    address = np.cumsum(stored) - stored
    digest = np.array([checksum(frame) for frame in frames], np.uint64)
    place = np.array([16384, 0, 8192])
    out = np.zeros(3 * 8192, np.uint8)
    descriptor = os.open(path, os.O_RDWR)
    try:

        def fetch(digest=digest, address=address):
            return codec.fetch(descriptor, address, stored, digest, place, out)

        assert fetch() == (-1, 0)
        assert (out == np.concatenate([chunks[1], chunks[2], chunks[0]])).all()
        wrong = digest.copy()
        wrong[1] += 1
        assert fetch(wrong) == (1, 2)
        wrong[1] = 0
        assert fetch(wrong) == (-1, 0)
        assert fetch(address=address + stored[2] // 2)[1] in (2, 3)
        assert fetch(np.zeros(3, np.uint64), address + np.array([0, 0, 9]))[1] == 1
        os.pwrite(descriptor, b"\xff" * 12, int(address[2]))
        assert fetch(np.zeros(3, np.uint64)) == (2, 3)
        assert fetch() == (2, 2)
    finally:
        os.close(descriptor)
