"""Keys to groups of rows, compared with plain Python."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import raggedh5 as rh5
from raggedh5.care.organising import compositions, group_rows, grouping, numbering
from raggedh5.care.organising.binning import Bins, bins_between, bins_of
from raggedh5.care.organising.composition import formula
from raggedh5.care.organising.group_rows import group_rows as find_groups
from raggedh5.care.organising.grouping import Group, Grouping
from raggedh5.care.organising.keys import find_key
from raggedh5.care.progress import silent
from raggedh5.care.work import Work

SYMBOLS = st.sampled_from(["C", "H", "O", "Cl", "Fe", "CA", "", "c", "a b", "%", "?", "1", "A1"])


@pytest.fixture(params=[None, 3])
def small_pieces(request, monkeypatch):
    if request.param:
        monkeypatch.setattr(group_rows, "PIECE", 64)
        monkeypatch.setattr(group_rows, "ROWS", 7)
        monkeypatch.setattr(grouping, "ROWS", request.param)
        monkeypatch.setattr(compositions, "ITEMS", 5)


def groups_of(path, by, bins=None, table=None):
    with rh5.File(path) as file, Work(silent, 0) as work:
        found = find_groups(find_key(file, by, table), bins, work)
    pieces = defaultdict(list)
    for number, rows in found.rows_of_groups():
        pieces[number].append(rows)
    rows = {found.groups[n].label: np.concatenate(parts).tolist() for n, parts in pieces.items()}
    assert list(rows) == [group.label for group in found.groups]
    assert [len(part) for part in rows.values()] == [group.count for group in found.groups]
    order = list(found.order())
    assert sorted(np.concatenate(order).tolist() if order else []) == list(range(found.rows))
    return rows


def expected(values, order=sorted):
    rows = defaultdict(list)
    for row, value in enumerate(values):
        rows[value].append(row)
    known = [*order(value for value in rows if value is not None), *[None] * (None in rows)]
    return {value: rows[value] for value in known}


@pytest.mark.usefixtures("small_pieces")
def test_columns_of_every_kind(path):
    rng = np.random.default_rng(4)
    strings = rng.choice(np.array(["P1", "P2_1/c", "", "."], object), 50).tolist()
    nullable = [None if i % 5 == 0 else text for i, text in enumerate(strings)]
    integers = rng.integers(-3, 3, 50).astype("i2")
    large = rng.choice(np.array([0, 2**63, 2**64 - 1], "u8"), 50)
    columns = {
        "plain": rh5.Column("str", dictionary=False),
        "dictionary": rh5.Column("str", dictionary=True),
        "nullable": rh5.Column("str", nullable=True),
        "integer": rh5.Column("i2"),
        "large": rh5.Column("u8"),
        "masked": rh5.Column("i2", nullable=True),
        "flag": rh5.Column("?"),
    }
    data = {
        "plain": strings,
        "dictionary": strings,
        "nullable": nullable,
        "integer": integers,
        "large": large,
        "masked": np.ma.MaskedArray(integers, integers == 1),
        "flag": integers > 0,
    }
    with rh5.File(path, "w", chunk_bytes=64) as file:
        file.create_table("rows", columns, ragged=False).append(data)
    assert groups_of(path, "plain") == groups_of(path, "dictionary") == expected(strings)
    assert groups_of(path, "nullable") == expected(nullable)
    numbers = expected(integers.tolist())
    assert groups_of(path, "integer") == {str(n): rows for n, rows in numbers.items()}
    numbers = expected(large.tolist())
    assert groups_of(path, "large") == {str(n): rows for n, rows in numbers.items()}
    masked = expected([None if n == 1 else n for n in integers.tolist()])
    assert groups_of(path, "masked") == {
        None if n is None else str(n): rows for n, rows in masked.items()
    }
    flags = expected((integers > 0).tolist())
    assert groups_of(path, "flag") == {str(n).lower(): rows for n, rows in flags.items()}


@pytest.mark.usefixtures("small_pieces")
def test_sizes(path):
    lengths = np.array([3, 0, 12, 3, 7, 0, 1])
    rh5.write(path, {"a": {"x": rh5.Ragged(np.zeros(26), np.r_[0, lengths.cumsum()])}})
    sizes = expected(lengths.tolist())
    assert groups_of(path, "size()") == {str(n): rows for n, rows in sizes.items()}
    assert groups_of(path, "size", bins=[1, 4, 12]) == {
        "<1": [1, 5],
        "[1,4)": [0, 3, 6],
        "[4,12]": [2, 4],
    }
    assert groups_of(path, "size", bins=3) == {
        "[0,5)": [0, 1, 3, 5, 6],
        "[5,10)": [4],
        "[10,15]": [2],
    }


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4"])
def test_bins_of_floats(path, dtype):
    values = np.array([0.5, np.nan, -1, 2, np.inf, 1, 0, -np.inf, np.nan], dtype)
    with rh5.File(path, "w") as file:
        rows = file.create_table("rows", ragged=False)
        rows.append({"e": np.ma.MaskedArray(values, np.arange(9) == 8)})
    assert groups_of(path, "e", bins=[0, 1, 2]) == {
        "<0": [2, 7],
        "[0,1)": [0, 6],
        "[1,2]": [3, 5],
        ">2": [4],
        "nan": [1],
        None: [8],
    }
    assert groups_of(path, "e", bins=3) == {
        "<-1": [7],
        "[-1,0)": [2],
        "[0,1)": [0, 6],
        "[1,2]": [3, 5],
        ">2": [4],
        "nan": [1],
        None: [8],
    }


@pytest.mark.parametrize("dictionary", [True, False])
@pytest.mark.usefixtures("small_pieces")
def test_compositions(path, dictionary):
    rng = np.random.default_rng(5)
    rows = [
        rng.choice(np.array(["C", "H", "O"], object), n).tolist() for n in rng.integers(0, 9, 60)
    ]
    with rh5.File(path, "w", chunk_bytes=64) as file:
        columns = {"symbol": rh5.Column("str", dictionary=dictionary)}
        file.create_table("atoms", columns).append({"symbol": rows})
    assert groups_of(path, "composition(symbol)") == expected(
        [formula(Counter(row)) for row in rows]
    )


def test_compositions_with_missing_symbols(path):
    rows = [["C", None], [None, "C"], [None], []]
    with rh5.File(path, "w") as file:
        columns = {"symbol": rh5.Column("str", nullable=True)}
        file.create_table("atoms", columns).append({"symbol": rows})
    assert groups_of(path, "composition(symbol)") == {"": [3], "?": [2], "C?": [0, 1]}


@given(st.dictionaries(st.none() | SYMBOLS, st.integers(1, 3)), st.data())
def test_different_counts_have_different_formulas(counts, data):
    other = data.draw(st.dictionaries(st.none() | SYMBOLS, st.integers(1, 3)))
    assert (formula(counts) == formula(other)) == (counts == other)


def test_hill():
    assert formula(Counter("HOCHHHCH" + "H")) == "C2H6O"
    assert formula({"Br": 1, "H": 1}) == "BrH"
    assert formula({"Cl": 4, "C": 1, "H": 0}) == "CCl4"


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20),
    st.integers(1, 12),
)
def test_bins_hold_what_they_are_made_for(values, number):
    numbers = np.array(values)
    bins = bins_between(float(numbers.min()), float(numbers.max()), number)
    found = bins.of(numbers)
    assert len(bins) <= number
    assert found.min() >= 0
    assert found.max() < len(bins)
    for value, n in zip(values, found.tolist(), strict=True):
        assert bins.edges[n] <= value <= bins.edges[n + 1]
    labels = [bins.label(n) for n in range(-1, len(bins) + 1)]
    assert len(set(labels)) == len(labels)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=9), st.integers(1, 12))
def test_bins_of_integers(values, number):
    bins = bins_between(min(values), max(values), number)
    assert len(bins) <= number
    assert bins.edges[0] == min(values)
    assert bins.edges[-1] > max(values)


@pytest.mark.parametrize("edges", [[], [1], [1, 1], [2, 1], [0, np.nan], [0, np.inf], [0, 2**63]])
def test_edges_that_are_none(edges):
    with pytest.raises(rh5.SchemaError, match="edges"):
        bins_of(edges)


def test_edges_that_look_alike():
    bins = Bins((1.0, 1.0000000001, 1.0000000002))
    assert bins.label(0) == "[1,1.0000000001)"


def test_too_many_values(path, monkeypatch):
    for module in (group_rows, numbering, compositions):
        monkeypatch.setattr(module, "LIMIT", 5)
    names = [f"n{i}" for i in range(6)]
    with rh5.File(path, "w") as file:
        rows = file.create_table("rows", {"s": "str", "i": "i4"}, ragged=False)
        rows.append({"s": names, "i": np.arange(6)})
        columns = {
            "p": rh5.Column("str", dictionary=False),
            "d": rh5.Column("str", dictionary=True),
        }
        file.create_table("a", columns).append(
            {"p": [[name] for name in names], "d": [[name] for name in names]}
        )
    for by in ("s", "i", "composition(p)", "composition(d)"):
        with pytest.raises(rh5.SchemaError, match="more than 5 different"):
            groups_of(path, by)
    assert len(groups_of(path, "i", bins=2)) == 2


def test_keys_that_are_none(path):
    with rh5.File(path, "w") as file:
        data = {
            "x": np.arange(3.0),
            "cell": np.zeros((3, 3)),
            "z": np.zeros(3, "c8"),
            "s": ["a"] * 3,
        }
        file.create_table("rows", ragged=False).append(data)
        file.create_table("more", ragged=False).append({"s": ["a"], "size": [1]})
        data = {"x": [[1.0], [2.0]], "symbol": [["C"], ["H"]]}
        file.create_table("atoms").append(
            {name: rh5.Ragged.from_lists(v) for name, v in data.items()}
        )
        file.create_table("bonds").append({"pair": np.zeros((2, 1, 2), "i4")})
    for by, bins, table, error, said in (
        ("none", None, None, KeyError, "no table has a column 'none'; there are atoms: x, symbol"),
        ("none", None, "atoms", KeyError, "no table has a column 'none'"),
        ("x", None, "none", KeyError, "no table 'none'"),
        ("x", None, "rows", rh5.SchemaError, "give bins"),
        ("x", 0, "rows", rh5.SchemaError, "1 bin or more"),
        ("s", 3, "rows", rh5.SchemaError, "no numbers that could go into bins"),
        ("s", None, None, rh5.SchemaError, "'s' may be of 'more', 'rows'; say which table"),
        ("cell", None, None, rh5.SchemaError, "cannot be a key"),
        ("z", None, None, rh5.SchemaError, "cannot be a key"),
        ("symbol", None, None, rh5.SchemaError, r"as composition\(symbol\)"),
        ("pair", None, None, rh5.SchemaError, "a value for each item"),
        ("size()", None, None, rh5.SchemaError, "may be of 'atoms', 'bonds'"),
        ("size()", None, "rows", rh5.SchemaError, "no ragged table"),
        ("composition(x)", None, None, rh5.SchemaError, "no strings"),
        ("composition(none)", None, None, KeyError, "no table has a column 'none'"),
        ("composition(symbol)", 2, None, rh5.SchemaError, "no numbers"),
    ):
        with pytest.raises(error, match=said):
            groups_of(path, by, bins, table)
    # A column comes before what its name would mean otherwise.
    assert groups_of(path, "size") == {"1": [0]}


def test_no_rows():
    assert list(Grouping((), np.zeros(0, np.uint8)).order()) == []
    two = Grouping((Group("a", "a", 2),), np.zeros(2, np.uint8))
    assert [rows.tolist() for rows in two.order()] == [[0, 1]]
