"""`organise`: indexes as stock h5py reads them, and copies in another order."""

import datetime
import json
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401 - registers the filters
import numpy as np
import pytest

import raggedh5 as rh5
from kinds import plain
from raggedh5.care import organise, rows_by
from raggedh5.care.organising import grouping, sorted_copy
from raggedh5.store import index_group

GROUPS = ["P1", "P2_1/c", "P1", None, "", "P2_1/c", ".", "P1"]


@pytest.fixture
def crystals(path):
    """A file with a row table, two ragged ones, arrays, links and attributes."""
    symbols = [["C", "H"], ["O"], ["H", "C"], [], ["O"], ["C", "H"], ["C"], ["Cl", "O"]]
    sizes = [len(row) for row in symbols]
    with rh5.File(path, "w", codec=rh5.Blosc("zstd"), chunk_bytes=2000) as file:
        file.h5.attrs["source"] = "made up"
        cells = file.create_table(
            "cells",
            {
                "group": rh5.Column("str", nullable=True),
                "volume": rh5.Column("f8", finite=True, attrs={"units": "A^3"}, codec="gzip"),
            },
            ragged=False,
        )
        cells.append({"group": GROUPS, "volume": np.arange(8.0)})
        cells.h5.attrs["note"] = "ä"
        columns = {
            "coords": rh5.Column("f4", (3,), codec=rh5.Bitshuffle()),
            "symbol": rh5.Column("str", dictionary=False, attrs={"source": "IUPAC"}),
        }
        atoms = file.create_table("atoms", columns, codec=rh5.LZ4())
        coords = np.arange(sum(sizes) * 3, dtype="f4").reshape(-1, 3)
        offsets = np.r_[0, np.cumsum(sizes)]
        atoms.append({"coords": rh5.Ragged(coords, offsets), "symbol": symbols})
        file.create_table("other").append({"x": rh5.Ragged(np.arange(5), [0, 2, 5])})
        file.create_array("per_row", data=np.arange(16).reshape(8, 2), attrs={"units": "eV"})
        file.create_array("images", data=np.arange(64, dtype="u2").reshape(8, 8))
        file.h5.create_group("group").attrs["a"] = [1, 2]
        file.h5["group/soft"] = h5py.SoftLink("/images")
        file.h5["gone"] = h5py.ExternalLink("none.h5", "/x")
        file.h5["words"] = ["a", "bc"]
    return path


def stock(path, name):
    with h5py.File(path) as file:
        return {link: (dataset[()], dict(dataset.attrs)) for link, dataset in file[name].items()}


def test_an_index_as_h5py_reads_it(crystals):
    before = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    report = organise(crystals, "group")
    assert report.index == "/by_group"
    assert [(group.value, group.count) for group in report.groups] == [
        ("", 1),
        (".", 1),
        ("P1", 3),
        ("P2_1/c", 2),
        (None, 1),
    ]
    found = stock(crystals, "by_group")
    assert list(found) == ["%empty", "%2E", "P1", "P2_1%2Fc", "%missing"]
    for name, (rows, attributes) in found.items():
        assert rows.dtype == np.int64
        assert attributes["count"] == len(rows)
        if name == "%missing":
            assert attributes["missing"]
            assert rows.tolist() == [3]
        else:
            assert rows.tolist() == [i for i, g in enumerate(GROUPS) if g == attributes["value"]]
    with h5py.File(crystals) as file:
        said = dict(file["by_group"].attrs)
    assert (said["table"], said["column"], said["by"]) == ("/cells", "group", "group")
    assert (said["rows"], said["groups"], said["values"]) == (8, 5, "str")
    made = datetime.datetime.fromisoformat(said["created"])
    assert before <= made <= datetime.datetime.now(datetime.UTC)
    json.dumps(report.as_dict(), allow_nan=False)


def test_the_rest_of_the_file_stays_as_it_is(crystals):
    before = rh5.read(crystals)
    organise(crystals, "group")
    organise(crystals, "volume", bins=3)
    after = rh5.read(crystals)
    assert before.keys() == after.keys()
    for name in ("atoms", "cells", "other"):
        for column, values in before[name].items():
            assert plain(values) == plain(after[name][column])
    with rh5.File(crystals) as file:
        assert not any(name.startswith("by_") for name in file.arrays())
        assert "by_group" in file


