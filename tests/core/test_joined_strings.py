from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raggedh5.core.batch import Batch
from raggedh5.core.cursors import packing_of
from raggedh5.core.dictionary import Dictionary
from raggedh5.core.joined_strings import Joined
from raggedh5.core.kept import kept_from_lengths
from raggedh5.core.strings import Encoding, encode
from raggedh5.errors import SchemaError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PLAIN = Batch({"x": np.zeros(1)}, ragged=False)


def decoded(data, offsets):
    return [data[a:b].tobytes().decode() for a, b in pairwise(offsets)]


@given(st.data())
def test_as_python_joins(data):
    lengths = data.draw(st.lists(st.integers(0, 4), max_size=5))
    count = data.draw(st.integers(1, 4))
    rows = [st.lists(TEXT, min_size=n, max_size=n) for n in lengths]
    columns = [[data.draw(row) for row in rows] for _ in range(count)]
    columns[0] = [tuple(row) for row in columns[0]]
    separator = data.draw(TEXT)
    strings = Joined(columns, separator)
    expected = [
        list(map(separator.join, zip(*row, strict=True))) for row in zip(*columns, strict=True)
    ]
    assert strings.to_lists() == expected
    assert strings.lengths.tolist() == lengths
    flat = [text for row in expected for text in row]
    kept = kept_from_lengths(np.array(lengths, np.int64))
    assert decoded(*encode(strings, kept=kept)) == flat
    shared = Encoding(strings, kept, "")
    work = packing_of(PLAIN, [])
    work.add(shared.putting)
    work.run()
    assert shared.putting.done
    assert decoded(*shared.result()) == flat
    dictionary = Dictionary(["", "-"])
    codes = dictionary.encode(strings)
    assert [dictionary.categories[code] for code in codes] == flat
    coding = dictionary.coding([codes], strings)
    work = packing_of(PLAIN, [])
    work.add(coding.putting)
    work.run()
    assert coding.putting.done
    coding.finish()
    assert [dictionary.categories[code] for code in codes] == flat


def test_long_ones():
    columns = [[["x" * 5000, "é" * 3000]], [["😀" * 2000, ""]]]
    expected = ["x" * 5000 + "--" + "😀" * 2000, "é" * 3000 + "--"]
    shared = Encoding(Joined(columns, "--"), None, "")
    work = packing_of(PLAIN, [])
    work.add(shared.putting)
    work.run()
    assert decoded(*shared.result()) == expected


def test_runs_of_rows():
    strings = Joined([[["a"], ["b", "c"], []], [["d"], ["e", "f"], []]], "+")
    assert len(strings) == 3
    assert strings[1:].to_lists() == [["b+e", "c+f"], []]


@pytest.mark.parametrize("other", [None, b"C1", 7, "\ud800"])
@pytest.mark.parametrize("column", [0, 1])
@pytest.mark.parametrize("before", [False, True])
def test_what_is_no_text_is_left_to_python(other, column, before):
    columns = [[["C1", "C2"], ["C3"]], [["O1", "O2"], ["O3"]]]
    columns[column][1][0] = other
    encoding = Encoding(Joined(columns, "-"), None, "id", nullable=True)
    if before:
        work = packing_of(PLAIN, [])
        work.add(encoding.putting)
        work.run()
        assert encoding.putting.begun
        assert not encoding.putting.done
    if other == "\ud800":
        with pytest.raises(SchemaError, match="a lone surrogate"):
            encoding.result()
        return
    shown = other.decode() if isinstance(other, bytes) else other
    last = f"{shown}-O3" if column == 0 else f"C3-{shown}"
    assert decoded(*encoding.result()) == ["C1-O1", "C2-O2", "" if other is None else last]
    assert encoding.valid.tolist() == [True, True, other is not None]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([], "no column"),
        ([[["a"]], [["b", "c"]]], "differ in length"),
        ([[["a"]], [["b"], ["c"]]], "differ in length"),
        ([["a"]], "a list of strings"),
    ],
)
def test_what_does_not_fit_together(columns, message):
    with pytest.raises(SchemaError, match=message):
        Joined(columns, "-")


def test_bytes_that_are_no_utf8():
    with pytest.raises(SchemaError, match="column 'id', bytes that are not UTF-8"):
        encode(Joined([[[b"\xff"]], [["O"]]], "-"), name="id")


def test_what_does_not_fit_the_batch():
    strings = Joined([[["a"], ["b"]]], "-")
    with pytest.raises(SchemaError, match="column 'id', joined strings have other lengths"):
        encode(strings, lengths=[1, 2], name="id")
