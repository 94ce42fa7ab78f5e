"""Ranges of single blocks, through a file that holds chunks and other bytes around them."""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raggedh5.core.blocks import BlockReader
from raggedh5.core.chunk_codecs import chunk_codec
from raggedh5.store.filters import load_libraries

NBYTES = 8000
KINDS = {"noise": 0, "smooth": 1, "mixed": 2}


def chunk_data(kind, seed):
    rng = np.random.default_rng(seed)
    noise = np.frombuffer(rng.bytes(NBYTES), "u1")
    smooth = (np.arange(NBYTES) // 64 % 256).astype("u1")
    if kind == "mixed":
        return np.where(np.arange(NBYTES) % 4 < 2, noise, smooth).astype("u1")
    return (noise if kind == "noise" else smooth).copy()


@pytest.fixture
def descriptor(tmp_path):
    descriptor = os.open(tmp_path / "chunks", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def store(descriptor, compressor, shuffle, blocksize, kinds):
    """Put chunks to the file; return their bytes when decoded, and where they lie."""
    load_libraries()
    os.ftruncate(descriptor, 0)
    pipeline = ((32001, (2, 2, 4, NBYTES, 5, shuffle, compressor)),)
    codec = chunk_codec(pipeline, NBYTES, 4, blocksize)
    data, address, stored, at = [], [], [], 17
    for seed, kind in enumerate(kinds):
        values = chunk_data(kind, seed)
        frame = np.zeros(codec.room(), "u1")
        size = codec.encode(values, frame)
        os.pwrite(descriptor, frame[:size].tobytes(), at)
        data.append(values)
        address.append(at)
        stored.append(size)
        at += size + 11
    return data, np.array(address), np.array(stored)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_ranges_are_those_of_the_chunks(descriptor, data):
    chunks, address, stored = store(
        descriptor,
        data.draw(st.sampled_from([0, 1, 2, 4, 5])),
        data.draw(st.sampled_from([0, 1, 2])),
        data.draw(st.sampled_from([128, 500, 1024, 4096, 10**6])),
        data.draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4)),
    )
    mask = np.zeros(len(chunks), "u4")
    reader = BlockReader(NBYTES, address, stored, mask)
    known = [reader.learn(descriptor, number) for number in range(len(chunks))]
    assert reader.ready.tolist() == known
    numbers = [number for number, fine in enumerate(known) if fine]
    if not numbers:
        return
    items = st.integers(0, NBYTES // 4)
    picks = data.draw(
        st.lists(st.tuples(st.sampled_from(numbers), items, items), min_size=1, max_size=9)
    )
    chunk = np.array([p[0] for p in picks])
    start = np.array([min(p[1:]) for p in picks])
    stop = np.array([max(p[1:]) for p in picks])
    place = np.cumsum([0, *(stop - start)])
    for _ in range(2):  # from the file, then from the cache
        out = np.full(int(place[-1]), 99, "i4")
        assert reader.read(descriptor, chunk, start, stop, place[:-1], 4, out) is None
        want = [chunks[c].view("i4")[a:b] for c, a, b in zip(chunk, start, stop, strict=True)]
        assert np.array_equal(out, np.concatenate(want))


def test_what_cannot_be_read_by_blocks(descriptor):
    _, address, stored = store(descriptor, 1, 1, 1024, ["smooth"] * 4)
    address[1], mask = -1, np.array([0, 0, 1, 0], "u4")
    stored[3] = 5
    reader = BlockReader(NBYTES, address, stored, mask)
    assert [reader.learn(descriptor, number) for number in range(4)] == [True, False, False, False]
    assert reader.ready.tolist() == [True, False, False, False]


def test_a_chunk_that_is_damaged_is_named(descriptor):
    _, address, stored = store(descriptor, 1, 1, 1024, ["smooth"] * 3)
    reader = BlockReader(NBYTES, address, stored, np.zeros(3, "u4"))
    assert all(reader.learn(descriptor, number) for number in range(3))
    os.ftruncate(descriptor, int(address[2]) + 30)
    out = np.zeros(3, "i4")
    one = np.array([0, 1999, 1999])
    assert reader.read(descriptor, np.arange(3), one, one + 1, np.arange(3), 4, out) == 2
