import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raggedh5.core.chunks import ALIGNMENT, LARGEST, plan_grid, plan_length
from raggedh5.errors import SchemaError

accesses = st.sampled_from(["scan", "random"])


@given(st.integers(0, 10**7), st.integers(1, 1 << 24), accesses)
def test_a_chunk_is_at_most_what_is_aimed_at(itemsize, target, access):
    length = plan_length(itemsize, target=target, access=access)
    assert length >= 1
    assert length == 1 or length * max(itemsize, 1) <= target
    assert length * itemsize <= LARGEST


@given(st.sampled_from([1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64]))
def test_usual_chunks_are_whole_blocks(itemsize):
    assert plan_length(itemsize) * itemsize % ALIGNMENT == 0


@given(
    st.lists(st.integers(0, 5000), min_size=1, max_size=5), st.sampled_from([1, 2, 8, 16]), accesses
)
def test_a_grid_fits_the_shape(shape, itemsize, access):
    chunks = plan_grid(tuple(shape), itemsize, access=access)
    assert len(chunks) == len(shape)
    assert all(1 <= c <= max(n, 1) for c, n in zip(chunks[1:], shape[1:], strict=True))
    assert itemsize * math.prod(chunks) <= max(1 << 19, itemsize)
    whole = itemsize * math.prod(max(n, 1) for n in shape[1:])
    if whole <= 1 << 16:
        assert list(chunks[1:]) == [max(n, 1) for n in shape[1:]]


def test_what_fits_no_chunk_is_refused():
    for call in (
        lambda: plan_length(LARGEST + 1),
        lambda: plan_length(8, target=0),
        lambda: plan_length(8, target=-5),
    ):
        with pytest.raises(SchemaError):
            call()
