"""Frames copied into blocks, held to lists; and what fits or does not fit a field."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raggedh5.core.frames import (
    FieldRows,
    FrameBatch,
    FrameBuffer,
    FrameField,
    batch_of,
    check_items,
    fitting_frame,
    fitting_rows,
    new_block,
)
from raggedh5.errors import SchemaError
from reference_frames import NaiveFrames, check_batch
from strategies import arrays, dtypes

SHAPES = [(), (1,), (4,), (2, 3), (0,), (2, 0, 3), (1, 1, 1, 1, 1, 1, 1, 2)]


@st.composite
def fields(draw):
    """Fields of every kind, by names some of which NumPy made."""
    found = {}
    for number in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["fixed", "fixed", "double", "vectors", "ragged"]))
        name = f"{kind}{number}"
        if kind == "double":
            found[name] = FrameField(name, np.dtype("f8"), ())
        elif kind == "vectors":
            shape = (3 * draw(st.integers(0, 3)),)
            found[name] = FrameField(name, np.dtype("f8"), shape, vectors=True)
        else:
            shape = draw(st.sampled_from([*SHAPES, (3,)]))
            ragged = kind == "ragged"
            shape = shape[:7] if ragged else shape
            found[name] = FrameField(name, draw(dtypes), shape, ragged=ragged)
    return found


@st.composite
def frames(draw, specs):
    """A frame that fits as it is: any of the fields, in any order."""
    ragged = [name for name, spec in specs.items() if spec.ragged]
    names = draw(st.permutations(list(specs)))
    count = draw(st.integers(1, len(names)))
    chosen = names[:count]
    if any(name in ragged for name in chosen):
        chosen = list(dict.fromkeys([*chosen, *ragged]))
    items = draw(st.integers(0, 4))
    frame = {}
    for name in chosen:
        spec = specs[name]
        shape = (items, *spec.shape) if spec.ragged else spec.shape
        value = draw(arrays(shape, spec.dtype))
        if spec.vectors and draw(st.booleans()):
            value = value.reshape(-1, 3)
        if shape == () and spec.dtype == np.float64 and draw(st.booleans()):
            value = draw(st.sampled_from([float, np.float64]))(value)
        frame[name] = value
    return frame


@st.composite
def spoilt(draw, specs, frame):
    """The same with one value that does not fit, or one too many, or too few."""
    name = draw(st.sampled_from(sorted(frame)))
    spec, value = specs[name], np.asarray(frame[name])
    ways = {
        "another dtype": np.zeros(value.shape, "f4" if spec.dtype != np.float32 else "f8"),
        "a list": value.tolist() if value.ndim else "text",
        "more axes": value[None, None],
        "None": None,
    }
    if spec.shape and spec.shape[-1] and not spec.vectors:
        ways["wider"] = np.concatenate([value, value[..., :1]], axis=-1)
    if value.ndim and value.nbytes:
        ways["swapped"] = value.astype(value.dtype.newbyteorder("S"))
        if value.dtype.itemsize == 1:
            del ways["swapped"]
        if len(value) > 1:
            wide = np.repeat(value, 2, axis=0)
            ways["gaps"] = wide[::2]
    if spec.ragged and sum(spec.ragged for spec in specs.values()) > 1:
        ways["more items"] = np.concatenate([value, np.ones((1, *spec.shape), spec.dtype)])
    way = draw(st.sampled_from(sorted(ways)))
    return {**frame, name: ways[way]}


@given(st.data())
def test_buffer_holds_what_lists_hold(data):
    specs = data.draw(fields())
    first = data.draw(st.sampled_from([0, 5, 1 << 40]))
    room, items = data.draw(st.integers(1, 6)), data.draw(st.integers(0, 9))
    buffer = FrameBuffer(first)
    frame = data.draw(frames(specs))
    assert not buffer.put(frame)  # there is no block
    for _ in range(data.draw(st.integers(1, 3))):
        block = buffer.block = new_block(specs, room, items)
        naive = NaiveFrames(specs, buffer.number)
        for _ in range(data.draw(st.integers(0, 8))):
            frame = data.draw(frames(specs))
            if data.draw(st.integers(0, 3)) == 0:
                bad = data.draw(spoilt(specs, frame))
                before = (buffer.number, block.count, block.rows, block.counts)
                assert not buffer.put(bad)
                assert (buffer.number, block.count, block.rows, block.counts) == before
                continue
            of_frame = max((len(frame[n]) for n in frame if specs[n].ragged), default=0)
            fits = naive.number - naive.first < room and sum(naive.lengths) + of_frame <= items
            if not any(specs[name].ragged for name in frame):
                fits = naive.number - naive.first < room
            assert buffer.put(frame) == fits
            if fits:
                naive.put(frame)
            assert buffer.number == naive.number
        assert buffer.take() is block
        assert buffer.block is None
        check_batch(batch_of(block, specs), naive)
        block.clear()
        assert (block.count, block.rows) == (0, 0)
        assert not any(block.counts)


def test_values_are_copied():
    specs = {"x": FrameField("x", np.dtype("f8"), (2,))}
    buffer, value = FrameBuffer(), np.array([1.0, 2.0])
    buffer.block = new_block(specs, 4)
    for _ in range(4):
        assert buffer.put({"x": value})
        value += 1
    assert batch_of(buffer.take(), specs).rows["x"].values.tolist() == [
        [i + 1, i + 2] for i in range(4)
    ]


@pytest.mark.parametrize(
    "frame",
    [
        {},
        {"y": 1.0},
        {"x": 1.0, "y": 1.0},
        {1: 1.0},
        {b"x": 1.0},
        {"x": 1},
        {"x": True},
        {"x": np.float32(1)},
        {"x": np.longlong(1)},
        {"x": np.array([1.0])},
        {"x": np.ma.array(1.0)},
        {"x": np.array(1.0, ">f8")},
        {"x": "1.0"},
        [("x", 1.0)],
        None,
        type("Frame", (dict,), {})(x=1.0),
    ],
    ids=repr,
)
def test_what_needs_a_closer_look_is_left(frame):
    buffer = FrameBuffer(3)
    block = buffer.block = new_block({"x": FrameField("x", np.dtype("f8"), ())}, 4)
    assert not buffer.put(frame)
    assert (buffer.number, block.count, block.counts) == (3, 0, [0])


def test_a_frame_lacks_no_ragged_field():
    specs = {n: FrameField(n, np.dtype("i4"), (), ragged=True) for n in ("a", "b")}
    buffer = FrameBuffer()
    block = buffer.block = new_block(specs, 4, 10)
    a = np.arange(3, dtype="i4")
    assert not buffer.put({"a": a})
    assert not buffer.put({"a": a, "b": a[:2]})
    assert not buffer.put({"a": a, "b": np.array(5, "i4")})
    assert block.counts == [0, 0]
    assert buffer.put({"b": a, "a": a})
    assert buffer.put({"b": a[:0], "a": a[:0]})
    assert block.counts == [3, 3]
    batch = batch_of(buffer.take(), specs)
    assert (batch.lengths.tolist(), batch.numbers.tolist()) == ([3, 0], [0, 1])


def test_names_are_found_whoever_made_them():
    made = "".join(["ener", "gy"])  # equal, but another object
    specs = {
        "time": FrameField("time", np.dtype("f8"), ()),
        "energy": FrameField("energy", np.dtype("f8"), ()),
    }
    buffer = FrameBuffer()
    buffer.block = new_block(specs, 3)
    assert buffer.put({made: 1.0, "time": 2.0})
    batch = batch_of(buffer.take(), specs)
    assert batch.rows["energy"].values.tolist() == [1.0]
    assert batch.rows["time"].values.tolist() == [2.0]


# --- what fits a field

X = FrameField("x", np.dtype("f4"), (2, 3))
V = FrameField("coordinates/wrapped", np.dtype("f8"), (6,), vectors=True)
N = FrameField("n", np.dtype("i2"), ())
R = FrameField("r", np.dtype("f8"), (3,), ragged=True)
KNOWN = {spec.name: spec for spec in (X, V, N, R)}


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("x", [[1, 2, 3], [4, 5, 6]], [[1, 2, 3], [4, 5, 6]]),
        ("x", np.ones((2, 3), ">f8"), np.ones((2, 3))),
        ("x", np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(6.0).reshape(2, 3)),
        ("x", np.arange(12.0).reshape(2, 6)[:, ::2], np.arange(0, 12, 2.0).reshape(2, 3)),
        ("coordinates/wrapped", np.arange(6).reshape(2, 3), np.arange(6.0)),
        ("coordinates/wrapped", range(6), np.arange(6.0)),
        ("n", np.uint8(7), 7),
        ("n", 7, 7),
        ("n", np.array(7, ">i8"), 7),
        ("n", np.True_, 1),
        ("r", [1.0, 2, 3, 4, 5, 6], [[1, 2, 3], [4, 5, 6]]),
        ("r", np.empty((0, 3)), np.empty((0, 3))),
    ],
)
def test_values_are_made_to_fit(name, value, wanted):
    spec = KNOWN[name]
    found = fitting_frame({name: value}, KNOWN, 0)[name]
    assert found.dtype.num == spec.dtype.num
    assert found.flags.carray
    assert np.array_equal(found, wanted)
    buffer = FrameBuffer()
    buffer.block = new_block({name: spec}, 1, 2)
    assert buffer.put({name: found})


def test_tensors_fit():
    torch = pytest.importorskip("torch")
    tensor = torch.arange(12.0, requires_grad=True).reshape(3, 4)[:, ::2].T
    found = fitting_frame({"x": tensor}, KNOWN, 0)["x"]
    assert found.dtype == np.float32
    assert found.tolist() == tensor.tolist()


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("x", np.ones((3, 2)), r"frame 4, x: its shape is \(3, 2\)"),
        ("x", 1.0, "its shape"),
        ("x", None, "it is None"),
        ("x", "text", "numbers, not <U4"),
        ("x", [object()] * 2, "numbers, not object"),
        ("x", np.full((2, 3), 1e300), "a value does not fit float32"),
        ("x", np.full((2, 3), 1j), "cannot be stored as float32"),
        ("x", np.array(["2020"], "M8[D]"), "numbers, not datetime64"),
        ("x", [[1], [2, 3]], "no rectangular array"),
        ("coordinates/wrapped", np.ones((3, 2)), "its shape"),
        ("coordinates/wrapped", np.ones((1, 2, 3)), "its shape"),
        ("n", 1 << 15, "a value does not fit int16"),
        ("n", 1.0, "cannot be stored as int16"),
        ("r", np.ones(4), r"\('any', 3\)"),
        ("r", 3.0, "its shape"),
        ("r", np.ones((2, 2)), "its shape"),
    ],
)
def test_what_does_not_fit_is_refused(name, value, what):
    with pytest.raises(SchemaError, match=what):
        fitting_frame({name: value}, KNOWN, 4)


def test_rounding_is_no_loss():
    assert fitting_frame({"x": np.full((2, 3), 0.1)}, KNOWN, 0)["x"][0, 0] == np.float32(0.1)
    assert np.isinf(fitting_frame({"x": np.full((2, 3), np.inf)}, KNOWN, 0)["x"]).all()


def test_kinds_of_the_same_size_are_told_apart():
    """long and long long are equal to NumPy, but not to what looks at their numbers."""
    spec = FrameField("n", np.dtype("l"), ())
    found = fitting_frame({"n": np.array(5, "q")}, {"n": spec}, 0)["n"]
    assert found.dtype.num == spec.dtype.num


def test_rows_that_come_together():
    rows = np.arange(24.0).reshape(4, 2, 3)
    assert fitting_rows(rows, V, 0).shape == (4, 6)
    assert np.shares_memory(fitting_rows(rows, V, 0), rows)
    assert fitting_rows(rows, X, 0).dtype == np.float32
    for bad in (rows[:, :1], 3.0, np.ones((4, 5)), [["a"]]):
        with pytest.raises(SchemaError):
            fitting_rows(bad, V, 0)


@pytest.mark.parametrize("dtype", ["g", "G", "U3", "S2", "O", "M8[s]", "m8[s]", [("a", "i4")]])
def test_fields_that_no_file_holds(dtype):
    with pytest.raises(SchemaError):
        FrameField("x", np.dtype(dtype), ())


def test_fields_have_so_many_axes():
    FrameField("x", np.dtype("f8"), (1,) * 8)
    with pytest.raises(SchemaError, match="8 axes"):
        FrameField("x", np.dtype("f8"), (1,) * 9)


def test_fields_are_in_native_order():
    assert FrameField("x", np.dtype(">f8"), ()).dtype == np.dtype("f8")


def test_items_of_all_or_none():
    fields = {n: FrameField(n, np.dtype("f8"), (), ragged=True) for n in "ab"}
    check_items({}, fields, 0)
    check_items({"a": 3, "b": 3}, fields, 0)
    with pytest.raises(SchemaError, match="frame 7 has a of its particles, but not b"):
        check_items({"a": 3}, fields, 7)
    with pytest.raises(SchemaError, match="a 3, b 2"):
        check_items({"a": 3, "b": 2}, fields, 7)


def test_bytes_of_a_batch():
    rows = FieldRows(np.zeros((2, 3)), np.arange(2))
    batch = FrameBatch(
        0, 2, {"x": rows}, {"r": np.zeros((5, 2), "f4")}, np.array([2, 3]), np.arange(2)
    )
    assert batch.nbytes == 2 * 3 * 8 + 5 * 2 * 4
