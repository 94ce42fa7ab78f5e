"""LZ4, Zstd and Bitshuffle chunks against plain Python and damaged bytes."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raggedh5.core import native
from raggedh5.core.chunk_codecs import BitshuffleChunks, LZ4Chunks, ZstdChunks
from raggedh5.store.filters import load_libraries
from reference_blosc import lz4_block

load_libraries()
pytestmark = pytest.mark.skipif(
    not all(map(native.available, (native.LZ4, native.ZSTD, native.BITSHUFFLE))),
    reason="this build of the plugins does not export the codecs",
)

sources = st.one_of(
    st.binary(min_size=1, max_size=3000),
    st.builds(lambda unit, n: (unit * n)[:5000], st.binary(min_size=1, max_size=9), st.just(900)),
).map(lambda data: np.frombuffer(data, np.uint8))


def lz4_chunk(data: bytes) -> bytes:
    """Decode a chunk of filter 32004: total and block size, then blocks, lengths big-endian."""
    total, block = struct.unpack_from(">QI", data)
    out, at = b"", 12
    while len(out) < total:
        (size,) = struct.unpack_from(">I", data, at)
        part = data[at + 4 : at + 4 + size]
        at += 4 + size
        out += part if size == min(block, total - len(out)) else lz4_block(part)
    assert at == len(data)
    return out


def codecs(nbytes: int):
    yield LZ4Chunks(nbytes)
    yield LZ4Chunks(nbytes, 64)
    yield ZstdChunks(nbytes, 3)
    yield from (BitshuffleChunks(nbytes, size) for size in (1, 2, 4, 8) if nbytes % size == 0)
    yield BitshuffleChunks(nbytes, 1, 8)


def stored_by(codec, source: np.ndarray) -> np.ndarray:
    stored = np.zeros(codec.room(), np.uint8)
    size = codec.encode(source, stored)
    assert 0 < size <= codec.room()
    return stored[:size].copy()


@settings(max_examples=60, deadline=None)
@given(sources)
def test_round_trip(source):
    for codec in codecs(source.size):
        stored = stored_by(codec, source)
        back = np.empty_like(source)
        assert codec.decode(stored, stored.size, back)
        assert (back == source).all()


@settings(max_examples=60, deadline=None)
@given(sources, st.sampled_from([0, 16, 100]))
def test_lz4_against_plain_python(source, blocksize):
    stored = stored_by(LZ4Chunks(source.size, blocksize), source)
    assert lz4_chunk(stored.tobytes()) == source.tobytes()


@settings(max_examples=100, deadline=None)
@given(sources, st.data())
def test_damage_is_never_a_crash(source, data):
    for codec in codecs(source.size):
        stored = stored_by(codec, source)
        back = np.zeros_like(source)
        assert not codec.decode(stored, data.draw(st.integers(0, stored.size - 1)), back)
        place = data.draw(st.integers(0, stored.size - 1))
        stored[place] ^= 1 << data.draw(st.integers(0, 7))
        codec.decode(stored, stored.size, back)


def test_a_chunk_of_another_size_is_refused():
    source = np.arange(256, dtype=np.uint8)
    for codec in codecs(256):
        stored = stored_by(codec, source)
        assert not codec.decode(stored, stored.size, np.zeros(255, np.uint8))
        assert not codec.decode(stored, stored.size, np.zeros(512, np.uint8))
