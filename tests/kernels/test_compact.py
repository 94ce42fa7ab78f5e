import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
from raggedh5.kernels.compact import compact
from strategies import COMPLEX, FLOATS, INTEGERS, arrays, batches, masks, sizes, split_sizes

NO_LOOP = -2


def run(padded, mask, target=None, finite=False, sizes_of_pieces=None, cells=None):
    """Call the kernel as its caller does; return its answer and the values."""
    counts = np.count_nonzero(mask if cells is None else mask[cells], axis=1)
    offsets = np.cumsum([0, *counts]).astype(np.int64)
    prefix = reference.offsets_from_mask(mask)[1]
    values = np.zeros((offsets[-1], *padded.shape[2:]), target or padded.dtype)
    cuts = np.cumsum(sizes_of_pieces[:-1]) if sizes_of_pieces else []
    pieces = tuple(np.split(values, cuts))
    keep = None if prefix else mask.view(np.uint8)
    return compact(padded, offsets, keep, cells, pieces, finite), values


def packed_inner(padded):
    return padded[:1, :1].flags.c_contiguous


@settings(max_examples=300)
@given(st.data())
def test_kept_items_land_in_the_pieces_bit_for_bit(data):
    padded, mask = data.draw(batches())
    pieces = data.draw(split_sizes(int(mask.sum())))
    bad, values = run(padded, mask, sizes_of_pieces=pieces)
    if bad == NO_LOOP:
        assert padded.ndim > 2
        assert not values.any()
    else:
        assert bad == -1
        expected = [item for _, item in reference.kept_items(padded, mask)]
        assert values.tobytes() == b"".join(item.tobytes() for item in expected)


