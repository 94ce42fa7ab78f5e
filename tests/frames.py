"""Chunks of several kinds, and the Blosc frames of them."""

import numpy as np
from hypothesis import strategies as st

from raggedh5.core.chunk_codecs import BloscChunks


def chunk(kind: str, nbytes: int, typesize: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    items = nbytes // typesize
    if kind == "noise":
        values = rng.integers(0, 256, nbytes, dtype=np.uint8)
    elif kind == "zeros":
        values = np.zeros(nbytes, np.uint8)
    elif kind == "counter":
        dtype = {1: "u1", 2: "<u2", 4: "<u4", 8: "<u8"}[typesize]
        values = np.arange(items).astype(dtype).view(np.uint8)
    else:  # the low half of every item is noise, the high half is not
        values = rng.integers(0, 256, (items, typesize), dtype=np.uint8)
        values[:, typesize // 2 :] = seed % 7
        values = values.ravel()
    out = np.zeros(nbytes, np.uint8)
    out[: values.size] = values[:nbytes]
    return out


def encoded(codec: BloscChunks, source: np.ndarray) -> np.ndarray:
    stored = np.full(codec.room(), 0xAA, np.uint8)
    size = codec.encode(source, stored)
    assert 0 < size <= codec.room()
    return stored[:size]


chunks = st.tuples(
    st.sampled_from(["noise", "zeros", "counter", "half"]),
    st.integers(1, 9000),
    st.sampled_from([1, 2, 4, 8]),
    st.integers(0, 100),
)
