import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
from raggedh5.kernels import offsets as kernels
from raggedh5.kernels.offsets import (
    first_bad_offset,
    longest_row,
    offsets_from_lengths,
    offsets_from_mask,
)
from strategies import masks, sizes

int64s = st.one_of(
    st.integers(-3, 12), st.sampled_from([2**62, 2**63 - 1, -(2**63)]), st.integers(0, 5)
)


@settings(max_examples=150)
@given(st.data())
def test_a_mask_of_any_strides_counts_as_the_reference_does(data):
    mask = data.draw(masks(data.draw(sizes), data.draw(sizes)))
    offsets = np.full(len(mask) + 1, -7, np.int64)
    prefix = offsets_from_mask(mask, offsets)
    assert (offsets.tolist(), bool(prefix)) == reference.offsets_from_mask(mask)


def test_any_nonzero_byte_of_a_mask_keeps():
    mask = np.array([[0, 2, 255], [1, 128, 0]], np.uint8)
    offsets = np.empty(3, np.int64)
    assert not offsets_from_mask(mask, offsets)
    assert offsets.tolist() == [0, 2, 4]


def test_one_row_with_a_hole_among_many_prefixes_is_seen():
    mask = np.ones((50, 300), np.bool_)
    offsets = np.empty(51, np.int64)
    assert offsets_from_mask(mask, offsets)
    mask[33, 0] = False
    assert not offsets_from_mask(mask, offsets)
    assert offsets[-1] == 50 * 300 - 1


@settings(max_examples=150)
@given(st.lists(int64s, max_size=6), st.sampled_from([0, 4, 9, 2**63 - 1]))
def test_lengths_add_up_as_in_the_reference(lengths, width):
    expected, bad = reference.offsets_from_lengths(lengths, width)
    offsets = np.empty(len(lengths) + 1, np.int64)
    assert offsets_from_lengths(np.array(lengths, np.int64), width, offsets) == bad
    assert offsets[: len(expected)].tolist() == expected


@settings(max_examples=150)
@given(st.lists(int64s, min_size=1, max_size=6), st.integers(0, 12))
def test_bad_offsets_are_found_where_the_reference_finds_them(offsets, n_values):
    array = np.array(offsets, np.int64)
    assert first_bad_offset(array, n_values) == reference.first_bad_offset(offsets, n_values)


@given(st.lists(st.integers(0, 9), max_size=9))
def test_the_longest_row_is_the_longest(lengths):
    offsets = np.cumsum([0, *lengths]).astype(np.int64)
    assert longest_row(offsets) == reference.longest_row(offsets.tolist())


@pytest.mark.parametrize("width", [7, 8, 2040, 2041, 4099])
@pytest.mark.parametrize("value", [1, 2, 127, 128, 255])
def test_wide_rows_of_any_nonzero_byte(width, value):
    """Counting goes by words of eight bytes and lanes of 255 words: both have edges."""
    mask = np.full((3, width), value, np.uint8)
    mask[1, width // 2 :] = 0
    mask[2, ::3] = 0
    offsets = np.empty(4, np.int64)
    assert not kernels.offsets_from_mask(mask, offsets)
    assert offsets.tolist() == np.cumsum([0, *np.count_nonzero(mask, axis=1)]).tolist()
