"""Hypothesis strategies: batches, masks and ragged rows of every kind that the library takes."""

import numpy as np
from hypothesis import strategies as st

INTEGERS = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
FLOATS = ("f2", "f4", "f8")
COMPLEX = ("c8", "c16")
NUMBERS = ("?", *INTEGERS, *FLOATS, *COMPLEX)

dtypes = st.sampled_from(NUMBERS).map(np.dtype)
inner_shapes = st.sampled_from([(), (), (1,), (2,), (3,), (7,), (2, 3), (3, 0)])
sizes = st.integers(0, 9)


@st.composite
def arrays(draw, shape, dtype):
    """Values of any bits, NaN and infinity among them, from a seed: quick, and easy to repeat."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.asarray(rng.random(shape) < 0.5)
    size = int(np.prod(shape)) * dtype.itemsize
    return np.frombuffer(rng.bytes(size), dtype).reshape(shape).copy()


@st.composite
def strided(draw, array):
    """The same values, laid out in memory in some other way."""
    kind = draw(st.sampled_from(["C", "F", "reversed", "gaps", "wide items", "inner gaps"]))
    if kind == "C":
        return array
    if kind == "F":
        return np.asfortranarray(array)
    if kind == "reversed":
        return array[::-1, ::-1].copy()[::-1, ::-1]
    axis = {"gaps": 0, "wide items": 1, "inner gaps": array.ndim - 1}[kind]
    shape = [2 * n + 1 if k == axis else n for k, n in enumerate(array.shape)]
    index = tuple(slice(1, None, 2) if k == axis else slice(None) for k in range(array.ndim))
    out = np.zeros(shape, array.dtype)
    out[index] = array
    return out[index]


@st.composite
def masks(draw, rows, width):
    """Masks of shape (rows, width): prefixes, scattered, empty, full; any strides."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["prefix", "scattered", "holes", "empty", "full"]))
    if kind == "prefix":
        mask = np.arange(width) < rng.integers(0, width + 1, rows)[:, None]
    else:
        share = {"scattered": 0.5, "holes": 0.9, "empty": 0, "full": 1}[kind]
        mask = rng.random((rows, width)) < share
    return draw(strided(mask))


@st.composite
def batches(draw, dtype=dtypes, inner=inner_shapes):
    """A padded array of shape (rows, width, *inner) and its mask, in any memory layout."""
    rows, width = draw(sizes), draw(sizes)
    array = draw(arrays((rows, width, *draw(inner)), draw(dtype)))
    return draw(strided(array)), draw(masks(rows, width))


@st.composite
def split_sizes(draw, total):
    """Sizes of pieces, some of them empty, that have `total` items together."""
    cuts = sorted(draw(st.lists(st.integers(0, total), max_size=4)))
    return np.diff([0, *cuts, total]).tolist()


@st.composite
def ragged_parts(draw, dtype=dtypes, inner=inner_shapes):
    """Values of shape (items, *inner) and the offsets of rows in them."""
    lengths = draw(st.lists(sizes, max_size=9))
    offsets = np.cumsum([0, *lengths]).astype(np.int64)
    return draw(arrays((sum(lengths), *draw(inner)), draw(dtype))), offsets