@pytest.mark.parametrize("inner", [1, 2, 4, 8, 12, 16, 24, 5, 32, 700])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95, 1.0])
def test_items_of_every_size_in_wide_rows(inner, share):
    rng = np.random.default_rng(inner)
    padded = rng.integers(0, 256, (9, 83, inner), np.uint8)
    mask = rng.random((9, 83)) < share
    for array in (padded, np.repeat(padded, 2, axis=1)[:, ::2]):
        total = int(mask.sum())
        pieces = [total // 3, 0, total - total // 3]
        bad, values = run(array, mask, sizes_of_pieces=pieces)
        assert bad == -1
        np.testing.assert_array_equal(values, padded[mask])


@settings(max_examples=60)
@given(st.data())
def test_cells_say_which_padded_rows_to_take(data):
    padded, mask = data.draw(batches(dtype=st.just("i4"), inner=st.sampled_from([(), (3,), (9,)])))
    padded = np.ascontiguousarray(padded)
    rows = st.lists(st.integers(0, len(mask) - 1), max_size=6) if len(mask) else st.just([])
    cells = np.array(data.draw(rows), np.int64)
    bad, values = run(padded, mask, cells=cells)
    assert bad == -1
    expected = [item for _, item in reference.kept_items(padded, mask, cells)]
    assert values.tobytes() == b"".join(item.tobytes() for item in expected)


@pytest.mark.parametrize("source", ["?", *INTEGERS])
@pytest.mark.parametrize("target", INTEGERS)
def test_integers_are_converted_or_the_first_row_that_does_not_fit_is_named(source, target):
    rng = np.random.default_rng(7)
    info = np.iinfo(target)
    edges = {-1, 0, 1, int(info.min), int(info.max), int(info.min) - 1, int(info.max) + 1}
    own = [0, 1] if source == "?" else [np.iinfo(source).min, np.iinfo(source).max]
    fits = [e for e in edges if own[0] <= e <= own[1]]
    found = set()
    for share in (0.0, 0.05):
        padded = rng.integers(0, 2, (6, 40, 2)).astype(source)
        extreme = rng.random(padded.shape) < share
        padded[extreme] = rng.choice(np.array(fits, object), extreme.sum()).astype(source)
        for mask in (rng.random((6, 40)) < 0.5, np.ones((6, 40), np.bool_)):
            bad, values = run(padded, mask, np.dtype(target))
            items = reference.kept_items(padded, mask)
            expected = reference.first_row_out_of_range(items, int(info.min), int(info.max))
            assert bad == expected
            found.add(bad >= 0)
            if bad == -1:
                np.testing.assert_array_equal(values, padded[mask])
    narrower = source != "?" and not (info.min <= own[0] and own[1] <= info.max)
    assert found == ({False, True} if narrower else {False})


@settings(max_examples=60)
@given(st.data())
def test_doubles_round_to_floats_unless_they_overflow(data):
    rows, width = data.draw(sizes), data.draw(sizes)
    floats = data.draw(arrays((rows, width), "f4"))
    floats[np.isnan(floats)] = np.nan  # a signalling one would warn
    padded = floats.astype("f8")
    mask = data.draw(masks(rows, width))
    bad, values = run(padded, mask, np.dtype("f4"))
    assert bad == -1
    np.testing.assert_array_equal(values, padded[mask].astype("f4"))
    if mask.any():
        row, item = data.draw(st.sampled_from(np.argwhere(mask).tolist()))
        padded[row, item] = data.draw(st.sampled_from([1e39, -3.5e38, 1.7e308]))
        assert run(padded, mask, np.dtype("f4"))[0] == row


def test_floats_widen_exactly():
    padded = np.array([[0.1, np.inf, np.nan, -0.0]], "f4")
    bad, values = run(padded, np.ones((1, 4), np.bool_), np.dtype("f8"))
    assert bad == -1
    np.testing.assert_array_equal(values, padded[0].astype("f8"))
    assert np.signbit(values[3])


@pytest.mark.parametrize("dtype", [*FLOATS, *COMPLEX])
@settings(max_examples=40)
@given(data=st.data())
def test_the_first_row_that_is_not_finite_is_named(dtype, data):
    padded, mask = data.draw(batches(dtype=st.just(dtype), inner=st.sampled_from([(), (3,)])))
    padded = np.ascontiguousarray(padded)
    expected = reference.first_row_not_finite(reference.kept_items(padded, mask))
    assert run(padded, mask, finite=True)[0] == expected


@pytest.mark.parametrize("dtype", [*FLOATS, *COMPLEX])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_only_kept_items_have_to_be_finite(dtype, value):
    padded = np.full((4, 5, 2), value, dtype)
    mask = np.zeros((4, 5), np.bool_)
    mask[1, 0] = mask[2, 3] = True
    padded[mask] = np.finfo(dtype).max
    assert run(padded, mask, finite=True)[0] == -1
    padded[2, 3, 1] = value
    assert run(padded, mask, finite=True)[0] == 2
    assert run(padded, mask)[0] == -1


def test_integers_are_always_finite():
    padded = np.full((2, 2), -1, "i4")
    assert run(padded, np.ones((2, 2), np.bool_), finite=True)[0] == -1


@pytest.mark.parametrize(
    ("source", "target"),
    [("f4", "i4"), ("i4", "f4"), ("f8", "f2"), ("c16", "c8"), ("i4", "?"), (">i4", "<i8")],
)
def test_what_has_no_loop_is_left_untouched(source, target):
    bad, values = run(np.ones((2, 3), source), np.ones((2, 3), np.bool_), np.dtype(target))
    assert bad == NO_LOOP
    assert not values.any()


def test_references_are_never_copied_as_bytes():
    padded = np.array([["a", "b"]], object)
    assert run(padded, np.ones((1, 2), np.bool_))[0] == NO_LOOP


def test_a_mask_that_keeps_fewer_items_than_were_counted_is_no_way_out_of_the_row():
    padded = np.arange(12, dtype="i4").reshape(2, 6)
    offsets = np.array([0, 4, 8], np.int64)
    mask = np.array([[1, 0, 1, 1, 1, 0], [1, 0, 0, 0, 0, 0]], np.uint8)
    for inner in (padded, np.repeat(padded[..., None], 9, axis=2)):
        values = np.full((8, *inner.shape[2:]), -1, "i4")
        assert compact(inner, offsets, mask, None, (values,), False) == 1
        assert (values[:4] == inner[0][mask[0] != 0]).all()


def test_a_mask_that_keeps_more_items_than_were_counted_writes_no_more_than_were():
    padded = np.arange(12, dtype="i4").reshape(2, 6)
    offsets = np.array([0, 3, 5], np.int64)
    mask = np.array([[0, 1, 1, 1, 1, 0], [1, 0, 1, 1, 1, 1]], np.uint8)
    for inner in (padded, np.repeat(padded[..., None], 9, axis=2)):
        buffer = np.full((9, *inner.shape[2:]), -1, "i4")
        assert compact(inner, offsets, mask, None, (buffer[:5],), False) == -1
        assert (buffer[:5] == inner[[0, 0, 0, 1, 1], [1, 2, 3, 0, 2]]).all()
        assert (buffer[5:] == -1).all()


def test_offsets_may_begin_in_the_midst_of_a_batch():
    padded = np.arange(8, dtype="i4").reshape(2, 4)
    values = np.empty(4, "i4")
    assert compact(padded, np.array([4, 6, 8]), None, None, (values,), False) == -1
    assert values.tolist() == [0, 1, 4, 5]
