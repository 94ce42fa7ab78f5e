"""Frames on their way to whoever writes them: blocks, new fields, values to look at closely."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raggedh5.core.ragged import Ragged
from raggedh5.errors import ClosedError, SchemaError
from raggedh5.formats.trajectory.writing.frame_queue import BLOCKS, FrameQueue


def queue(frames=8, ragged=False, first=0, fields=None):
    return FrameQueue("t", first, fields or {}, frames, ragged, lambda: None, threading.Condition())


def drained(frames):
    """Return the batches of a queue, and give their blocks back."""
    found = []
    for block in frames.take(all_of_them=True):
        batch = frames.batch(block)
        rows = {name: (v.values.copy(), v.numbers.copy()) for name, v in batch.rows.items()}
        items = {name: values.copy() for name, values in batch.items.items()}
        found.append((batch.first, batch.count, rows, items, batch.lengths.copy()))
        frames.give_back(block)
    return found


@given(st.data())
def test_queue_takes_every_form_of_a_number(data):
    """Values in any memory layout, byte order and type come out as the same numbers."""
    shape = data.draw(st.sampled_from([(), (2,), (2, 3)]))
    dtype = np.dtype(data.draw(st.sampled_from(["f8", "f4", "i8", "i4", "c16"])))
    where = queue(data.draw(st.integers(2, 9)))
    where.put({"x": np.zeros(shape, dtype)})
    wanted, found = [np.zeros(shape, dtype)], []
    for number in range(data.draw(st.integers(1, 12))):
        value = (np.arange(np.prod(shape, dtype=int)).reshape(shape) + number).astype(dtype)
        wanted.append(value)
        ways = {
            "array": value,
            "list": value.tolist(),
            "swapped": value.astype(dtype.newbyteorder("S")),
            "read only": np.broadcast_to(value, shape),
            "scalar": value[()],
            "small": value.real.astype("i1"),
            "Fortran": np.array(value, order="F"),
        }
        frame = {"x": ways[data.draw(st.sampled_from(sorted(ways)))]}
        where.put(data.draw(st.sampled_from([frame, {np.str_("x"): frame["x"]}])))
        if data.draw(st.booleans()) or len(wanted) % 2 == 0:
            found += drained(where)
    found += drained(where)
    assert where.number == len(wanted)
    values = np.concatenate([rows["x"][0] for _, _, rows, _, _ in found])
    numbers = np.concatenate([rows["x"][1] for _, _, rows, _, _ in found])
    assert values.dtype == dtype
    assert np.array_equal(values, wanted)
    assert numbers.tolist() == list(range(len(wanted)))


def test_a_new_field_ends_a_block():
    where = queue(100)
    where.put({"time": 1.0})
    where.put({"time": 2.0, "energy": -1.0})
    where.put({"energy": -2.0})
    (_, one, first, *_), (_, two, second, *_) = drained(where)
    assert (one, two) == (1, 2)
    assert list(first) == ["time"]
    assert second["time"][1].tolist() == [1]
    assert second["energy"][1].tolist() == [1, 2]


def test_blocks_of_old_fields_are_not_used_again():
    where = queue(4 * BLOCKS)
    for number in range(3 * BLOCKS):
        where.put({"time": float(number)})
    drained(where)
    where.put({"time": 0.0, "energy": 1.0})
    where.put({"time": 0.0, "energy": 1.0})
    ((first, count, rows, *_),) = drained(where)
    assert (first, count) == (3 * BLOCKS, 2)
    assert set(rows) == {"time", "energy"}


def test_rows_of_particles_may_grow_beyond_their_block():
    where = queue(40, ragged=True)
    sizes = [2, 3, 500, 1, 0, 4000, 7] * 3
    kept = []
    for size in sizes:
        where.put(
            {
                "coordinates/wrapped": np.full((size, 3), float(size)),
                "particles/id": np.arange(size),
            }
        )
        kept += drained(where) if size == 1 else []
    kept += drained(where)
    lengths = np.concatenate([each[4] for each in kept])
    items = np.concatenate([each[3]["coordinates/wrapped"] for each in kept])
    assert lengths.tolist() == sizes
    assert items.tolist() == np.repeat(np.array(sizes, float), sizes)[:, None].repeat(3, 1).tolist()


@pytest.mark.parametrize(
    ("frame", "what"),
    [
        ({}, "a frame is a dict"),
        ([1.0], "a frame is a dict"),
        ({"time": 1.0, "new": None}, "it is None"),
        ({"time": [1.0]}, "its shape"),
        ({"new": np.ones((2, 2)), "time": [1.0]}, "its shape"),
        ({"new": "text"}, "hold numbers"),
        ({"coordinates/wrapped": np.ones((2, 2))}, r"\(n_species, 3\)"),
        ({"": 1.0}, "no name of a field"),
        ({"a//b": 1.0}, "no name of a field"),
        ({"../up": 1.0}, "no name of a field"),
        ({"metadata": 1.0}, "in use already"),
        ({"frames/x": 1.0}, "in use already"),
        ({"particles/x": 1.0}, "in use already"),
        ({"time/x": 1.0}, "cannot hold"),
        ({"time_data": 1.0}, "same NumPy file"),
        ({"energy.frames": 1.0}, "another use"),
        ({"particles_offsets": 1.0}, "another use"),
        ({"\udcff": 1.0}, "no name of a field"),
        ({"nul\0": 1.0}, "no name of a field"),
        ({7: 1.0}, "no name of a field"),
        ({"new": np.longdouble(1)}, "no dtype of a file"),
    ],
    ids=repr,
)
def test_a_refused_frame_leaves_nothing(frame, what):
    where = queue()
    where.put({"time": 1.0})
    with pytest.raises(SchemaError, match=what):
        where.put(frame)
    assert (where.number, list(where.fields)) == (1, ["time"])
    where.put({"time": 2.0})
    ((first, count, rows, *_),) = drained(where)
    assert (first, count, rows["time"][0].tolist()) == (0, 2, [1.0, 2.0])


def test_particles_are_there_from_their_first_frame():
    where = queue(ragged=True)
    where.put({"time": 0.0})
    where.put({"coordinates/wrapped": np.ones((2, 3)), "time": 1.0})
    with pytest.raises(SchemaError, match="particles/charge is new"):
        where.put({"coordinates/wrapped": np.ones((2, 3)), "particles/charge": np.ones(2)})
    assert where.number == 2


def test_frames_together():
    where = queue()
    batch = where.together(
        {"coordinates/wrapped": np.arange(12.0).reshape(2, 2, 3), "time": [1, 2]}
    )
    assert (batch.first, batch.count, where.number) == (0, 2, 2)
    assert (
        batch.rows["coordinates/wrapped"].values.tolist() == np.arange(12.0).reshape(2, 6).tolist()
    )
    assert batch.rows["time"].values.dtype == np.float64
    empty = where.together({"time": []})
    assert (empty.count, empty.rows, where.number) == (0, {}, 2)
    for bad in ({"time": [1, 2], "energy": [1]}, {}, {"time": [[1, 2]]}, {"energy": ["a"]}):
        with pytest.raises(SchemaError):
            where.together(bad)
        assert (where.number, list(where.fields)) == (2, ["coordinates/wrapped", "time"])


def test_particles_together():
    where = queue(ragged=True)
    rows = Ragged(np.arange(15.0).reshape(5, 3), np.array([0, 2, 2, 5]))
    for form in (rows, list(rows), Ragged(rows.values, rows.offsets)[:]):
        first = where.number
        batch = where.together({"coordinates/wrapped": form})
        assert batch.items["coordinates/wrapped"].tolist() == rows.values.tolist()
        assert batch.lengths.tolist() == [2, 0, 3]
        assert batch.numbers.tolist() == [first, first + 1, first + 2]
    part = where.together({"coordinates/wrapped": rows[1:]})
    assert part.items["coordinates/wrapped"].tolist() == rows.values[2:].tolist()
    with pytest.raises(SchemaError):
        where.together({"coordinates/wrapped": [np.ones((2, 2))]})


def test_a_complete_trajectory_takes_no_frames():
    where = queue()
    where.put({"time": 1.0})
    where.stop()
    with pytest.raises(ClosedError, match="t is complete"):
        where.put({"time": 2.0})
    with pytest.raises(ClosedError):
        where.together({"time": [2.0]})
    assert drained(where)[0][1] == 1
    assert not where.waiting


def test_whoever_comes_raises_what_stopped_it():
    where = queue()
    where.stop(OSError("no room"))
    with pytest.raises(OSError, match="no room"):
        where.put({"time": 2.0})
