import copy
import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raggedh5.core.ragged import Ragged
from raggedh5.errors import SchemaError
from strategies import batches, dtypes, masks, ragged_parts, sizes


@st.composite
def raggeds(draw, dtype=dtypes, levels=None):
    """Ragged arrays of one level or two."""
    values, offsets = draw(ragged_parts(dtype=dtype))
    ragged = Ragged(values, offsets)
    if draw(st.booleans()) if levels is None else levels == 2:
        lengths = draw(st.lists(st.integers(0, len(ragged)), max_size=3))
        outer = np.minimum(np.cumsum([0, *lengths]), len(ragged))
        ragged = Ragged(ragged, outer)
    return ragged


def rows_of(ragged):
    """Return the bytes of each row, or of each list in it: equal only if the rows are."""
    return [rows_of(row) if isinstance(row, Ragged) else row.tobytes() for row in ragged]


@given(ragged_parts())
def test_rows_are_views(parts):
    values, offsets = parts
    ragged = Ragged(values, offsets)
    assert ragged.offsets is offsets
    assert ragged.values is values
    assert len(ragged) == len(offsets) - 1
    assert ragged.lengths.tolist() == np.diff(offsets).tolist()
    assert ragged.dtype == values.dtype
    assert ragged.nbytes == values.nbytes + offsets.nbytes
    for row, (start, stop) in enumerate(pairwise(offsets)):
        assert ragged[row].tobytes() == values[start:stop].tobytes()
        assert ragged[row].shape == (stop - start, *values.shape[1:])
        assert not ragged[row].size or np.shares_memory(ragged[row], values)


@settings(max_examples=150)
@given(raggeds(), st.data())
def test_indexing_is_that_of_a_list(ragged, data):
    rows = rows_of(ragged)
    bound = st.none() | st.integers(-12, 12)
    step = st.none() | st.sampled_from([1, 2, -1, -3])
    part = slice(data.draw(bound), data.draw(bound), data.draw(step))
    assert rows_of(ragged[part]) == rows[part]
    assert ragged[part].offsets[0] == 0
    assert len(ragged[part].values) == ragged[part].offsets[-1]
    numbers = st.lists(st.integers(-len(rows), len(rows) - 1)) if rows else st.just([])
    picks = data.draw(numbers)
    assert rows_of(ragged[picks]) == [rows[k] for k in picks]
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))), "?")
    assert rows_of(ragged[mask]) == [row for row, kept in zip(rows, mask, strict=True) if kept]


def test_a_slice_shares_its_values():
    ragged = Ragged(np.arange(6), [0, 2, 3, 6])
    tail = ragged[1:]
    assert np.shares_memory(tail.values, ragged.values)
    assert tail.offsets.tolist() == [0, 1, 4]
    tail[0][:] = -1
    assert ragged[1].tolist() == [-1]


@pytest.mark.parametrize("row", [3, -4, [3], [-4], [True, False], [0.5], (0, 1, 5)])
def test_rows_that_do_not_exist(row):
    with pytest.raises(IndexError):
        Ragged(np.arange(6), [0, 2, 3, 6])[row]


@pytest.mark.parametrize("row", ["a", 1.0, None, True])
def test_what_is_no_row_number(row):
    with pytest.raises((TypeError, IndexError)):
        Ragged(np.arange(6), [0, 2, 3, 6])[row]


@pytest.mark.parametrize(
    ("offsets", "message"),
    [
        ([1, 2], "row 0"),
        ([0, 2, 1], "row 1: offsets 2:1 do not fit 3 values"),
        ([0, 4], "row 0: offsets 0:4"),
        ([], "must be"),
        ([[0, 1]], "must be int64"),
        ([0.0, 1.0], "must be integers"),
        (np.array([0, 1], "u8"), "must be integers"),
    ],
)
def test_offsets_that_cannot_be_followed(offsets, message):
    with pytest.raises(SchemaError, match=message):
        Ragged(np.arange(3), offsets)


def test_values_behind_the_last_row_are_left_out():
    ragged = Ragged(np.arange(9), np.array([0, 2, 3], "i4"))
    assert ragged.values.tolist() == [0, 1, 2]
    assert ragged.offsets.dtype == np.int64


