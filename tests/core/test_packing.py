from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raggedh5.core.kept import kept_from_lengths, kept_from_mask, kept_groups
from raggedh5.core.packing import pack, pack_into
from raggedh5.core.scattering import gather, scatter, scatter_into
from raggedh5.errors import FormatError, SchemaError
from strategies import batches, masks, ragged_parts, sizes, split_sizes


@settings(max_examples=200)
@given(st.data())
def test_packing_is_what_a_boolean_index_does(data):
    padded, mask = data.draw(batches())
    if data.draw(st.booleans()):
        padded = padded.astype(padded.dtype.newbyteorder(">"))
    values, offsets = pack(padded, mask=mask)
    assert values.tobytes() == padded[mask].astype(values.dtype).tobytes()
    assert values.dtype.isnative
    assert offsets.tolist() == [0, *np.cumsum(mask.sum(axis=1))]


@given(st.data())
def test_pieces_are_filled_one_after_the_other(data):
    padded, mask = data.draw(batches())
    kept = kept_from_mask(mask)
    values = np.zeros((kept.items, *padded.shape[2:]), padded.dtype)
    cuts = np.cumsum(data.draw(split_sizes(kept.items)))[:-1]
    pack_into(kept, padded, np.split(values, cuts))
    assert values.tobytes() == padded[mask].tobytes()


def test_many_blocks_of_an_awkward_layout(monkeypatch):
    monkeypatch.setattr("raggedh5.core.packing._BLOCK_BYTES", 100)
    rng = np.random.default_rng(3)
    padded = np.moveaxis(rng.random((3, 20, 7)), 0, -1)
    for mask in (rng.random((20, 7)) < 0.6, np.arange(7) < rng.integers(0, 8, (20, 1))):
        kept = kept_from_mask(mask)
        values = np.zeros((kept.items, 3))
        pack_into(kept, padded, [values[:5], values[5:5], values[5:40], values[40:]])
        np.testing.assert_array_equal(values, padded[mask])


@settings(max_examples=60)
@given(st.data())
def test_two_levels_pack_to_the_items_of_kept_groups(data):
    rows, groups, items = (data.draw(sizes) for _ in range(3))
    mask = data.draw(masks(rows * groups, items)).reshape(rows, groups, items)
    padded = np.arange(mask.size * 2.0).reshape(*mask.shape, 2)
    if data.draw(st.booleans()):
        padded = np.asfortranarray(padded)
    outer, inner = kept_groups(mask)
    values = np.zeros((inner.items, 2))
    pack_into(inner, padded, [values])
    np.testing.assert_array_equal(values, padded[mask])
    heads = np.zeros((outer.items, 2), "f4")
    pack_into(outer, padded[:, :, 0] if items else np.zeros((rows, groups, 2)), [heads])
    assert len(heads) == inner.rows


def test_lengths_without_a_width_take_any_width_that_is_enough():
    kept = kept_from_lengths([2, 0, 1])
    for width in (2, 5):
        values = np.zeros(3)
        pack_into(kept, np.arange(3.0 * width).reshape(3, width), [values])
        assert values.tolist() == [0, 1, 2 * width]
    with pytest.raises(SchemaError, match="'x', row 0: 2 items do not fit a width of 1"):
        pack_into(kept, np.zeros((3, 1)), [np.zeros(3)], name="x")


@pytest.mark.parametrize("shape", [(3, 4), (2, 5), (2,), (), (2, 4, 1)])
def test_a_column_of_another_shape_is_refused(shape):
    kept = kept_from_mask(np.ones((2, 4), np.bool_))
    with pytest.raises(SchemaError, match="column 'coords'"):
        pack_into(kept, np.zeros(shape), [np.zeros(8)], name="coords")


