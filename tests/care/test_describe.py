"""`describe`: statistics of whole files, compared with NumPy on what was written."""

import json
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest

import raggedh5 as rh5
from kinds import plain
from raggedh5.care.describe import describe
from raggedh5.care.describing import column_tally, text_statistics
from raggedh5.care.plot import plot_lengths
from raggedh5.store import items

GOLDEN = Path(__file__).parents[1] / "data" / "format-1.h5"


def flat(value):
    """Values of all items, missing ones as None, and the lengths of lists within items."""
    values = value.values if isinstance(value, rh5.Ragged) else value
    lists = values.lengths if isinstance(values, rh5.Ragged) else None
    return (values.values if lists is not None else values), lists


def check_column(column, given):
    values, lists = flat(given)
    if lists is not None:
        assert column.lists.count == column.items == len(lists)
        assert column.lists.total == lists.sum()
        assert column.lists.maximum == (lists.max() if len(lists) else None)
    else:
        assert column.items == len(values)
        assert column.lists is None
    found = column.values
    if column.dtype == "str":
        texts = [text for text in plain(values) if text is not None]
        counts = Counter(texts)
        assert column.missing == column.items - len(texts)
        assert (found.count, found.empty) == (len(texts), counts[""])
        assert found.distinct == len(counts)
        assert found.frequent == tuple(
            sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:5]
        )
        assert found.longest == max(map(len, texts), default=None)
        assert found.shortest == min(map(len, texts), default=None)
        return
    if isinstance(values, np.ma.MaskedArray):
        assert column.missing == values.mask.sum()
        values = values.compressed()
    values = np.asarray(values)
    assert found.count == values.size
    if values.dtype.kind == "b":
        assert found.true == values.sum()
    elif values.dtype.kind in "iuf" and values.size:
        assert (found.minimum, found.maximum) == (values.min(), values.max())
        assert found.mean == pytest.approx(values.mean(dtype="f8"), rel=1e-12)
        assert found.deviation == pytest.approx(np.std(values.astype("f8")), rel=1e-9)