@settings(max_examples=150)
@given(st.data())
def test_padding_and_back(data):
    padded, mask = data.draw(batches())
    ragged = Ragged.from_padded(padded, mask=mask)
    width = mask.shape[1]
    again, kept = ragged.to_padded(width=width)
    assert again.shape == padded.shape
    assert again[kept].tobytes() == padded[mask].tobytes()
    assert Ragged.from_padded(again, lengths=mask.sum(axis=1)).equals(ragged)
    narrow, _ = ragged.to_padded()
    assert narrow.shape[1] == mask.sum(axis=1).max(initial=0)


@settings(max_examples=60)
@given(st.data())
def test_padding_two_levels_and_back(data):
    rows, groups, items = (data.draw(sizes) for _ in range(3))
    mask = data.draw(masks(rows * groups, items)).reshape(rows, groups, items)
    padded = np.arange(mask.size * 2).reshape(*mask.shape, 2)
    ragged = Ragged.from_padded(padded, mask=mask, dtype="i4")
    assert ragged.dtype == np.int32
    assert ragged.values.values.tolist() == padded[mask].tolist()
    again, kept = ragged.to_padded(width=(groups, items), fill=-1)
    assert again.shape == padded.shape
    assert (again[~kept] == -1).all()
    assert Ragged.from_padded(again, mask=kept).to_list() == ragged.to_list()
    with pytest.raises(SchemaError, match="row"):
        Ragged([1, 2], [0, 2]).to_padded(width=1)


@pytest.mark.parametrize(
    ("rows", "dtype", "inner"),
    [
        ([[1, 2], [], [3]], "i8", ()),
        ([[1, 2.5], []], "f8", ()),
        ([[], []], "f8", ()),
        ([], "f8", ()),
        ([[[1, 2], [3, 4]], [], [[5, 6]]], "i8", (2,)),
        ([np.zeros((2, 3), "f4"), np.zeros((0, 3), "f4")], "f4", (3,)),
        ([np.zeros(2, "i4"), [1, 2], ()], "i8", ()),
        ([np.zeros(0, "i4"), []], "i4", ()),
        ([np.zeros(0, "i4"), [], [[1, 2]]], "i8", (2,)),
        ([[True], [False, True]], "?", ()),
        ([["H", "He"], [None]], "O", ()),
        ([np.array(["H", "He"]), np.array(["Lithium"])], "U7", ()),
    ],
)
def test_lists_of_every_kind(rows, dtype, inner):
    ragged = Ragged.from_lists(rows)
    assert ragged.dtype == np.dtype(dtype)
    assert ragged.values.shape[1:] == inner
    assert ragged.to_list() == [
        row.tolist() if isinstance(row, np.ndarray) else list(row) for row in rows
    ]


def test_lists_of_lists():
    rows = [[[1], [2, 3]], [], [[], [4]]]
    ragged = Ragged.from_lists(rows, dtype="f4", levels=2)
    assert ragged.to_list() == rows
    assert ragged.dtype == np.float32
    assert ragged[0].to_list() == rows[0]
    assert ragged[2][1].tolist() == [4]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1], 2], "row 1 is int"),
        ([["a"], "b"], "row 1 is str"),
        ([[1, "a"]], "1 among strings"),
        ([[[1], [2, 3]]], "levels=2"),
        ([[{}]], "neither numbers nor strings"),
        ([np.zeros((2, 3)), np.zeros((1, 2))], "different shapes"),
    ],
)
def test_lists_without_a_common_item(rows, message):
    with pytest.raises(SchemaError, match=message):
        Ragged.from_lists(rows)


@given(st.lists(raggeds(dtype=st.just("f4"), levels=2), min_size=1, max_size=4))
def test_concatenating_two_levels(parts):
    if len({part.values.values.shape[1:] for part in parts}) > 1:
        with pytest.raises(SchemaError, match="different shapes"):
            Ragged.concatenate(parts)
    else:
        joined = Ragged.concatenate(parts)
        assert rows_of(joined) == [row for part in parts for row in rows_of(part)]