def test_rows_by(crystals):
    for by, bins in (("group", None), ("size()", None), ("composition(symbol)", None)):
        organise(crystals, by, bins=bins, table="cells" if by == "group" else "atoms")
    assert rows_by(crystals, "group", "P2_1/c").tolist() == [1, 5]
    assert rows_by(crystals, "group", None).tolist() == [3]
    assert rows_by(crystals, "group", "none").tolist() == []
    assert rows_by(crystals, "size", 1).tolist() == [1, 4, 6]
    assert rows_by(crystals, "size()", np.int8(0), table="atoms").tolist() == [3]
    with rh5.File(crystals) as file:
        rows = rows_by(file, "composition(symbol)", "CH")
        assert rows.tolist() == [0, 2, 5]
        assert file["atoms"].take(rows)["symbol"].lengths.tolist() == [2, 2, 2]
    for by, value, table, error, said in (
        ("volume", 1, None, KeyError, "no index for 'volume'"),
        ("group", 1, None, rh5.SchemaError, "an index of str values, which 1 is not"),
        ("size", "1", None, rh5.SchemaError, "an index of int values"),
        ("size", True, None, rh5.SchemaError, "an index of int values"),
        ("size", 1, "other", KeyError, "is the index of 'size()' of /atoms"),
        ("composition(other)", "CH", None, KeyError, "is the index of"),
    ):
        with pytest.raises(error) as caught:
            rows_by(crystals, by, value, table=table)
        assert said in str(caught.value)


def test_rows_by_bins(crystals):
    organise(crystals, "volume", bins=[1, 3, 6])
    assert stock(crystals, "by_volume")["[1,3)"][1] == {
        "count": 2,
        "value": "[1,3)",
        "low": 1,
        "high": 3,
        "closed": False,
    }
    for value, rows in (
        (1, [1, 2]),
        (2.9, [1, 2]),
        (3, [3, 4, 5, 6]),
        (6.0, [3, 4, 5, 6]),
        (6.1, [7]),
        (-5, [0]),
        ("[1,3)", [1, 2]),
        (float("nan"), []),
    ):
        assert rows_by(crystals, "volume", value).tolist() == rows


def test_nothing_but_nan(path):
    rh5.write(path, {"rows": {"e": np.full(3, np.nan)}})
    report = organise(path, "e", bins=4)
    assert [group.label for group in report.groups] == ["nan"]
    assert json.dumps(report.as_dict(), allow_nan=False)
    assert rows_by(path, "e", np.nan).tolist() == [0, 1, 2]
    assert rows_by(path, "e", 0.5).tolist() == []


def test_an_index_is_replaced(crystals):
    organise(crystals, "volume", bins=2)
    organise(crystals, "volume", bins=4)
    assert len(stock(crystals, "by_volume")) == 4
    with rh5.File(crystals, "a") as file:
        file["cells"].append({"group": ["P1"], "volume": [99.0]})
    with pytest.raises(rh5.FormatError, match="8 rows; now it has 9 rows: organise the file again"):
        rows_by(crystals, "volume", 1)
    organise(crystals, "volume", bins=4)
    assert rows_by(crystals, "volume", 99).tolist() == [8]


def test_what_is_there_already(crystals):
    organise(crystals, "size()", table="atoms")
    with pytest.raises(rh5.SchemaError, match=r"/by_size is the index of 'size\(\)' of /atoms"):
        organise(crystals, "size()", table="other")
    organise(crystals, "size()", table="other", overwrite=True)
    assert rows_by(crystals, "size", 3).tolist() == [1]
    with h5py.File(crystals, "a") as file:
        file["by_volume"] = h5py.SoftLink("/nowhere")
    with pytest.raises(rh5.SchemaError, match="/by_volume is there already, and is no index"):
        organise(crystals, "volume", bins=2)
    with h5py.File(crystals, "a") as file:
        file["by_group/mine"] = 1
    with pytest.raises(rh5.SchemaError, match="/by_group is there already, and is no index"):
        organise(crystals, "group", overwrite=True)


def test_a_failure_leaves_the_old_index(crystals, monkeypatch):
    organise(crystals, "volume", bins=2)
    before = stock(crystals, "by_volume")
    whole = index_group._write_entry
    count = iter(range(9))

    def fail(group, entry):
        if next(count) == 2:
            raise OSError(28, "No space left on device")
        whole(group, entry)

    monkeypatch.setattr(index_group, "_write_entry", fail)
    with pytest.raises(rh5.WriteError, match="/by_volume could not be written"):
        organise(crystals, "volume", bins=4)
    after = stock(crystals, "by_volume")
    assert before.keys() == after.keys()
    assert all((before[name][0] == after[name][0]).all() for name in before)


