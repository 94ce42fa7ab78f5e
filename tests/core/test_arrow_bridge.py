"""Ragged to and from Arrow: the same rows, in the same memory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raggedh5.core.ragged import Ragged
from raggedh5.errors import SchemaError
from samples import MISSING, NESTED, NESTED_WORDS, NO_WORDS, VECTORS, WORDS, address, listed
from strategies import FLOATS, INTEGERS, ragged_parts

pa = pytest.importorskip("pyarrow")

FULL_INNER = st.sampled_from([(), (2,), (2, 3), (1, 1)])


@settings(max_examples=60)
@given(ragged_parts(dtype=st.sampled_from(["?", *INTEGERS, *FLOATS]), inner=FULL_INNER))
def test_there_and_back_in_the_same_memory(parts):
    ragged = Ragged(*parts)
    array = ragged.to_arrow()
    array.validate(full=True)
    assert len(array) == len(ragged)
    back = Ragged.from_arrow(array)
    assert back.equals(ragged)
    if ragged.values.size and ragged.dtype.kind != "b":
        assert address(back.values) == address(ragged.values)


@pytest.mark.parametrize("ragged", [NESTED, NESTED_WORDS, WORDS, MISSING, VECTORS, NO_WORDS])
def test_lists_within_rows_strings_and_missing_items(ragged):
    array = ragged.to_arrow()
    assert array.to_pylist() == listed(ragged)
    assert Ragged.from_arrow(array).equals(ragged)


def test_types():
    assert WORDS.to_arrow().type == pa.large_list(pa.large_string())
    assert Ragged([b"a"], [0, 1]).to_arrow().type == pa.large_list(pa.large_binary())
    vectors = Ragged(np.zeros((3, 2, 4), "f4"), [0, 3]).to_arrow()
    assert vectors.type == pa.large_list(pa.list_(pa.list_(pa.float32(), 4), 2))


@pytest.mark.parametrize(
    "rows",
    [[[1, 2], [3], []], [[1.5, None]], [["a"], [None, "b"]], [[[1], []], []], [[True, None]]],
)
def test_arrays_that_arrow_made(rows):
    array = pa.array(rows)
    assert Ragged.from_arrow(array).to_list() == rows
    assert Ragged.from_arrow(array[1:]).to_list() == rows[1:]
    assert Ragged.from_arrow(pa.chunked_array([array, array])).to_list() == rows * 2


def test_lists_of_fixed_size():
    array = pa.array([[[1, 2], [3, 4]], [[5, 6]]], pa.list_(pa.list_(pa.int32(), 2)))
    assert Ragged.from_arrow(array[1:]).values.tolist() == [[5, 6]]
    square = pa.array([[1, 2], [3, 4], [5, 6]], pa.list_(pa.int32(), 2))[1:]
    assert Ragged.from_arrow(square).to_list() == [[3, 4], [5, 6]]


def test_dictionaries_and_times():
    words = pa.array([["a", "b", "a"]], pa.list_(pa.dictionary(pa.int8(), pa.string())))
    assert Ragged.from_arrow(words).to_list() == [["a", "b", "a"]]
    times = Ragged(np.array([1, 2], "M8[ms]"), [0, 2])
    assert Ragged.from_arrow(times.to_arrow()).equals(times)


@pytest.mark.parametrize("rows", [[1, 2], [[{"x": 1}]], [[1], None], ["ab"]])
def test_what_has_no_rows_of_items(rows):
    with pytest.raises(SchemaError):
        Ragged.from_arrow(pa.array(rows))


@pytest.mark.parametrize("values", [np.zeros(2, "c8"), np.zeros((2, 0))])
def test_what_arrow_does_not_have(values):
    with pytest.raises(SchemaError, match="Arrow has no"):
        Ragged(values, [0, 2]).to_arrow()
