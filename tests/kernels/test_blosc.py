"""Blosc frames: ours and c-blosc's, against a decoder in plain Python."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frames import chunk, chunks, encoded
from raggedh5.core import native
from raggedh5.core.chunk_codecs import BloscChunks
from raggedh5.kernels.fetch import decode
from raggedh5.store.filters import load_libraries
from reference_blosc import frame

load_libraries()
pytestmark = pytest.mark.skipif(
    not native.available(native.BLOSC), reason="this build of the plugins exports no Blosc calls"
)


levels = st.sampled_from([1, 5, 6, 9])
blocksizes = st.sampled_from([None, 512, 1000, 2048])


@settings(max_examples=120, deadline=None)
@given(chunks, levels, blocksizes)
def test_our_frames_decode_in_plain_python_and_in_c(spec, level, blocksize):
    source = chunk(*spec)
    codec = BloscChunks(source.size, spec[2], level, 1, "lz4", blocksize)
    assert codec.own
    stored = encoded(codec, source)
    assert frame(stored.tobytes()) == source.tobytes()
    back = np.empty_like(source)
    assert codec.decode(stored, stored.size, back)
    assert (back == source).all()


@settings(max_examples=120, deadline=None)
@given(chunks, levels, blocksizes, st.floats(0, 1))
def test_behind_what_is_filled_there_are_zeros(spec, level, blocksize, part):
    source = chunk(*spec)
    codec = BloscChunks(source.size, spec[2], level, 1, "lz4", blocksize)
    filled = int(part * source.size)
    wanted = source.copy()
    wanted[filled:] = 0
    source[filled : codec.zeros_from(filled)] = 0  # and anything behind that
    room = np.empty(codec.room(), np.uint8)
    stored = room[: codec.work(source, room, filled).run()]
    assert frame(stored.tobytes()) == wanted.tobytes()
    back = np.empty_like(source)
    assert codec.decode(stored, stored.size, back)
    assert (back == wanted).all()


def test_zeros_behind_noise_take_no_room():
    for kind, most in (("noise", 1.2), ("half", 0.7)):
        noise = chunk(kind, 1 << 19, 4, 3)
        codec = BloscChunks(noise.size, 4, 5, 1, "lz4")
        room = np.empty(codec.room(), np.uint8)
        size = codec.work(noise, room, 1 << 16).run()
        assert size < most * (1 << 16)


@settings(max_examples=60, deadline=None)
@given(chunks, st.data())
def test_a_changed_or_cut_frame_is_never_a_crash(spec, data):
    source = chunk(*spec)
    codec = BloscChunks(source.size, spec[2], 5, 1, "lz4", 512)
    stored = encoded(codec, source).copy()
    place = data.draw(st.integers(0, stored.size - 1))
    stored[place] ^= 1 << data.draw(st.integers(0, 7))
    length = data.draw(st.integers(0, stored.size))
    back = np.zeros_like(source)
    codec.decode(stored, stored.size, back)
    assert not codec.decode(stored, length, back) or length == stored.size


def test_planes_that_do_not_shrink_are_stored_as_they_are():
    source = chunk("half", 1 << 19, 4, 3)
    ours = encoded(BloscChunks(source.size, 4, 5, 1, "lz4"), source)
    # Two planes of noise, two constant ones.
    assert source.size // 2 < ours.size < source.size * 0.53
    noise = chunk("noise", 1 << 19, 4, 3)
    stored = encoded(BloscChunks(noise.size, 4, 5, 1, "lz4"), noise)
    assert stored[2] & 2
    assert stored.size == noise.size + 16


@settings(max_examples=120, deadline=None)
@given(
    spec=chunks,
    typesize=st.sampled_from([1, 2, 3, 4, 8, 12, 17]),
    compressor=st.sampled_from(["lz4", "zstd", "lz4hc", "blosclz", "zlib"]),
    shuffle=st.sampled_from([0, 1, 2]),
    blocksize=blocksizes,
    part=st.floats(0, 1),
)
def test_frames_of_every_kind_decode_whole_and_from_their_beginning(
    spec, typesize, compressor, shuffle, blocksize, part
):
    source = chunk(*spec)
    codec = BloscChunks(source.size, typesize, 5, shuffle, compressor, blocksize)
    stored = encoded(codec, source)
    for wanted in (source.size, int(part * source.size)):
        back = np.full(wanted + 1, 0xAA, np.uint8)
        assert decode(codec.decoder, codec.params, stored, stored.size, back[:wanted])
        assert (back[:wanted] == source[:wanted]).all()
        assert back[wanted] == 0xAA
    assert not decode(
        codec.decoder, codec.params, stored, stored.size, np.empty(source.size + 1, np.uint8)
    )


def test_a_frame_of_another_length_is_refused():
    codec = BloscChunks(4096, 4, 5, 1, "lz4")
    longer = encoded(BloscChunks(8192, 4, 5, 1, "lz4"), chunk("counter", 8192, 4, 0))
    assert not codec.decode(longer, longer.size, np.empty(4096, np.uint8))