@pytest.mark.parametrize("rows", [index_group.COMPACT, index_group.COMPRESSED + 3, 70_000])
def test_large_groups(path, monkeypatch, rows):
    monkeypatch.setattr(grouping, "ROWS", 5000)
    values = np.arange(rows + 50) % (rows + 20) < rows
    rh5.write(path, {"rows": {"flag": values}})
    organise(path, "flag")
    with h5py.File(path) as file:
        assert file["by_flag/true"][()].tolist() == np.flatnonzero(values).tolist()
        assert (file["by_flag/true"].chunks is None) == (rows < index_group.COMPRESSED)
    assert rows_by(path, "flag", value=False).tolist() == np.flatnonzero(~values).tolist()


def test_a_table_in_a_group(path):
    with rh5.File(path, "w") as file:
        for run in ("a", "b/c"):
            rows = file.create_table(f"{run}/rows", ragged=False)
            rows.append({"s": ["x", "y", "x"], f"only_{run[0]}": np.arange(3)})
    organise(path, "s", table="a/rows")
    assert organise(path, "only_b").index == "/b/c/by_only_b"
    assert rows_by(path, "only_b", 2).tolist() == [2]
    assert rows_by(path, "s", "x").tolist() == [0, 2]
    organise(path, "s", table="/b/c/rows")
    with pytest.raises(rh5.SchemaError, match="may be /a/by_s, /b/c/by_s; say which"):
        rows_by(path, "s", "x")
    assert rows_by(path, "s", "x", table="b/c/rows").tolist() == [0, 2]


def check_sorted(source, target, order, names):
    old, new = rh5.read(source), rh5.read(target)
    assert old.keys() == new.keys()
    for name, values in old.items():
        if not isinstance(values, dict):
            rows = order if name in names else slice(None)
            assert np.array_equal(values[rows] if np.ndim(values) else values, new[name])
            continue
        for column, was in values.items():
            expected = was[order] if name in names else was
            assert plain(expected) == plain(new[name][column]), (name, column)


@pytest.mark.parametrize("piece", [1 << 25, 40])
def test_a_sorted_copy(crystals, tmp_path, monkeypatch, piece):
    monkeypatch.setattr(sorted_copy, "PIECE", piece)
    monkeypatch.setattr(grouping, "ROWS", 3 if piece < 99 else 1 << 22)
    target = tmp_path / "sorted.h5"
    organise(crystals, "size()", table="other")
    organise(crystals, "composition(symbol)")
    bytes_before = crystals.read_bytes()
    seen = []
    report = organise(
        crystals,
        "group",
        sort=target,
        index=False,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert crystals.read_bytes() == bytes_before
    assert report.index is None
    assert report.sorted_to == str(target)
    assert report.permuted == ("atoms", "cells")
    assert set(report.copied) == {"images", "other", "per_row", "words"}
    assert report.dropped == ("by_composition",)
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]
    order = [4, 6, 0, 2, 7, 1, 5, 3]
    check_sorted(crystals, target, order, {"atoms", "cells"})
    assert rows_by(target, "group", "P1").tolist() == [2, 3, 4]
    assert rows_by(target, "size", 3).tolist() == [1]
    with rh5.File(crystals) as old, rh5.File(target) as new:
        assert dict(new.h5.attrs) == {"source": "made up"}
        assert new.h5["group"].attrs["a"].tolist() == [1, 2]
        assert isinstance(new.h5.get("group/soft", getlink=True), h5py.SoftLink)
        link = new.h5.get("gone", getlink=True)
        assert (link.filename, link.path) == ("none.h5", "/x")
        assert new["cells"].h5.attrs["note"] == "ä"
        for table in ("atoms", "cells", "other"):
            assert old[table].columns == new[table].columns
            assert list(old[table].h5) == list(new[table].h5)
            for name, was in old[table].h5.items():
                now = new[table].h5[name]
                assert dict(was.attrs) == dict(now.attrs)
                assert was._filters.keys() == now._filters.keys()
                assert was.chunks == now.chunks
        assert dict(old.h5["per_row"].attrs) == dict(new.h5["per_row"].attrs)


