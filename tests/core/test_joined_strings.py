import pytest
from hypothesis import given
from hypothesis import strategies as st

from raggedh5.core.joined_strings import join_strings
from raggedh5.errors import SchemaError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(st.data())
def test_as_python_joins(data):
    lengths = data.draw(st.lists(st.integers(0, 4), max_size=5))
    count = data.draw(st.integers(1, 4))
    rows = [st.lists(TEXT, min_size=n, max_size=n) for n in lengths]
    columns = [[data.draw(row) for row in rows] for _ in range(count)]
    columns[0] = [tuple(row) for row in columns[0]]
    separator = data.draw(TEXT)
    found = join_strings(columns, separator)
    expected = [
        list(map(separator.join, zip(*row, strict=True))) for row in zip(*columns, strict=True)
    ]
    assert found.to_list() == expected


def test_long_ones():
    columns = [[["x" * 5000, "é" * 3000]], [["😀" * 2000, ""]]]
    assert join_strings(columns, "--").to_list() == [
        ["x" * 5000 + "--" + "😀" * 2000, "é" * 3000 + "--"]
    ]


@pytest.mark.parametrize("other", [None, b"C1", 7, "\ud800"])
@pytest.mark.parametrize("column", [0, 1])
def test_what_is_no_text_is_not_joined(other, column):
    columns = [[["C1", "C2"], ["C3"]], [["O1", "O2"], ["O3"]]]
    columns[column][1][0] = other
    assert join_strings(columns, "-") is None


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
        join_strings(columns, "-")