def test_what_cannot_be_concatenated():
    flat = Ragged([1], [0, 1])
    for parts in ([], [flat, Ragged(flat, [0, 1])]):
        with pytest.raises(SchemaError):
            Ragged.concatenate(parts)
    assert Ragged.concatenate([flat, Ragged([0.5], [0, 1])]).dtype == np.float64


@given(raggeds())
def test_copies_and_pickles_are_equal(ragged):
    assert copy.copy(ragged).values is ragged.values
    for other in (copy.deepcopy(ragged), pickle.loads(pickle.dumps(ragged))):
        assert ragged.equals(other)
        assert rows_of(other) == rows_of(ragged)
        assert other.offsets is not ragged.offsets


def test_equality_looks_at_dtype_shape_and_rows():
    ragged = Ragged(np.array([1, np.nan, 3], "f4"), [0, 2, 3])
    assert ragged.equals(Ragged(ragged.values.copy(), [0, 2, 3]))
    assert not ragged.equals(Ragged(ragged.values, [0, 1, 3]))
    assert not ragged.equals(Ragged(ragged.values.astype("f8"), [0, 2, 3]))
    assert not ragged.equals(Ragged(ragged.values[:, None], [0, 2, 3]))
    assert not ragged.equals(Ragged(np.array([1, np.nan, 4], "f4"), [0, 2, 3]))
    assert not ragged.equals([[1, 2], [3]])
    nested = Ragged(ragged, [0, 2])
    assert not nested.equals(Ragged(ragged.values, [0, 2]))
    assert not Ragged(ragged.values, [0, 2]).equals(nested)
    assert ragged != Ragged(ragged.values, ragged.offsets)


def test_repr_says_how_much_there_is():
    ragged = Ragged(np.zeros((5, 3), "f4"), [0, 2, 5])
    assert repr(ragged) == "Ragged(2 rows, 5 items of float32 (3,))"
    assert repr(Ragged(ragged, [0, 2])) == "Ragged(1 rows, 2 lists of 5 items of float32 (3,))"


@pytest.mark.parametrize("dtype", ["U3", "S3", "O", np.dtypes.StringDType()])
def test_strings(dtype):
    words = np.array(["C", "Br", "N"]).astype(dtype)
    ragged = Ragged(words, [0, 2, 2, 3])
    assert ragged[[2, 0]].to_list() == [words[2:].tolist(), words[:2].tolist()]
    padded, mask = ragged.to_padded()
    empty = b"" if dtype == "S3" else ""
    assert padded.tolist() == [words[:2].tolist(), [empty, empty], [words[2], empty]]
    assert Ragged.from_padded(padded, mask=mask).equals(ragged)
    assert Ragged.concatenate([ragged[:1], ragged[1:]]).equals(ragged)
    assert pickle.loads(pickle.dumps(ragged)).equals(ragged)


def test_missing_items():
    ragged = Ragged(np.ma.MaskedArray([1, 2, 3], [False, True, False]), [0, 2, 3])
    assert ragged.to_list() == [[1, None], [3]]
    assert ragged[[1, 0]].to_list() == [[3], [1, None]]
    padded, mask = ragged.to_padded()
    assert padded.tolist() == [[1, None], [3, 0]]
    assert mask.tolist() == [[True, True], [True, False]]
    assert Ragged.concatenate([ragged[:1], ragged[1:]]).equals(ragged)
    assert not ragged.equals(Ragged(ragged.values.data, ragged.offsets))


def test_other_values_in_the_same_rows():
    ragged = Ragged(np.array([1, 2, 3, 99]), [0, 2, 2, 3])
    other = ragged.with_values([[1.5, 0], [2, 0], [3, 0]])
    assert other.offsets is ragged.offsets
    assert other.to_list() == [[[1.5, 0], [2, 0]], [], [[3, 0]]]
    nested = ragged.with_values(Ragged(np.arange(4), [0, 1, 1, 4]))
    assert nested.to_list() == [[[0], []], [], [[1, 2, 3]]]
    for values in (np.zeros(2), np.zeros(4), 1.0, Ragged(np.arange(4), [0, 4])):
        with pytest.raises(SchemaError, match="3 values are wanted, not"):
            ragged.with_values(values)
