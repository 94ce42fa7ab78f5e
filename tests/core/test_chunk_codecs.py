"""Chunks coded and decoded in memory; `tests/store` holds them to what HDF5 makes of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raggedh5.core.chunk_codecs import PlainChunks, chunk_codec, scratch
from raggedh5.store.filters import load_libraries

load_libraries()
PIPELINES = {
    "none": (),
    **{
        f"blosc {compressor} {shuffle} {level}": (
            (32001, (2, 2, 4, 0, level, shuffle, compressor)),
        )
        for compressor in (0, 1, 2, 4, 5)
        for shuffle in (0, 1, 2)
        for level in (0, 1, 5, 9)
    },
    "lz4": ((32004, (0,)),),
    "lz4 in blocks": ((32004, (128,)),),
    "zstd": ((32015, (3,)),),
    "bitshuffle": ((32008, (0, 3, 4, 0, 2)),),
}


def data_of(kind, n, seed):
    rng = np.random.default_rng(seed)
    if kind == "noise":
        return np.frombuffer(rng.bytes(n), "u1").copy()
    if kind == "zeros":
        return np.zeros(n, "u1")
    return (np.arange(n) // 50 % 256).astype("u1")


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(PIPELINES)),
    st.integers(1, 3000).map(lambda n: n * 4),
    st.sampled_from(["noise", "zeros", "smooth"]),
    st.integers(0, 99),
    st.none() | st.integers(128, 9000),
)
def test_there_and_back(name, nbytes, kind, seed, blocksize):
    codec = chunk_codec(PIPELINES[name], nbytes, 4, blocksize)
    data = data_of(kind, nbytes, seed)
    stored = np.full(codec.room() + 32, 99, "u1")
    size = codec.encode(data, stored[: codec.room()])
    assert 0 < size <= codec.room()
    assert (stored[codec.room() :] == 99).all()
    out = np.full(nbytes + 32, 77, "u1")
    assert codec.decode(stored[:size].copy(), size, out[:nbytes])
    assert np.array_equal(out[:nbytes], data)
    assert (out[nbytes:] == 77).all()


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(PIPELINES)), st.data())
def test_damaged_bytes_never_lead_outside(name, data):
    """They decode to something or are refused; nothing is written behind the chunk."""
    nbytes = 4 * data.draw(st.integers(1, 800))
    codec = chunk_codec(PIPELINES[name], nbytes, 4, 256)
    source = data_of(data.draw(st.sampled_from(["noise", "smooth"])), nbytes, 1)
    stored = np.zeros(codec.room(), "u1")
    size = codec.encode(source, stored)
    for _ in range(data.draw(st.integers(1, 4))):
        stored[data.draw(st.integers(0, size - 1))] = data.draw(st.integers(0, 255))
    size = data.draw(st.sampled_from([size, size // 2, size - 1, 0]))
    out = np.full(nbytes + 64, 77, "u1")
    codec.decode(stored[:size].copy(), size, out[:nbytes])
    assert (out[nbytes:] == 77).all()


@pytest.mark.parametrize(
    "pipeline",
    [
        ((2, (4,)), (1, (5,))),
        ((1, (5,)),),
        ((3, ()),),
        ((32000, ()),),
        ((32026, (1, 2, 3)),),
        ((32001, (2, 2)),),
        ((32001, (2, 2, 0, 0, 5, 1, 1)),),
        ((32001, (2, 2, 4, 0, 5, 1, 99)),),
        ((32008, (0, 3, 4, 0, 3)),),
        ((32008, (0, 3, 0, 0, 2)),),
        ((32008, (0, 3, 3, 0, 2)),),
        ((99999, ()),),
    ],
    ids=repr,
)
def test_what_is_left_to_hdf5(pipeline):
    assert chunk_codec(pipeline, 4096, 4) is None


def test_no_filter_at_all():
    codec = chunk_codec((), 10, 1)
    assert isinstance(codec, PlainChunks)
    assert not codec.decode(np.zeros(9, "u1"), 9, np.zeros(10, "u1"))


def test_scratch_is_kept_and_aligned():
    a = scratch("test", 100)
    assert a.size >= 100
    assert a.ctypes.data % 64 == 0
    assert scratch("test", 50) is a
    assert scratch("test", 10_000).size >= 10_000
    assert scratch("other", 50) is not a