def test_pieces_that_do_not_fit_are_refused():
    kept = kept_from_mask(np.ones((2, 4), np.bool_))
    with pytest.raises(SchemaError, match="room for 7 items, but 8 are kept"):
        pack_into(kept, np.zeros((2, 4)), [np.zeros(3), np.zeros(4)])
    with pytest.raises(SchemaError, match="C-contiguous"):
        pack_into(kept, np.zeros((2, 4)), [np.zeros(16)[::2]])
    with pytest.raises(SchemaError, match="of one dtype"):
        pack_into(kept, np.zeros((2, 4)), [np.zeros(4), np.zeros(4, "f4")])
    frozen = np.zeros(8)
    frozen.flags.writeable = False
    with pytest.raises(SchemaError, match="writable"):
        pack_into(kept, np.zeros((2, 4)), [frozen])


@pytest.mark.parametrize(
    ("value", "target"),
    [
        (np.int64(2**31), "i4"),
        (np.int64(-1), "u8"),
        (np.float64(1e39), "f4"),
        (np.float64(1e6), "f2"),
        (np.int32(70000), "f2"),
        (np.complex128(1e39), "c8"),
        (np.datetime64(1, "ms"), "M8[s]"),
        (np.str_("abc"), "U2"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_row(value, target):
    padded = np.zeros((4, 3, 2), value.dtype)
    padded[2, 1, 1] = value
    mask = np.ones((4, 3), np.bool_)
    mask[0, 0] = False
    kept = kept_from_mask(mask)
    pieces = [np.zeros((5, 2), target), np.zeros((6, 2), target)]
    with pytest.raises(SchemaError, match=r"column 'z', row 2: .* does not fit") as caught:
        pack_into(kept, padded, pieces, name="z")
    assert str(caught.value).endswith(str(np.dtype(target)))
    mask[2, 1] = False
    pack_into(kept_from_mask(mask), padded, [np.zeros((10, 2), target)], name="z")


@pytest.mark.parametrize(
    ("source", "target"), [("f8", "i8"), ("c16", "f8"), ("i8", "?"), ("U3", "f8"), ("O", "f8")]
)
def test_values_of_another_meaning_are_refused(source, target):
    kept = kept_from_lengths([1], 1)
    with pytest.raises(SchemaError, match=r"column 'n': .* cannot be stored as"):
        pack_into(kept, np.zeros((1, 1), source), [np.zeros(1, target)], name="n")


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "c8", ">f8", "g"])
@pytest.mark.parametrize("target", [None, "c16"])
def test_infinite_values_are_refused_where_finite_ones_are_wanted(dtype, target):
    padded = np.full((3, 4), np.nan, dtype)
    kept = kept_from_lengths([1, 2, 1], 4)
    padded[np.arange(4) < np.diff(kept.offsets)[:, None]] = 1
    pieces = [np.zeros(4, target or np.dtype(dtype).newbyteorder("="))]
    if pieces[0].dtype == "c16" and dtype == "g":
        pieces = [np.zeros(4, "G")]
    pack_into(kept, padded, pieces, finite=True)
    padded[1, 1] = np.inf
    pack_into(kept, padded, pieces)
    with pytest.raises(SchemaError, match=r"column 'e', row 1: .*inf.* is not finite"):
        pack_into(kept, padded, pieces, finite=True, name="e")


def test_the_first_bad_row_of_two_levels_is_a_row_of_the_batch():
    mask = np.ones((3, 2, 2), np.bool_)
    padded = np.zeros((3, 2, 2))
    padded[1, 1, 0] = np.nan
    _, inner = kept_groups(mask)
    with pytest.raises(SchemaError, match="row 1: nan is not finite"):
        pack_into(inner, padded, [np.zeros(12)], finite=True)


def test_strings_are_packed_too():
    words = np.array([["C", "Br", ""], ["N", "", ""]])
    for padded in (words, words.astype(object), words.astype(np.dtypes.StringDType())):
        values, _ = pack(padded, lengths=[2, 1])
        assert values.tolist() == ["C", "Br", "N"]
        assert values.dtype == padded.dtype
        values, _ = pack(padded, mask=[[False, True, False], [True, False, False]])
        assert values.tolist() == ["Br", "N"]


def test_structured_and_misaligned_arrays():
    record = np.zeros((2, 3), [("a", "i1"), ("b", "f8")])
    record["b"] = np.arange(6).reshape(2, 3)
    values, _ = pack(record["b"], lengths=[3, 1], dtype="f4")
    assert values.tolist() == [0, 1, 2, 3]
    values, _ = pack(record, lengths=[1, 1])
    assert values["b"].tolist() == [0, 3]


def test_pack_wants_a_mask_or_lengths():
    for arguments in ({}, {"mask": [[True]], "lengths": [1]}):
        with pytest.raises(SchemaError, match="either a mask or lengths"):
            pack([[1]], **arguments)
    with pytest.raises(SchemaError, match=r"\(rows, width, ...\)"):
        pack([1], lengths=[1])


@settings(max_examples=100)
@given(ragged_parts(), st.data())
def test_gathering_and_scattering_rows_in_any_order(parts, data):
    values, offsets = parts
    rows = len(offsets) - 1
    picks = data.draw(st.lists(st.integers(-rows, rows - 1), max_size=9)) if rows else []
    flat, bounds = gather(values, offsets[:-1][picks], offsets[1:][picks])
    padded, mask = scatter(values, offsets, picks)
    assert flat.tobytes() == padded[mask].tobytes()
    assert not np.asarray(padded[~mask]).any()
    expected = [values[offsets[:-1][k] : offsets[1:][k]].tobytes() for k in picks]
    assert [flat[a:b].tobytes() for a, b in pairwise(bounds)] == expected
    np.testing.assert_array_equal(mask.sum(axis=1), np.diff(bounds))


@given(st.data())
def test_packing_undoes_scattering(data):
    values, offsets = data.draw(ragged_parts())
    padded, mask = scatter(values, offsets)
    back, bounds = pack(padded, mask=mask)
    assert back.tobytes() == values.tobytes()
    assert bounds.tolist() == offsets.tolist()


def test_what_goes_where_there_is_no_item():
    values, offsets = np.arange(6.0).reshape(3, 2), np.array([0, 1, 3])
    padded, _ = scatter(values, offsets, fill=np.nan)
    assert np.isnan(padded[0, 1]).all()
    padded, _ = scatter(values, offsets, fill=[7, 8], width=4)
    assert padded[0].tolist() == [[0, 1], [7, 8], [7, 8], [7, 8]]
    padded, mask = scatter(np.array(["a", "b"], object), np.array([0, 0, 2]), fill="?")
    assert padded.tolist() == [["?", "?"], ["a", "b"]]
    assert mask.tolist() == [[False, False], [True, True]]


def test_rows_that_do_not_fit_or_do_not_exist():
    values, offsets = np.arange(5), np.array([0, 1, 4, 5])
    with pytest.raises(SchemaError, match="row 1: 3 items do not fit a width of 2"):
        scatter(values, offsets, width=2)
    for rows in ([0, 3], [-4], [True, False], [0.5], [[0]]):
        with pytest.raises(IndexError):
            scatter(values, offsets, rows)
    with pytest.raises(FormatError, match="row 2"):
        scatter(values[:4], offsets)
    with pytest.raises(SchemaError, match="row 0: items 3:6 are not within 5 values"):
        gather(values, np.array([3]), np.array([6]))
    with pytest.raises(SchemaError, match="row 1: items 2:1"):
        gather(values, np.array([0, 2]), np.array([1, 1]))


def test_scattering_into_arrays_that_exist():
    values = np.arange(5, dtype="i4")
    out, mask = np.full((2, 3), -1, "i4"), np.ones((2, 3), np.bool_)
    scatter_into(values, np.array([3, 0]), np.array([2, 1]), out, mask)
    assert out.tolist() == [[3, 4, 0], [0, 0, 0]]
    assert mask.tolist() == [[True, True, False], [True, False, False]]
    for wrong in (out[:1], out.astype("f4"), out.T, np.zeros((2, 3, 1), "i4")):
        with pytest.raises(SchemaError, match="do not go to"):
            scatter_into(values, np.array([3, 0]), np.array([2, 1]), wrong, mask)
