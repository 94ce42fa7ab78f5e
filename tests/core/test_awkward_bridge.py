"""Ragged to and from Awkward: the same rows, in the same memory."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raggedh5.core.ragged import Ragged
from raggedh5.errors import SchemaError
from samples import MISSING, NESTED, NESTED_WORDS, NO_WORDS, VECTORS, WORDS, address, listed
from strategies import ragged_parts

ak = pytest.importorskip("awkward")

FULL_INNER = st.sampled_from([(), (2,), (2, 3), (1, 1)])


@settings(max_examples=60)
@given(ragged_parts(inner=FULL_INNER))
def test_there_and_back_in_the_same_memory(parts):
    ragged = Ragged(*parts)
    array = ragged.to_awkward()
    assert len(array) == len(ragged)
    back = Ragged.from_awkward(array)
    assert back.equals(ragged)
    if ragged.values.size:
        assert address(back.values) == address(ragged.values)


@pytest.mark.parametrize("ragged", [NESTED, NESTED_WORDS, WORDS, MISSING, VECTORS])
def test_lists_within_rows_strings_and_missing_items(ragged):
    array = ragged.to_awkward()
    assert array.to_list() == listed(ragged)
    assert Ragged.from_awkward(array).equals(ragged)


def test_types():
    assert str(WORDS.to_awkward().type) == "3 * var * ?string"
    assert str(NO_WORDS.to_awkward().type) == "1 * var * string"
    assert str(MISSING.to_awkward().type) == "2 * var * ?int64"
    assert str(VECTORS.to_awkward().type) == "2 * var * option[2 * float64]"
    assert str(Ragged([b"a"], [0, 1]).to_awkward().type) == "1 * var * bytes"


@pytest.mark.parametrize(
    "rows", [[[1, 2], [3]], [[1.5, None]], [["a"], [None, "b"]], [[[1], []], []], [[]]]
)
def test_arrays_that_awkward_made(rows):
    array = ak.Array(rows)
    assert Ragged.from_awkward(array).to_list() == rows
    assert Ragged.from_awkward(array[::-1]).to_list() == rows[::-1]
    assert Ragged.from_awkward(array[1:]).to_list() == rows[1:]


def test_regular_arrays():
    square = ak.Array(np.arange(12).reshape(3, 2, 2))
    assert Ragged.from_awkward(square).values.shape == (6, 2)
    assert Ragged.from_awkward(ak.to_regular(square, axis=1)).to_list() == square.to_list()


@pytest.mark.parametrize(
    "rows", [[1, 2], [[{"x": 1}]], [[1], None], [[1, "a"]], ["ab"], [[(1, 2)]]]
)
def test_what_has_no_rows_of_items(rows):
    with pytest.raises(SchemaError):
        Ragged.from_awkward(ak.Array(rows))