@pytest.mark.parametrize("piece", [1 << 25, 1 << 10])
def test_every_kind(every_kind, monkeypatch, piece):
    monkeypatch.setattr(column_tally, "PIECE", piece)
    monkeypatch.setattr(column_tally, "ROWS", max(piece // 100, 7))
    monkeypatch.setattr(items, "BOUNDS", max(piece // 100, 7))
    path, contents = every_kind
    seen = []
    found = describe(path, threads=2, progress=lambda done, total: seen.append((done, total)))
    assert [table.name for table in found.tables] == sorted(contents)
    for table in found.tables:
        given = contents[table.name]
        assert [column.name for column in table.columns] == list(given)
        for column in table.columns:
            check_column(column, given[column.name])
        if table.ragged:
            lengths = given["coords"].lengths
            assert table.lengths.count == table.rows == len(lengths)
            assert table.lengths.total == table.items
            assert table.lengths.median == (np.median(lengths) if len(lengths) else None)
        else:
            assert table.lengths is None
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]
    json.dumps(found.as_dict(), allow_nan=False)


def test_components(path):
    coords = np.arange(12.0).reshape(4, 3)
    coords[1, 1] = np.nan
    coords[2, 2] = -np.inf
    rh5.write(path, {"atoms": {"coords": rh5.Ragged(coords, [0, 1, 4])}})
    ((column,),) = (table.columns for table in describe(path).tables)
    whole = column.values
    assert (whole.count, whole.nan, whole.infinite, whole.minimum) == (12, 1, 1, 0)
    assert [part.nan for part in whole.components] == [0, 1, 0]
    assert [part.mean for part in whole.components] == [4.5, 6.0, np.mean([2, 5, 11])]


def test_only_what_is_asked_for(every_kind):
    path, _ = every_kind
    (table,) = describe(path, tables=["/atoms"], columns=["symbol", "coords"]).tables
    assert [column.name for column in table.columns] == ["symbol", "coords"]
    (table,) = describe(path, tables="atoms", columns="symbol").tables
    assert [column.name for column in table.columns] == ["symbol"]
    found = describe(path, columns=["title"])
    assert [len(table.columns) for table in found.tables] == [0, 1, 0, 0]
    with pytest.raises(KeyError, match=r"no table or array 'none'; the file has 'atoms'"):
        describe(path, tables=["none"])
    with pytest.raises(KeyError, match="has a column 'none'"):
        describe(path, columns=["none"])
    with pytest.raises(rh5.SchemaError, match="1 bin or more"):
        describe(path, bins=0)


def test_arrays(path):
    values = np.random.default_rng(2).normal(size=(50, 4))
    values[3, 2] = np.inf
    with rh5.File(path, "w") as file:
        file.create_array("x", data=values, chunk_bytes=256)
        file.create_array("none", shape=(0, 3), dtype="f4")
        file.create_array("flags", data=np.array([True, False, True]))
    with h5py.File(path, "a") as stock:
        stock["scalar"] = 1.5
        stock["big"] = np.arange(6, dtype=">i4").reshape(2, 3)
        stock["empty"] = h5py.Empty("f4")
        stock["words"] = ["b", "", "b", "æ"]
        stock["word"] = "abc"
        stock["fixed"] = np.array([b"ab", b"\xff"])
        stock["pairs"] = np.zeros(3, "i4,f8")
        stock["gone"] = h5py.SoftLink("/nowhere")
    arrays = {array.name: array for array in describe(path).arrays}
    x = arrays["x"].values
    assert (x.infinite, x.maximum) == (1, values[np.isfinite(values)].max())
    assert len(x.components) == 4
    assert arrays["none"].values.mean is None
    assert arrays["flags"].values.true == 2
    assert arrays["scalar"].values.mean == 1.5
    assert arrays["big"].values.components[2].maximum == 5
    assert arrays["empty"].values is None
    assert arrays["empty"].shape is None
    assert arrays["words"].values.frequent[0] == ("b", 2)
    assert arrays["words"].values.empty == 1
    assert arrays["word"].values.longest == 3
    assert arrays["fixed"].values.distinct == 2
    assert arrays["pairs"].values is None
    assert [array.name for array in describe(path, tables=["x"]).arrays] == ["x"]


@pytest.mark.parametrize("chunks", [(3, 50), (50, 2), (50, 7), None])
def test_arrays_in_pieces(path, monkeypatch, chunks):
    monkeypatch.setattr(column_tally, "PIECE", 300)
    values = np.random.default_rng(2).normal(size=(50, 7))
    with h5py.File(path, "w") as stock:
        stock.create_dataset("x", data=values, chunks=chunks and tuple(map(min, chunks, (50, 7))))
    (array,) = describe(path).arrays
    assert array.values.count == values.size
    assert array.values.minimum == values.min()
    assert array.values.mean == pytest.approx(values.mean())
    for place, part in enumerate(array.values.components):
        assert part.maximum == values[:, place].max()


def test_more_distinct_strings_than_are_counted(path, monkeypatch):
    monkeypatch.setattr(text_statistics, "DISTINCT", 10)
    columns = {"id": rh5.Column("str", dictionary=False), "s": rh5.Column("str", dictionary=True)}
    for n, distinct in ((10, 10), (11, None)):
        with rh5.File(path, "w") as file:
            names = [f"n{i}" for i in range(n)]
            table = file.create_table("rows", columns, ragged=False)
            table.append({"id": names, "s": names})
        (table,) = describe(path).tables
        plain_strings, dictionary = (column.values for column in table.columns)
        assert plain_strings.distinct == distinct
        assert plain_strings.distinct_more_than == (None if distinct else 10)
        assert bool(plain_strings.frequent) == bool(distinct)
        assert dictionary.distinct == n


def test_one_huge_row_and_one_huge_string(path, monkeypatch):
    monkeypatch.setattr(column_tally, "PIECE", 1000)
    texts = ["a" * 5000, *(["b"] * 300), "", "c" * 3000]
    offsets = [0, 303, 303]
    lists = rh5.Ragged(np.arange(4000), np.r_[0, 4000, np.full(302, 4000)])
    columns = {"t": rh5.Column("str", dictionary=False), "n": rh5.Column("i8", nested=True)}
    with rh5.File(path, "w", chunk_bytes=512) as file:
        data = {"t": rh5.Ragged(np.array(texts, "T"), offsets), "n": rh5.Ragged(lists, offsets)}
        file.create_table("atoms", columns).append(data)
    read = []
    whole = items.ItemReader._finished
    monkeypatch.setattr(
        items.ItemReader,
        "_finished",
        lambda self, field, start, stop: (
            read.append(stop - start) or whole(self, field, start, stop)
        ),
    )
    (table,) = describe(path).tables
    text, nested = table.columns
    assert (text.values.longest, text.values.distinct) == (5000, 4)
    assert nested.lists.maximum == nested.values.count == 4000
    assert nested.values.maximum == 3999
    assert max(read) <= 1000


def test_empty_and_foreign_files(path):
    with rh5.File(path, "w"):
        pass
    assert describe(path).as_dict()["tables"] == []
    with rh5.File(path, "w") as file:
        file.create_table("nothing")
        file.create_table("row", ragged=False)
    assert [(table.rows, table.columns) for table in describe(path).tables] == [(0, ())] * 2
    found = describe(GOLDEN)
    assert {table.name for table in found.tables} >= {"atoms", "molecules"}
    json.dumps(found.as_dict(), allow_nan=False)
    with pytest.raises(FileNotFoundError):
        describe(path.with_name("none.h5"))
    with pytest.raises(rh5.FormatError, match="is a folder"):
        describe(path.parent)


def test_tables_of_anndata(path):
    ak = pytest.importorskip("awkward")
    anndata_io = pytest.importorskip("anndata.io")
    array = ak.Array([[{"x": 1.5, "s": "a"}], [], [{"x": 2.5, "s": "b"}, {"x": 3.5, "s": "a"}]])
    with h5py.File(path, "w") as stock:
        anndata_io.write_elem(stock, "spots", array)
    (table,) = describe(path).tables
    assert table.lengths.histogram.counts == (1, 1, 1)
    assert [column.values.count for column in table.columns] == [3, 3]


def test_damage_is_an_error(path):
    with rh5.File(path, "w") as file:
        table = file.create_table("atoms", {"s": rh5.Column("str", dictionary=True)})
        table.append({"s": [["a", "b"], ["a"]]})
    with h5py.File(path, "a") as stock:
        stock["atoms/s-index"][1] = 7
        del stock["__raggedh5__"]
    with pytest.raises(rh5.FormatError, match="s-index: item 1 has code 7"):
        describe(path)


def test_plot(path, tmp_path):
    pytest.importorskip("matplotlib")
    nested = rh5.Ragged.from_lists([[[1], [2, 3]], [[]]], levels=2)
    rh5.write(path, {"$a_{\x07名": {"bonds": nested}, "rows": {"x": np.arange(3)}})
    target = tmp_path / "plot.png"
    plot_lengths(describe(path), target)
    assert target.read_bytes().startswith(b"\x89PNG")
    assert sorted(tmp_path.iterdir()) == [path, target]
    with pytest.raises(rh5.WriteError, match="exists already; overwrite"):
        plot_lengths(describe(path), target)
    plot_lengths(describe(path), target, overwrite=True)
    with pytest.raises(rh5.WriteError, match="itself"):
        plot_lengths(describe(path), path, overwrite=True)
    with pytest.raises(rh5.WriteError, match="could not be written"):
        plot_lengths(describe(path), tmp_path / "none" / "x.png")
    with pytest.raises(rh5.SchemaError, match="no ragged table"):
        plot_lengths(describe(path, tables=["rows"]), tmp_path / "rows.png")