def test_arrays_that_share_the_rows(crystals, tmp_path):
    target = tmp_path / "sorted.h5"
    report = organise(crystals, "volume", bins=[0, 4, 8], sort=target, tables=["per_row", "cells"])
    assert report.permuted == ("cells", "per_row")
    order = np.arange(8)
    check_sorted(crystals, target, order, {"cells", "per_row"})
    organise(crystals, "size()", table="atoms", sort=target, tables=["/images"], overwrite=True)
    order = np.argsort([2, 1, 2, 0, 1, 2, 1, 2], kind="stable")
    check_sorted(crystals, target, order, {"atoms", "images", "group/soft"})
    for names, error, said in (
        (["other"], rh5.SchemaError, "/other has 2 rows, but /cells has 8"),
        (["words"], rh5.SchemaError, "there are 8 rows"),
        (["none"], KeyError, "no table or array 'none'"),
    ):
        with pytest.raises(error, match=said):
            organise(crystals, "group", sort=target, tables=names, overwrite=True)


def test_checksums_of_the_copy(crystals, tmp_path):
    target = tmp_path / "sorted.h5"
    organise(crystals, "group", sort=target)
    for name in ("atoms/coords-data", "other/x-data", "images", "cells/volume-data"):
        with h5py.File(target, "r+") as file:
            dataset = file[name]
            start = (0,) * dataset.ndim
            filter_mask, data = dataset.id.read_direct_chunk(start)
            damaged = bytes([data[0], *data[1:-1], data[-1] ^ 1])
            dataset.id.write_direct_chunk(start, damaged, filter_mask)
        with rh5.File(target) as file, pytest.raises(rh5.FormatError, match="checksum"):
            file[name.partition("/")[0]].read()


def test_one_table_with_several_names(crystals, tmp_path):
    with h5py.File(crystals, "r+") as file:
        file["Again"] = file["atoms"]
        file["group/atoms"] = h5py.SoftLink("/atoms")
        file["elsewhere"] = h5py.ExternalLink("other.h5", "/rows")
    rh5.write(tmp_path / "other.h5", {"rows": {"x": np.arange(8)}})
    target = tmp_path / "sorted.h5"
    report = organise(crystals, "composition(symbol)", sort=target)
    assert report.table == "Again"
    report = organise(crystals, "size()", table="atoms", sort=target, overwrite=True)
    assert report.permuted == ("atoms", "cells")
    order = np.argsort([2, 1, 2, 0, 1, 2, 1, 2], kind="stable")
    check_sorted(crystals, target, order, {"Again", "atoms", "cells", "group/atoms"})
    with rh5.File(target) as new:
        assert new["atoms"].h5 == new["Again"].h5
        assert isinstance(new.h5.get("group/atoms", getlink=True), h5py.SoftLink)
    with pytest.raises(rh5.SchemaError, match="/elsewhere lies in another file"):
        organise(crystals, "group", sort=target, tables=["elsewhere"], overwrite=True)


def test_every_kind_of_column(every_kind, tmp_path):
    path, contents = every_kind
    target = tmp_path / "sorted.h5"
    report = organise(path, "group", table="cells", sort=target, index=False)
    assert report.permuted == ("atoms", "cells")
    keys = [str(text) for text in contents["cells"]["group"]]
    order = sorted(range(300), key=lambda row: (keys[row], row))
    check_sorted(path, target, np.array(order), {"atoms", "cells"})
    with rh5.File(path) as old, rh5.File(target) as new:
        for name, table in old.tables().items():
            assert table.columns == new[name].columns


def test_tables_of_anndata(path, tmp_path):
    ak = pytest.importorskip("awkward")
    anndata_io = pytest.importorskip("anndata.io")
    array = ak.Array([[{"x": 1.5}], [], [{"x": 2.5}, {"x": 3.5}]])
    with h5py.File(path, "w") as file:
        anndata_io.write_elem(file, "spots", array)
    target = tmp_path / "sorted.h5"
    organise(path, "size()", sort=target)
    assert rows_by(path, "size", 2).tolist() == [2]
    with h5py.File(target) as file:
        assert anndata_io.read_elem(file["spots"]).x.to_list() == [[], [1.5], [2.5, 3.5]]


