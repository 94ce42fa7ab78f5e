"""All columns of numbers of a batch at once: what a copy by NumPy gives, or left to others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
from raggedh5.core.batch import Batch
from raggedh5.core.cursors import Cursor, Lane, advance, overfull, packing_of
from raggedh5.core.ragged import Ragged
from raggedh5.core.team import CodingThreads
from raggedh5.store.filters import load_libraries
from strategies import FLOATS, INTEGERS, arrays, dtypes, inner_shapes, masks

load_libraries()


class Chunks(Cursor):
    """A stream without a file: full chunks are kept in a list."""

    def __init__(self, like, length, fill):
        self.like, self.length = like, length
        self.stored = []
        self.fresh = []
        self.view = None
        if fill:
            self.view = self.chunk()
            self.view[:] = 0
        self.fill = self.count = fill

    def chunk(self):
        return np.empty((self.length, *self.like.shape[1:]), self.like.dtype)

    def reserve(self, n):
        if self.view is None:
            self.view = self.chunk()
        self.pending = n
        pieces = [self.view[self.fill : self.fill + n]]
        self.fresh = []
        while (left := n - sum(map(len, pieces))) > 0:
            self.fresh.append(self.chunk())
            pieces.append(self.fresh[-1][:left])
        return pieces

    def commit(self):
        self.count += self.pending
        self.fill += self.pending
        self.pending = 0
        while self.fill >= self.length:
            self.stored.append(self.view)
            self.fill -= self.length
            self.view = self.fresh.pop(0) if self.fresh else None

    def items(self):
        rest = [] if self.view is None else [self.view[: self.fill]]
        return np.concatenate([self.like, *self.stored, *rest])


def finish(streams):
    """Let what is pending count, as a table does."""
    for stream in overfull(streams):
        stream.commit()
    advance(streams)


@st.composite
def columns(draw, mask):
    """Values of a column in one of the forms that are taken, and the items kept of them."""
    dtype, inner = draw(dtypes), draw(inner_shapes)
    padded = draw(arrays((*mask.shape, *inner), dtype))
    items = [item for _, item in reference.kept_items(padded, mask)]
    flat = np.array(items, dtype).reshape(len(items), *inner)
    if draw(st.booleans()):
        return padded, flat
    return Ragged(flat, np.cumsum([0, *mask.sum(axis=1)])), flat


@settings(max_examples=200)
@given(st.data())
def test_batches_land_where_they_belong(data):
    rows, width = data.draw(st.integers(1, 5)), data.draw(st.integers(0, 6))
    kept = [data.draw(masks(rows, width)) for _ in range(3)]
    team = CodingThreads(data.draw(st.sampled_from([1, 2])))
    names = [f"c{i}" for i in range(data.draw(st.integers(1, 5)))]
    made = [{name: data.draw(columns(mask)) for name in names} for mask in kept]
    streams, lanes = {}, []
    for name in names:
        first = made[0][name][1]
        stream = Chunks(first[:0], data.draw(st.integers(1, 12)), 0)
        streams[name] = stream
        lanes.append(Lane(name, stream, first[:0], None, False))
    wanted = {name: [] for name in names}
    for mask, batch in zip(kept, made, strict=True):
        part = Batch({name: value for name, (value, _) in batch.items()}, mask)
        work = packing_of(part, lanes)
        team.put(work, first=True)
        team.result(work)
        left = {*work.others, *work.bad()}
        for name in left:  # of another shape, or not to be converted without loss
            values = np.zeros_like(
                streams[name].like, shape=(len(batch[name][1]), *streams[name].like.shape[1:])
            )
            at = 0
            for piece in streams[name].reserve(len(values)):
                piece[:] = values[at : at + len(piece)]
                at += len(piece)
            wanted[name].append(values)
        for name in set(names) - left:
            flat = batch[name][1]
            assert flat.shape[1:] == streams[name].like.shape[1:]
            assert streams[name].pending == len(flat)
            wanted[name].append(flat.astype(streams[name].like.dtype))
        finish(list(streams.values()))
    for name, stream in streams.items():
        assert stream.pending == 0
        assert stream.items().tobytes() == b"".join(x.tobytes() for x in wanted[name])
        assert stream.count == len(stream.items())
    team.close()


@pytest.mark.parametrize("kind", ["padded", "flat", "rows"])
def test_what_fits_is_taken(kind):
    """Nothing else would show that the quick way is gone."""
    mask = np.array([[True, True, False], [False, True, True]])
    values = np.arange(6.0).reshape(2, 3)
    value = {
        "padded": values,
        "flat": Ragged(values[mask], [0, 2, 4]),
        "rows": np.arange(4.0),
    }[kind]
    stream = Chunks(np.empty(0, "f4"), 3, 2)
    batch = Batch({"x": value, "t": [["a"] * 2] * 2}, mask) if kind != "rows" else None
    work = packing_of(
        batch or Batch({"x": value}, ragged=False), [Lane("x", stream, stream.like, None, False)]
    )
    work.run()
    assert work.others == work.bad() == []
    assert work.nbytes == 16
    finish([stream])
    assert stream.items().tolist() == [0, 0, *(np.arange(4) if kind == "rows" else values[mask])]


@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS])
def test_what_does_not_fit_is_left(dtype):
    good = np.ones((2, 3), "f4")
    finite = np.array([[1, np.inf, 1], [1, 1, 1]], "f4")
    data = {
        "good": good,
        "strict": good,
        "finite": finite,
        "narrow": np.full((2, 3), 2**40),
        "other width": np.ones((2, 4)),
        "other rows": np.ones((3, 3)),
        "other inner": np.ones((2, 3, 1)),
        "one axis": np.ones(2),
        "swapped": good.astype(">f8"),
        "objects": good.astype(object),
        "list": good.tolist(),
        "nothing": np.ma.masked_array(good),
    }
    streams = {name: Chunks(np.empty(0, "f4"), 100, 0) for name in [*data, "missing"]}
    streams["narrow"].like = np.empty(0, "i4")
    lanes = [
        Lane(
            name,
            stream,
            stream.like,
            np.dtype(dtype) if name == "strict" else None,
            name == "finite",
        )
        for name, stream in streams.items()
    ]
    work = packing_of(Batch(data, lengths=[3, 3]), lanes)
    work.run()
    left = set(streams) - {"good"} - ({"strict"} if dtype == "f4" else set())
    assert {*work.others, *work.bad()} == left


def test_the_last_places_of_a_chunk():
    stream = Chunks(np.empty((0, 2), "i2"), 4, 1)
    lane = Lane("x", stream, stream.like, None, False)
    for rows in (3, 9, 0, 4):
        work = packing_of(Batch({"x": np.full((rows, 2), rows, "i2")}, ragged=False), [lane])
        work.run()
        assert work.others == work.bad() == []
        assert (stream in overfull([stream])) == (stream.fill + rows >= 4)
        finish([stream])
    assert stream.items()[:, 1].tolist() == [0, *[3] * 3, *[9] * 9, *[4] * 4]
    assert stream.fill == 1
