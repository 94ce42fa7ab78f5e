import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
from raggedh5.kernels.scatter import first_bad_range, gather_rows, scatter_rows
from strategies import arrays, dtypes, inner_shapes, ragged_parts


@st.composite
def row_picks(draw):
    """Values, and starts and lengths of some of their rows, repeated and in any order."""
    values, offsets = draw(ragged_parts())
    rows = len(offsets) - 1
    picks = draw(st.lists(st.integers(0, rows - 1), max_size=9)) if rows else []
    picks = np.array(picks, np.int64)
    return values, offsets[picks], np.diff(offsets)[picks]


def raw(items):
    return b"".join(np.asarray(item).tobytes() for item in items)


@settings(max_examples=150)
@given(row_picks())
def test_gathered_rows_follow_each_other(picks):
    values, starts, lengths = picks
    out = np.empty((lengths.sum(), *values.shape[1:]), values.dtype)
    gather_rows(values, starts, lengths, out)
    assert out.tobytes() == raw(reference.gather_rows(values, starts, lengths))


@settings(max_examples=150)
@given(row_picks(), st.integers(0, 5), st.booleans(), st.data())
def test_scattered_rows_are_padded_with_the_fill(picks, spare, zero, data):
    values, starts, lengths = picks
    width = int(lengths.max(initial=0)) + spare
    fill = data.draw(arrays(values.shape[1:], values.dtype))
    if zero:
        fill = np.zeros_like(fill)
    out = np.empty((len(starts), width, *values.shape[1:]), values.dtype)
    mask = np.empty((len(starts), width), np.bool_)
    scatter_rows(values, starts, lengths, out, mask, fill)
    padded, kept = reference.scatter_rows(values, starts, lengths, width, fill)
    assert out.tobytes() == raw(item for row in padded for item in row)
    assert mask.tolist() == kept


@given(dtypes, inner_shapes)
def test_nothing_scatters_to_nothing(dtype, inner):
    none = np.empty(0, np.int64)
    out, mask = np.empty((0, 4, *inner), dtype), np.empty((0, 4), np.bool_)
    scatter_rows(np.empty((0, *inner), dtype), none, none, out, mask, np.zeros(inner, dtype))
    gather_rows(np.empty((0, *inner), dtype), none, none, np.empty((0, *inner), dtype))


numbers = st.one_of(st.integers(-2, 9), st.sampled_from([2**63 - 1, -(2**63)]))


@settings(max_examples=200)
@given(
    st.lists(st.tuples(numbers, numbers), max_size=5),
    st.integers(0, 9),
    st.integers(0, 9) | st.just(2**63 - 1),
)
def test_ranges_that_are_not_within_the_values_are_found(ranges, n_values, width):
    starts, lengths = np.array(ranges, np.int64).reshape(-1, 2).T.copy()
    expected = reference.first_bad_range(starts.tolist(), lengths.tolist(), n_values, width)
    assert first_bad_range(starts, lengths, n_values, width) == expected