def test_empty_tables(path, tmp_path):
    with rh5.File(path, "w") as file:
        file.create_table("atoms", {"x": "f4", "s": "str"})
        file.create_table("rows", {"e": "f4", "s": "str"}, ragged=False)
        file.create_table("nothing")
    target = tmp_path / "sorted.h5"
    report = organise(path, "s", sort=target)
    assert report.groups == ()
    assert report.permuted == ("atoms", "nothing", "rows")
    organise(path, "e", bins=3)
    organise(path, "composition(s)")
    organise(path, "size()", table="nothing")
    assert rows_by(path, "s", "x").tolist() == []
    with rh5.File(path) as old, rh5.File(target) as new:
        assert {n: t.columns for n, t in old.tables().items()} == {
            n: t.columns for n, t in new.tables().items()
        }


def test_where_it_may_not_go(crystals, tmp_path):
    (tmp_path / "there.h5").write_bytes(b"mine")
    (tmp_path / "link.h5").symlink_to(crystals)
    for target, overwrite, said in (
        (crystals, True, "itself"),
        (tmp_path / "link.h5", True, "itself"),
        (tmp_path, True, "is a folder"),
        (tmp_path / "there.h5", False, "overwrite=True"),
        (tmp_path / "none" / "x.h5", False, "cannot be written to"),
    ):
        with pytest.raises(rh5.WriteError, match=said):
            organise(crystals, "group", sort=target, overwrite=overwrite)
    assert (tmp_path / "there.h5").read_bytes() == b"mine"
    with h5py.File(crystals) as file:
        assert "by_group" not in file
    with pytest.raises(rh5.SchemaError, match="nothing to do"):
        organise(crystals, "group", index=False)
    with pytest.raises(FileNotFoundError):
        organise(tmp_path / "none.h5", "group")
    with pytest.raises((rh5.FormatError, rh5.WriteError), match="is a folder"):
        organise(tmp_path, "group")


def test_damage_leaves_nothing_behind(crystals, tmp_path):
    with h5py.File(crystals, "r+") as file:
        dataset = file["atoms/coords-data"]
        mask, data = dataset.id.read_direct_chunk((0, 0))
        dataset.id.write_direct_chunk((0, 0), bytes([*data[:-1], data[-1] ^ 1]), mask)
    with pytest.raises(rh5.FormatError, match="checksum"):
        organise(crystals, "group", sort=tmp_path / "sorted.h5")
    assert list(tmp_path.iterdir()) == [crystals]


def test_damaged_indexes(crystals):
    organise(crystals, "volume", bins=2)
    first = next(iter(stock(crystals, "by_volume")))
    for rows in ([3, 1], [0, 99], [-1, 0], [0.5], [[0, 1]]):
        with h5py.File(crystals, "r+") as file:
            del file["by_volume"][first]
            file["by_volume"][first] = rows
        with pytest.raises(rh5.FormatError, match="row numbers"):
            rows_by(crystals, "volume", first)
    with h5py.File(crystals, "r+") as file:
        del file["by_volume"].attrs["rows"]
    with pytest.raises(rh5.FormatError, match="organise the file again"):
        rows_by(crystals, "volume", 1)
    with h5py.File(crystals, "r+") as file:
        file["by_volume"].attrs["raggedh5-index"] = 2
    with pytest.raises(rh5.FormatError, match="index version 2 is newer"):
        rows_by(crystals, "volume", 1)


def test_real_molecules(tmp_path):
    with np.load(Path(__file__).parents[2] / "examples" / "molecules.npz") as given:
        symbols, mask = given["atoms/symbol"], given["atoms_mask"]
        formulas = given["molecules/formula"].tolist()
    path, target = tmp_path / "molecules.h5", tmp_path / "sorted.h5"
    with rh5.File(path, "w") as file:
        file.create_table("atoms").append({"symbol": symbols}, mask=mask)
        file.create_table("molecules", ragged=False).append({"formula": formulas})
    organise(path, "composition(symbol)", sort=target)
    with h5py.File(path) as file:
        found = {name: rows[()].tolist() for name, rows in file["by_composition"].items()}
    counted = {}
    for row, kept in enumerate(mask):
        counts = dict(zip(*np.unique(symbols[row][kept], return_counts=True), strict=True))
        key = frozenset(counts.items())
        counted.setdefault(key, []).append(row)
    assert sorted(found.values()) == sorted(counted.values())
    # What the archive itself says: "C10 H14 N5 O7 P", and a charge behind it.
    for name, rows in found.items():
        for row in rows:
            words = [word for word in formulas[row].split() if word[0].isalpha()]
            assert name.upper() == "".join(words).upper()
    order = [row for rows in found.values() for row in rows]
    check_sorted(path, target, np.array(order), {"atoms", "molecules"})
