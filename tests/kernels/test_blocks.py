"""Blocks of Blosc frames, read one by one out of a file."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frames import chunk, chunks, encoded
from raggedh5.core import native
from raggedh5.core.blocks import BlockReader
from raggedh5.core.chunk_codecs import BloscChunks
from raggedh5.store.filters import load_libraries

load_libraries()
pytestmark = pytest.mark.skipif(
    not native.available(native.BLOSC), reason="this build of the plugins exports no Blosc calls"
)


@settings(max_examples=60, deadline=None)
@given(
    spec=chunks,
    compressor=st.sampled_from(["lz4", "zstd", "lz4hc"]),
    shuffle=st.sampled_from([0, 1]),
    seed=st.integers(0, 1000),
)
def test_ranges_of_frames(tmp_path_factory, spec, compressor, shuffle, seed):
    """Blocks read one by one give the bytes of the chunk, whoever made the frames."""
    rng = np.random.default_rng(seed)
    kind, nbytes, typesize, first = spec
    sources = [chunk(kind, nbytes, typesize, first + i) for i in range(3)]
    codecs = [
        BloscChunks(nbytes, typesize, 5, shuffle, compressor, blocksize)
        for blocksize in (512, None, 2048)
    ]
    frames = [encoded(codec, source) for codec, source in zip(codecs, sources, strict=True)]
    path = tmp_path_factory.mktemp("frames") / "frames"
    path.write_bytes(b"head" + b"".join(f.tobytes() for f in frames))
    stored = np.array([f.size for f in frames], np.int64)
    address = 4 + np.cumsum(stored) - stored
    reader = BlockReader(nbytes, address, stored, np.zeros(3, np.uint32))
    descriptor = os.open(path, os.O_RDONLY)
    try:
        assert all(reader.learn(descriptor, number) for number in range(3))
        number = rng.integers(0, 3, 20)
        start = rng.integers(0, nbytes + 1, 20)
        stop = np.minimum(start + rng.integers(0, nbytes + 1, 20), nbytes)
        place = np.cumsum(stop - start) - (stop - start)
        out = np.zeros(int((stop - start).sum()), np.uint8)
        assert reader.read(descriptor, number, start, stop, place, 1, out) is None
        wanted = [sources[c][a:b] for c, a, b in zip(number, start, stop, strict=True)]
        assert (out == np.concatenate(wanted)).all()
        for like in (np.zeros(0, np.uint8), np.zeros((0, 4), "<i2")):
            size = like.itemsize * 4 ** (like.ndim - 1)
            if nbytes % size:
                continue
            every = np.concatenate(sources).view(like.dtype).reshape(-1, *like.shape[1:])
            length = nbytes // size
            for c, a, b in zip(number.tolist(), start // size, stop // size, strict=True):
                items = reader.items(descriptor, like, c * length + a, c * length + b)
                if a == b:
                    assert items is None
                    continue
                assert items.dtype == like.dtype
                assert np.array_equal(items, every[c * length + a : c * length + b])
            # Not over the end of a chunk, of the dataset, or before its beginning.
            for a, b in ((length - 1, length + 1), (3 * length, 3 * length + 1), (-1, 1)):
                assert reader.items(descriptor, like, a, b) is None
    finally:
        os.close(descriptor)


def test_ranges_of_a_damaged_frame_are_refused(tmp_path):
    source = chunk("counter", 8192, 4, 1)
    frame_bytes = encoded(BloscChunks(source.size, 4, 9, 1, "lz4", 1024), source)
    refused = 0
    for place in range(16 + 4 * 8, frame_bytes.size):
        damaged = frame_bytes.copy()
        damaged[place] ^= 0x80
        path = tmp_path / "frame"
        path.write_bytes(damaged.tobytes())
        one = np.zeros(1, np.int64)
        reader = BlockReader(8192, one, one + damaged.size, np.zeros(1, np.uint32))
        descriptor = os.open(path, os.O_RDONLY)
        out = np.zeros(8192, np.uint8)
        assert reader.learn(descriptor, 0)
        refused += reader.read(descriptor, one, one, one + 8192, one, 1, out) is not None
        os.close(descriptor)
    assert refused > 0
