"""All columns of numbers of a batch at once: what a copy by NumPy gives, or left to others."""

import ctypes
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
from raggedh5.core.batch import Batch
from raggedh5.core.chunk_codecs import BloscChunks
from raggedh5.core.cursors import Cursor, Lane, advance, overfull, packing_of
from raggedh5.core.dictionary import Dictionary
from raggedh5.core.joined_strings import Joined
from raggedh5.core.ragged import Ragged
from raggedh5.core.strings import Encoding, encode
from raggedh5.core.team import CodingThreads
from raggedh5.errors import SchemaError
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


@settings(max_examples=100)
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
        team.share(work)
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
            with np.errstate(all="ignore"):  # of NaN of any bits
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


def text_columns(rng, lengths, count):
    """Columns of strings, ASCII and other, as a batch has them."""
    words = np.array(["C", "C12", "O1", "bromine", "µ-oxo", "", "N" * 40])
    return [[rng.choice(words, n).tolist() for n in lengths] for _ in range(count)]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_numbers_and_strings_among_threads_that_have_more_to_do(threads):
    """Over and over, with all of them in the queue: nothing is done twice, or not at all."""
    rng = np.random.default_rng(threads)
    team = CodingThreads(threads)
    codec = BloscChunks(4096, 4, 5, 1, "lz4")
    queued = []
    for turn in range(150):
        source = rng.integers(0, 9, 4096, dtype=np.uint8)
        queued.append((codec.work(source, np.zeros(codec.room(), np.uint8)), source))
        team.put(queued[-1][0])
        lengths = rng.integers(0, 20, 8)
        batch = Batch({f"n{i}": rng.normal(size=(8, 20)) for i in range(5)}, lengths=lengths)
        streams = [Chunks(np.empty(0), 64, 0) for _ in range(5)]
        work = packing_of(
            batch, [Lane(f"n{i}", x, x.like, None, False) for i, x in enumerate(streams)]
        )
        texts = text_columns(rng, lengths, turn % 5)
        dictionary = Dictionary()
        codes = np.empty(lengths.sum(), np.int32)
        encodings = [Encoding(text, batch.kept, "") for text in texts]
        coded = [dictionary.coding([codes], text, kept=batch.kept) for text in texts[:1]]
        for begun in (*encodings, *coded):
            work.add(begun.putting)
        team.share(work)
        assert work.bad() == work.others == []
        finish(streams)
        kept = np.arange(20) < lengths[:, None]
        for i, stream in enumerate(streams):
            assert (stream.items() == batch.data[f"n{i}"][kept]).all()
        for text, encoding in zip(texts, encodings, strict=True):
            assert encoding.putting.done
            for one, other in zip(encoding.result(), encode(text), strict=True):
                assert (one == other).all()
        for coding in coded:
            coding.finish()
            found = [dictionary.categories[code] for code in codes]
            assert found == [item for row in texts[0] for item in row]
    for work, _ in queued:
        assert team.result(work) > 0
    team.close()


@pytest.mark.parametrize("bad", [None, 7, b"\xff", "\ud800"])
def test_strings_that_cannot_be_stored_are_found_again(bad):
    """By whoever has the GIL, and can say what is wrong with them."""
    rows = [["C", "H"], ["O", bad, "N"]]
    encoding = Encoding(rows, None, "label")
    dictionary = Dictionary(["N"])
    coding = dictionary.coding([np.empty(5, np.int32)], rows, name="label")
    work = packing_of(Batch({"x": np.zeros(1)}, ragged=False), [])
    work.add(encoding.putting)
    work.add(coding.putting)
    team = CodingThreads(2)
    team.share(work)
    team.close()
    with pytest.raises(SchemaError, match="column 'label', row 1, item 1"):
        encoding.result()
    with pytest.raises(SchemaError, match="column 'label', row 1, item 1"):
        coding.finish()
    assert dictionary.categories == ["N"]


def test_lists_that_shrink_before_they_are_read():
    rows = [["C", "H"], ["O", "N"]]
    encoding = Encoding(rows, Batch({"x": np.zeros((2, 2))}).kept, "label")
    rows[1].pop()
    work = packing_of(Batch({"x": np.zeros(1)}, ragged=False), [])
    work.add(encoding.putting)
    work.run()
    with pytest.raises(SchemaError, match="changed while they were in use"):
        encoding.result()


@pytest.mark.parametrize("row", [["O"], ["O", "N", "F"], (), None, 7])
def test_joined_lists_that_are_others_before_they_are_read(row):
    columns = [[["C", "H"], ["C", "H"]], [["N", "O"], ["N", "O"]]]
    encoding = Encoding(Joined(columns, "-"), None, "id")
    columns[1][1] = row
    work = packing_of(Batch({"x": np.zeros(1)}, ragged=False), [])
    work.add(encoding.putting)
    work.run()
    assert not encoding.putting.done
    with pytest.raises(SchemaError, match="column 'id', the strings changed"):
        encoding.result()


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="there are none any more")
@pytest.mark.filterwarnings("ignore:PyUnicode:DeprecationWarning")
def test_strings_of_old_extensions():
    """They have no bytes before they are first used, which takes the GIL."""
    make = ctypes.pythonapi.PyUnicode_FromUnicode
    make.restype, make.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_ssize_t)
    place = ctypes.pythonapi.PyUnicode_AsUnicode
    place.restype, place.argtypes = ctypes.c_void_p, (ctypes.py_object,)

    def old(text):
        made = make(None, len(text))
        content = (ctypes.c_wchar * len(text)).from_address(place(made))
        content[:] = text
        return made

    rows = [["C", old("Cl1"), old("µ")]]
    encoding = Encoding(rows, None, "")
    work = packing_of(Batch({"x": np.zeros(1)}, ragged=False), [])
    work.add(encoding.putting)
    work.run()
    assert encoding.putting.begun
    assert not encoding.putting.done
    data, offsets = encoding.result()
    assert data.tobytes().decode() == "CCl1µ"
    assert offsets.tolist() == [0, 1, 4, 6]
    assert Dictionary().encode([[old("O1"), "O1"]]).tolist() == [0, 0]
