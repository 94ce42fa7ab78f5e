import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from raggedh5.core.kept import check_offsets, kept_from_lengths, kept_from_mask, kept_groups
from raggedh5.errors import FormatError, SchemaError
from strategies import masks, sizes


@given(st.data())
def test_a_mask_is_held_only_where_it_says_more_than_the_offsets(data):
    mask = data.draw(masks(data.draw(sizes), data.draw(sizes)))
    kept = kept_from_mask(mask)
    offsets, prefix = reference.offsets_from_mask(mask)
    assert kept.offsets.tolist() == offsets
    assert (kept.rows, kept.width, kept.items) == (*mask.shape, offsets[-1])
    assert (kept.mask is None) == prefix
    assert prefix or np.shares_memory(kept.mask, mask)


@pytest.mark.parametrize(
    "mask", [np.ones((2, 3), "i8"), np.ones(3, "?"), np.ones((2, 3, 1), "?"), np.ones((2, 3), "f4")]
)
def test_masks_of_another_dtype_or_shape_are_refused(mask):
    with pytest.raises(SchemaError, match=r"mask must be bool of shape \(rows, width\)"):
        kept_from_mask(mask)


@pytest.mark.parametrize("dtype", ["i1", "u2", ">i4", "i8", "u8"])
def test_lengths_of_any_integer_dtype(dtype):
    kept = kept_from_lengths(np.array([2, 0, 3], dtype)[::-1], 3)
    assert kept.offsets.tolist() == [0, 3, 3, 5]
    assert (kept.items, kept.width, kept.mask) == (5, 3, None)


def test_no_lengths_at_all():
    assert kept_from_lengths([]).offsets.tolist() == [0]


@pytest.mark.parametrize(
    ("lengths", "width", "message"),
    [
        ([1, -2], None, "row 1: length -2 is negative"),
        ([1, 2, 9, 9], 8, "row 2: length 9 is too long for a width of 8"),
        (np.array([0, 2**64 - 1], "u8"), 5, "row 1: length .* is too long"),
        (np.array([2**63 - 1, 1]), None, "row 1: length 1 is too long"),
        ([1.0, 2.0], None, "must be integers"),
        ([[1, 2]], None, "must be integers of shape"),
    ],
)
def test_lengths_that_cannot_be(lengths, width, message):
    with pytest.raises(SchemaError, match=message):
        kept_from_lengths(lengths, width)


@given(st.data())
def test_groups_are_kept_where_any_item_is(data):
    rows, groups, items = (data.draw(sizes) for _ in range(3))
    folded = data.draw(masks(rows * groups, items))
    mask = folded.reshape(rows, groups, items)
    outer, inner = kept_groups(mask)
    kept = mask.any(axis=2)
    assert outer.offsets.tolist() == [0, *np.cumsum(kept.sum(axis=1))]
    assert np.diff(inner.offsets).tolist() == mask.sum(axis=2)[kept].tolist()
    assert (outer.items, inner.shape) == (inner.rows, mask.shape)


def test_empty_groups_are_kept_if_asked_for():
    mask = np.zeros((2, 3, 4), np.bool_)
    mask[0, 1, :2] = True
    outer, inner = kept_groups(mask, [[True, True, False], [False, False, True]])
    assert outer.offsets.tolist() == [0, 2, 3]
    assert inner.offsets.tolist() == [0, 0, 2, 2]
    with pytest.raises(SchemaError, match="row 0: group 1 is not kept"):
        kept_groups(mask, np.zeros((2, 3), np.bool_))
    with pytest.raises(SchemaError, match="2 x 3 groups"):
        kept_groups(mask, np.zeros((2, 4), np.bool_))


def test_offsets_that_can_be_followed():
    check_offsets(np.array([0, 2, 2, 5]), 5)
    check_offsets(np.array([0]), 0)
    check_offsets(np.array([0, 9, 2, 9])[::2], 2)


@pytest.mark.parametrize(
    ("offsets", "message"),
    [
        ([1, 2], "row 0: offsets 1:2 do not fit 5 values"),
        ([0, 3, 2], "row 1: offsets 3:2"),
        ([0, 3, 6], "row 1: offsets 3:6 do not fit 5 values"),
        ([-1], "row 0: offsets -1 do not fit"),
        ([0, 2**63 - 1, -(2**63)], "row 0"),
    ],
)
def test_offsets_that_cannot(offsets, message):
    with pytest.raises(FormatError, match=message):
        check_offsets(np.array(offsets, np.int64), 5)


@pytest.mark.parametrize("offsets", [np.empty(0, "i8"), np.zeros(2, "i4"), np.zeros((1, 2), "i8")])
def test_offsets_of_another_shape_or_dtype(offsets):
    with pytest.raises(FormatError, match="must be int64"):
        check_offsets(offsets, 5)
