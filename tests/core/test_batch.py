import numpy as np
import pytest

from raggedh5.core.batch import Batch
from raggedh5.core.inference import is_strings
from raggedh5.core.ragged import Ragged
from raggedh5.core.schema import Column
from raggedh5.errors import SchemaError

X = np.arange(12.0).reshape(3, 4)
MASK = np.array([[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]], bool)


def test_what_is_kept():
    assert Batch({"x": X}, mask=MASK).kept.offsets.tolist() == [0, 2, 2, 6]
    assert Batch({"x": X}, lengths=[1, 0, 4]).kept.offsets.tolist() == [0, 1, 1, 5]
    assert Batch({"x": X}).kept.offsets.tolist() == [0, 4, 8, 12]
    assert Batch({"x": X, "mask": MASK}).items == 6
    assert list(Batch({"x": X, "mask": MASK}).data) == ["x"]
    assert list(Batch({"mask": MASK}).data) == ["mask"]
    ragged = Ragged(np.arange(6), [0, 2, 2, 6])
    assert Batch({"x": X, "r": ragged}).kept.offsets.tolist() == [0, 2, 2, 6]
    assert Batch({"s": [["a"], [], ["b", "c"]]}).kept.offsets.tolist() == [0, 1, 1, 3]
    rows = Batch({"x": np.zeros((5, 3)), "s": list("abcde")}, ragged=False)
    assert (rows.rows, rows.items) == (5, 5)


@pytest.mark.parametrize(
    ("data", "options"),
    [
        ({}, {}),
        ({"x": X}, {"mask": MASK, "lengths": [1, 1, 1]}),
        ({"x": X}, {"mask": MASK, "ragged": False}),
        ({"x": X}, {"lengths": [1, 2, 5]}),
        ({"x": X[0]}, {}),
        ({"x": np.float64(3)}, {"ragged": False}),
    ],
)
def test_what_is_no_batch(data, options):
    with pytest.raises(SchemaError):
        Batch(data, **options)


@pytest.mark.parametrize(
    ("value", "column"),
    [
        (X, Column("f8")),
        (np.zeros((3, 4, 2, 5), "i2"), Column("i2", (2, 5))),
        (Ragged(np.zeros((6, 3), "f4"), [0, 2, 2, 6]), Column("f4", (3,))),
        (np.ma.MaskedArray(X, X > 5), Column("f8", nullable=True)),
        (
            Ragged(np.ma.MaskedArray(np.arange(6), [0, 1] * 3), [0, 2, 2, 6]),
            Column("i8", nullable=True),
        ),
        ([["a", "b"], [], ["c"] * 4], Column("str")),
        ([["a", None], [], ["c"] * 4], Column("str", nullable=True)),
        (Ragged(Ragged(np.arange(3), [0, 1, 3]), [0, 1, 1, 2]), Column("i8", nested=True)),
        (np.full((3, 4), "abc"), Column("str")),
    ],
    ids=repr,
)
def test_the_column_that_values_make(value, column):
    assert Batch({"x": value}, mask=None).infer("x") == column


def test_parts_are_the_whole():
    rng = np.random.default_rng(0)
    data = {
        "x": rng.normal(size=(101, 7, 3)),
        "s": rng.choice(np.array(["a", "b"]), (101, 7)),
        "l": [[str(j) for j in range(7)] for _ in range(101)],
    }
    mask = rng.random((101, 7)) < 0.5
    batch = Batch(data, mask=mask)
    parts = list(batch.parts(30))
    assert len(parts) > 5
    assert sum(part.rows for part in parts) == 101
    assert sum(part.items for part in parts) == mask.sum()
    assert [part.first for part in parts] == np.cumsum([0, *(p.rows for p in parts[:-1])]).tolist()
    assert np.array_equal(np.concatenate([part.data["x"] for part in parts]), data["x"])
    assert sum((part.data["l"] for part in parts), []) == data["l"]  # noqa: RUF017
    assert list(batch.parts(1 << 30)) == [batch]
    assert list(Batch({"x": X[:0]}).parts(1))[0].rows == 0  # noqa: RUF015


@pytest.mark.parametrize(
    ("value", "strings"),
    [
        ([["a"], []], True),
        ([[], [None, "a"]], True),
        ([[], [None, b"a"]], True),
        ([[1]], False),
        ([[], []], False),
        (["a"], True),
        (np.array([["a"]]), True),
        (np.array([[b"a"]]), True),
        (np.zeros((1, 1)), False),
        (Ragged(np.array(["a"], object), [0, 1]), True),
        (Ragged(np.array([1]), [0, 1]), False),
        (5, False),
    ],
    ids=repr,
)
def test_what_strings_are(value, strings):
    assert is_strings(value) == strings


GROUPS = np.ones((3, 4), bool)
ITEMS = np.ones((3, 4, 2), bool)


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ({"x": ITEMS + 0.5, "x_mask": ITEMS}, ["x"]),
        ({"x": np.zeros((3, 4, 2, 5)), "x_mask": ITEMS}, ["x"]),
        ({"x": ITEMS + 0.5, "x_mask": ITEMS.tolist()}, ["x"]),
        ({"x": X, "x_mask": GROUPS}, ["x", "x_mask"]),
        ({"x": ITEMS + 0.5, "x_mask": GROUPS}, ["x", "x_mask"]),
        ({"x": ITEMS + 0.5, "x_mask": ITEMS + 0.5}, ["x", "x_mask"]),
        ({"x": X, "x_mask": [[True], [], [False, True]]}, ["x", "x_mask"]),
        ({"x": [[1], [], [2, 3]], "x_mask": [[1], [], [2, 3]]}, ["x", "x_mask"]),
        ({"x": [["a"], [], ["b", "c"]], "x_mask": GROUPS}, ["x", "x_mask"]),
        ({"x": X, "y_mask": ITEMS}, ["x", "y_mask"]),
        ({"x": X, "_mask": ITEMS, 5: X}, ["x", "_mask", 5]),
    ],
)
def test_what_is_taken_for_a_mask_of_lists(data, names):
    assert list(Batch({"mask": GROUPS, **data}).data) == names


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ({"x": Column("f8", nested=True)}, ["x"]),
        ({"x": Column("f8", (2,)), "x_mask": Column("?", (2,))}, ["x", "x_mask"]),
        ({"x": Column("f8", (2,))}, ["x", "x_mask"]),
        ({"y": Column("f8")}, ["x", "x_mask"]),
    ],
)
def test_no_column_of_the_table_is_taken_for_a_mask(columns, names):
    data = {"mask": GROUPS, "x": ITEMS + 0.5, "x_mask": ITEMS}
    assert list(Batch(data, columns=columns).data) == names
