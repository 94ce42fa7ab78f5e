"""Numbers of the frames that have a field, held to lists of them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from raggedh5.formats.trajectory.writing import rates
from raggedh5.formats.trajectory.writing.rates import frames_present, numbers_due, rows_before

presence = st.lists(st.booleans(), max_size=40)


class Field:
    """Rows of a field, as a store has them."""

    def __init__(self):
        self.rows, self.numbers = 0, None

    def write(self, numbers, stop):
        due = numbers_due(self.rows, np.array(numbers, np.int64), stop, self.numbers is not None)
        if due is not None:
            self.numbers = (self.numbers or []) + [int(n) for part in due for n in part]
        self.rows += len(numbers)


def written(there, sizes):
    """Write frames in batches of these sizes; `there` says which of them have the field."""
    field, first = Field(), 0
    for size in [*sizes, len(there)]:
        stop = min(first + size, len(there))
        numbers = [n for n in range(first, stop) if there[n]]
        # As stores do: a field is made by the first frame that has it.
        if numbers or field.rows:
            field.write(numbers, stop)
        first = stop
        check(field, there[:stop])
    return field


def check(field, there):
    numbers = [n for n, is_there in enumerate(there) if is_there]
    assert field.rows == len(numbers)
    if field.rows:
        assert (field.numbers is None) == all(there)
    if field.numbers is not None:
        assert field.numbers == numbers
    for frame in range(len(there) + 2):
        assert rows_before(field, frame) == sum(n < frame for n in numbers)


@given(presence, st.lists(st.integers(0, 9), max_size=9))
def test_any_presence_in_batches_of_any_size(there, sizes):
    written(there, sizes)


def test_long_runs_are_numbered_in_pieces(monkeypatch):
    monkeypatch.setattr(rates, "PIECE", 4)
    parts = list(numbers_due(10, np.array([11, 12]), 13, False))
    assert [part.tolist() for part in parts] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9], [11, 12]]
    assert all(part.dtype == np.int64 for part in parts)


def test_nothing_is_due_for_nothing():
    assert numbers_due(0, np.empty(0, np.int64), 0, False) is None
    assert list(numbers_due(5, np.empty(0, np.int64), 9, True)) == []


@given(st.lists(presence, max_size=4), st.integers(0, 40))
def test_complete_frames(fields, count):
    """All frames are, if every field was written up to the same one."""
    found = [written((there + [True] * 40)[:count], []) for there in fields]
    there = [(there + [True] * 40)[:count] for there in fields]
    last = max((max((n for n, t in enumerate(one) if t), default=-1) for one in there), default=-1)
    if any(field.rows and field.numbers is None for field in found):
        assert frames_present([f for f in found if f.rows]) == count
    else:
        assert frames_present([f for f in found if f.rows]) == last + 1


def test_the_shortest_field_that_is_in_every_frame_counts():
    whole, short, sparse = Field(), Field(), Field()
    whole.rows, short.rows = 9, 7
    sparse.rows, sparse.numbers = 2, [3, 8]
    assert frames_present([whole, short, sparse]) == 7
    assert frames_present([sparse]) == 9
    sparse.rows = 1  # its value is not there yet, though its number is
    assert frames_present([sparse]) == 4
    assert rows_before(sparse, 9) == 1
    assert frames_present([]) == 0
