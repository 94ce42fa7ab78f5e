"""Chunks are neither huge nor tiny, and are full after a flush."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raggedh5.formats.trajectory.writing.chunk_plan import LEAST, TARGET, frames_per_chunk

flushed = st.integers(1, 20000)


@given(st.integers(0, 1 << 26), flushed, st.none() | st.integers(1, 1 << 30))
def test_chunks_of_any_row(row_bytes, flushed, estimated):
    frames = frames_per_chunk(row_bytes, flushed, estimated)
    assert frames >= 1
    assert frames == 1 or row_bytes * frames <= max(2 * TARGET, row_bytes)
    if estimated is not None:
        assert frames <= estimated


@given(st.integers(1, 1 << 19), st.integers(1, 2000))
def test_chunks_are_not_tiny(row_bytes, flushed):
    frames = frames_per_chunk(row_bytes, flushed)
    assert row_bytes * frames >= min(LEAST, TARGET // 4)


@given(st.integers(1, 1 << 19), st.integers(1, 2000))
def test_small_flushes_fill_chunks(row_bytes, flushed):
    """So many of them make a chunk that none is stored twice for long."""
    frames = frames_per_chunk(row_bytes, flushed)
    if row_bytes * flushed <= TARGET:
        assert frames % flushed == 0


@pytest.mark.parametrize(
    ("arguments", "frames"),
    [
        ((2400, 500), 250),
        ((2400, 500, 100), 100),
        ((2400, 500, 0), 250),
        ((8, 500), 2500),
        ((8, 1), 2048),
        ((1 << 19, 500), 1),
        ((1 << 22, 1), 1),
    ],
)
def test_examples(arguments, frames):
    assert frames_per_chunk(*arguments) == frames
