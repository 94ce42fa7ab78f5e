from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference_strings as reference
from raggedh5.core.dictionary import Dictionary
from raggedh5.core.kept import kept_from_lengths
from raggedh5.errors import FormatError, SchemaError

ROWS = [["C", "H", "x"], ["O", "H", "é"]]


def as_kinds(rows):
    """The same strings from every kind of source."""
    return (
        rows,
        np.array(rows),
        np.array(rows, object),
        np.array(rows, np.dtypes.StringDType()),
        np.char.encode(np.array(rows), "utf-8"),
    )


def test_codes_are_the_same_from_every_source():
    known = Dictionary()
    for rows in as_kinds(ROWS):
        codes = known.encode(rows, lengths=[2, 3])
        assert codes.dtype == np.int32
        assert codes.tolist() == [0, 1, 2, 1, 3]
    assert known.categories == ["C", "H", "O", "é"]
    assert len(known) == 4


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from(["", "a", "é", "b" * 9, "c" * 20, None])), max_size=4))
def test_against_a_list(batches):
    known, categories = Dictionary(), []
    for batch in batches:
        expected = reference.encode_codes(categories, batch)
        assert known.encode(batch, nullable=True).tolist() == expected.tolist()
    assert known.categories == categories
    data, offsets, _ = reference.encode_items(categories)
    assert known.data.tobytes() == data
    assert known.offsets.tolist() == offsets


def test_begin_with_categories():
    known = Dictionary(["H", "C"])
    assert known.encode(["C", "N"]).tolist() == [1, 2]
    data, offsets = known.since(0)
    assert Dictionary.from_bytes(data, offsets).categories == ["H", "C", "N"]
    with pytest.raises(SchemaError, match="row 3 is the same as row 1"):
        Dictionary(["a", "b", "c", "b"])
    with pytest.raises(SchemaError, match="column 'categories', row 0: a null"):
        Dictionary([None])
    with pytest.raises(FormatError, match="row 0"):
        Dictionary.from_bytes(np.frombuffer(b"\xff", "u1"), np.array([0, 1]))


@pytest.mark.parametrize("bad", [None, 5, "\ud800", b"\xff", ["H"]])
def test_a_refused_batch_leaves_no_trace(bad):
    known = Dictionary(["C"])
    before = known.since(0)
    with pytest.raises(SchemaError, match="column 'sym', row 1, item 1"):
        known.encode([["N", "O"], ["S", bad]], name="sym")
    assert len(known) == 1
    assert [part.tolist() for part in known.since(0)] == [part.tolist() for part in before]
    assert known.encode(["O", "C"]).tolist() == [1, 0]


def test_rollback():
    known = Dictionary(["C"])
    mark = known.mark()
    first = known.encode([f"label {i}" for i in range(1000)])
    data, offsets = known.since(mark)
    assert data[: offsets[1]].tobytes() == b"label 0"
    assert len(offsets) == 1001
    known.rollback(mark)
    assert known.categories == ["C"]
    assert known.encode(["label 5", "C"]).tolist() == [1, 0]
    assert first[5] == 6
    known.rollback(len(known))
    for mark in (-1, 3):
        with pytest.raises(ValueError, match=f"mark {mark} is not between 0 and 2"):
            known.rollback(mark)
        with pytest.raises(ValueError, match="mark"):
            known.since(mark)


def test_limit():
    known = Dictionary(limit=2)
    assert known.encode(["a", "b", "a"]).tolist() == [0, 1, 0]
    with pytest.raises(SchemaError, match="column 'c', row 2: too many distinct strings"):
        known.encode(["a", "b", "c"], name="c")
    assert known.categories == ["a", "b"]
    for limit in (-1, 2**31):
        with pytest.raises(SchemaError, match="limit"):
            Dictionary(limit=limit)


def test_into_pieces():
    known = Dictionary()
    codes = np.full(7, 99, np.int32)
    pieces = [codes[:1], codes[1:1], codes[1:4], codes[4:5]]
    known.coding(pieces, ROWS, kept=kept_from_lengths([2, 3])).finish()
    assert codes.tolist() == [0, 1, 2, 1, 3, 99, 99]
    known.coding([], []).finish()
    with pytest.raises(SchemaError, match="room for 4 items, 5 are kept"):
        known.coding([codes[:4]], ROWS, kept=kept_from_lengths([2, 3]))
    for piece in (codes[::2], codes[:4].astype("i8"), codes[:4].reshape(2, 2)):
        with pytest.raises(SchemaError, match="contiguous int32"):
            known.coding([piece], ["C"] * len(piece))
    with pytest.raises(SchemaError, match="row 2"):
        known.coding([codes[:3]], ["new", "newer", None]).finish()
    assert len(known) == 4


def test_from_many_threads():
    known = Dictionary()
    batches = [
        np.array([f"label {i * 7 % 50 + shift}" for i in range(2000)])
        for shift in range(0, 400, 25)
    ]
    with ThreadPoolExecutor(4) as threads:
        codes = list(threads.map(known.encode, batches))
    categories = np.array(known.categories)
    assert len(set(categories)) == len(categories)
    for batch, found in zip(batches, codes, strict=True):
        assert (categories[found] == batch).all()
