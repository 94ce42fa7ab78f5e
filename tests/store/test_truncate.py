"""Arrays and tables cut and gone on with hold what lists cut in the same way hold."""

import shutil

import h5py
import hdf5plugin
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import raggedh5 as rh5
from kinds import plain, ragged_kinds, row_kinds
from raggedh5.care import validate
from raggedh5.errors import FormatError, SchemaError, WriteError

CODECS = {
    "blosc": rh5.Blosc(),
    "blosc zstd, bits": rh5.Blosc("zstd", 5, "bit"),
    "blosc, level 0": rh5.Blosc("lz4", 0),
    "lz4": rh5.LZ4(),
    "zstd": rh5.Zstd(),
    "bitshuffle": rh5.Bitshuffle(),
    "none": None,
    "gzip": "gzip",
    "lzf": "lzf",
    "gzip, shuffle and fletcher32": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "blosc2": hdf5plugin.Blosc2(),
}
every_codec = pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
LENGTH = 5
"""Rows of a chunk."""


def valid(path):
    """Nothing is wrong; at most what was cut of a table is said to be in the file still."""
    report = validate(path, isolated=False)
    assert report.valid, report.errors
    assert {(found.path, found.kind) for found in report.warnings} <= {("/t", "length")}


def numbers(first, count, shape=(3,)):
    rows = np.arange(first, first + count, dtype="i4")
    return np.broadcast_to(rows.reshape(-1, *[1] * len(shape)), (count, *shape))


def same_array(path, wanted, name="x"):
    """Compare what raggedh5 and h5py read, checksums looked at."""
    with rh5.File(path, verify="always") as file:
        assert np.array_equal(file[name].read(), wanted)
    with h5py.File(path) as file:
        assert file[name].shape == wanted.shape
        assert np.array_equal(file[name][()], wanted)


@every_codec
@pytest.mark.parametrize("rows", [0, 1, 4, 5, 6, 10, 12, 13, 99])
def test_arrays(path, codec, rows):
    with rh5.File(path, "w", codec=codec) as file:
        x = file.create_array("x", (0, 3), "i4", chunks=(LENGTH, 3))
        x.append(numbers(0, 13))
        x.truncate(rows)
        kept = min(rows, 13)
        assert len(x) == kept
        assert np.array_equal(x[:], numbers(0, kept))
        x.append(numbers(100, 4))
        wanted = np.concatenate([numbers(0, kept), numbers(100, 4)])
        assert np.array_equal(x[:], wanted)
    same_array(path, wanted)
    valid(path)


@every_codec
def test_arrays_of_a_file_that_was_there(path, codec):
    with rh5.File(path, "w", codec=codec) as file:
        file.create_array("x", (0, 3), "i4", chunks=(LENGTH, 3)).append(numbers(0, 13))
    for rows in (11, 10, 3):
        with rh5.File(path, "a") as file:
            file["x"].truncate(rows)
        same_array(path, numbers(0, rows))
        valid(path)
    with rh5.File(path, "a") as file:
        file["x"].append(numbers(3, 9))
    same_array(path, numbers(0, 12))
    valid(path)


def test_chunks_behind_the_cut_are_gone(path):
    with rh5.File(path, "w") as file:
        x = file.create_array("x", (0, 3), "i4", chunks=(LENGTH, 3))
        x.append(numbers(0, 100))
        x.truncate(7)
    with h5py.File(path) as file:
        assert file["x"].id.get_num_chunks() == 2
    same_array(path, numbers(0, 7))


@pytest.mark.parametrize("shape", [(), (2, 7), (0,), (2, 0)])
@pytest.mark.parametrize("rows", [0, 4, 5, 8])
def test_arrays_of_any_shape(path, shape, rows):
    chunks = (LENGTH, *(max(n // 2, 1) for n in shape))
    with rh5.File(path, "w") as file:
        x = file.create_array("x", (0, *shape), "i4", chunks=chunks)
        x.append(numbers(0, 12, shape))
        x.truncate(rows)
        x.append(numbers(rows, 3, shape))
    same_array(path, numbers(0, rows + 3, shape))
    valid(path)


@settings(max_examples=40)
@given(data=st.data())
def test_any_sequence_of_cuts(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("cuts") / "x.h5"
    codec = data.draw(st.sampled_from([rh5.Blosc(), "gzip", None]))
    durable = data.draw(st.sampled_from([None, "process"]))
    length = data.draw(st.integers(1, 6))
    wanted, next_one = np.empty((0, 3), "i4"), 0
    file = rh5.File(path, "w", durable=durable, codec=codec)
    file.create_array("x", (0, 3), "i4", chunks=(length, data.draw(st.integers(1, 3))))
    for _ in range(data.draw(st.integers(1, 8))):
        way = data.draw(st.sampled_from(["append", "append", "cut", "read", "flush", "reopen"]))
        if way == "append":
            count = data.draw(st.integers(0, 14))
            file["x"].append(numbers(next_one, count))
            wanted = np.concatenate([wanted, numbers(next_one, count)])
            next_one += count
        elif way == "cut":
            rows = data.draw(st.integers(0, len(wanted) + 2))
            file["x"].truncate(rows)
            wanted = wanted[:rows]
        elif way == "read":
            assert np.array_equal(file["x"][:], wanted)
        elif way == "flush":
            file.flush()
        else:
            file.close()
            file = rh5.File(path, "a", durable=durable)
        assert file["x"].shape == wanted.shape
    file.close()
    same_array(path, wanted)
    valid(path)


@every_codec
@pytest.mark.parametrize("way", ["flushed", "not flushed"])
def test_durable_arrays_after_a_kill(tmp_path, codec, way):
    """What a killed process leaves, as of the cut or the flush, is the files as they are."""
    path = tmp_path / "one" / "x.h5"
    path.parent.mkdir()
    file = rh5.File(path, "w", durable="process", codec=codec)
    x = file.create_array("x", (0, 3), "i4", chunks=(LENGTH, 3))
    x.append(numbers(0, 13))
    file.flush()
    x.truncate(8)
    file.flush()
    x.append(numbers(100, 6))
    wanted = numbers(0, 8)
    if way == "flushed":
        file.flush()
        wanted = np.concatenate([wanted, numbers(100, 6)])
    left = tmp_path / "left"
    shutil.copytree(path.parent, left)
    file.close()
    with rh5.File(left / "x.h5", "a", durable="process") as again:
        assert np.array_equal(again["x"][:], wanted)
        again["x"].append(numbers(200, 3))
    same_array(left / "x.h5", np.concatenate([wanted, numbers(200, 3)]))
    valid(left / "x.h5")


def test_damage_behind_a_cut_is_of_no_account(path):
    with rh5.File(path, "w", codec=None) as file:
        file.create_array("x", (0, 3), "i4", chunks=(LENGTH, 3)).append(numbers(0, 20))
    with h5py.File(path) as file:
        at = file["x"].id.get_chunk_info(1).byte_offset
    with path.open("r+b") as raw:
        raw.seek(at)
        raw.write(b"\xff")
    with rh5.File(path, "a") as file:
        with pytest.raises(FormatError):
            file["x"].truncate(7)
        file["x"].truncate(5)
        assert np.array_equal(file["x"][:], numbers(0, 5))
    same_array(path, numbers(0, 5))


def test_what_cannot_be_cut(path):
    with rh5.File(path, "w") as file:
        x = file.create_array("x", data=numbers(0, 9))
        table = file.create_table("t")
        table.append({"a": rh5.Ragged(np.arange(3), np.array([0, 1, 3]))})
        for item, rows in ((x, 9), (table, 2)):
            with pytest.raises(SchemaError, match="0 or more, not -1"):
                item.truncate(-1)
            assert len(item) == rows
    with h5py.File(path, "a") as file:
        file["fixed"] = np.arange(4)
    with rh5.File(path, "a") as file, pytest.raises(SchemaError, match="does not grow"):
        file["fixed"].truncate(2)
    with rh5.File(path) as file:
        for name in ("x", "t"):
            with pytest.raises(WriteError):
                file[name].truncate(1)
    same_array(path, numbers(0, 9))
    valid(path)


# --- tables


def cut(data, rows):
    return {name: value[:rows] for name, value in data.items()}


def same_table(path, wanted, name="t"):
    with rh5.File(path, verify="always") as file:
        found = file[name].read()
        assert {key: plain(value) for key, value in found.items()} == wanted
        assert len(file[name]) == len(next(iter(wanted.values())))


def lists(*parts):
    """Return all columns as lists, of several batches together."""
    return {name: [row for part in parts for row in plain(part[name])] for name in parts[0]}


def kinds(ragged, rows=40, seed=3):
    rng = np.random.default_rng(seed)
    return ragged_kinds(rng, rng.integers(0, 5, rows)) if ragged else row_kinds(rng, rows)


@pytest.mark.parametrize("ragged", [True, False], ids=["ragged", "rows"])
@pytest.mark.parametrize("rows", [0, 1, 17, 39, 40, 99])
def test_tables_with_columns_of_every_kind(path, ragged, rows):
    columns, data = kinds(ragged)
    _, more = kinds(ragged, 9, seed=4)
    with rh5.File(path, "w", chunk_bytes=200) as file:
        table = file.create_table("t", columns, ragged=ragged)
        table.append(data)
        table.truncate(rows)
        assert len(table) == min(rows, 40)
        wanted = lists(cut(data, rows))
        assert {name: plain(value) for name, value in table.read().items()} == wanted
        table.append(more)
    same_table(path, lists(cut(data, rows), more))
    valid(path)
    with rh5.File(path, "a") as file:
        file["t"].truncate(3)
    same_table(path, lists(cut(lists(cut(data, rows), more), 3)) if rows else lists(cut(more, 3)))
    valid(path)


@pytest.mark.parametrize("codec", ["gzip", None, rh5.Zstd()], ids=repr)
def test_tables_of_other_codecs(path, codec):
    columns, data = kinds(True)
    with rh5.File(path, "w", chunk_bytes=300, codec=codec) as file:
        file.create_table("t", columns).append(data)
    with rh5.File(path, "a") as file:
        file["t"].truncate(11)
        file["t"].append(cut(data, 5))
        file["t"].truncate(13)
    same_table(path, lists(cut(data, 11), cut(data, 2)))
    valid(path)


def test_other_readers_see_a_cut_table(path):
    anndata = pytest.importorskip("anndata")
    columns, data = kinds(True)
    with rh5.File(path, "w", chunk_bytes=300) as file:
        table = file.create_table(
            "t", {name: columns[name] for name in ("coords", "label", "bonds")}
        )
        part = {name: data[name] for name in ("coords", "label", "bonds")}
        table.append(part)
        table.truncate(11)
    with h5py.File(path) as file:
        found = anndata.io.read_elem(file["t"])
    assert len(found) == 11
    for name in part:
        assert found[name].tolist() == plain(part[name][:11])


@settings(max_examples=25)
@given(data=st.data())
def test_any_sequence_of_cuts_of_a_table(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("cuts") / "t.h5"
    names = ("int16", "coords", "label", "symbol", "tag", "measured", "bonds")
    columns, values = kinds(True, 60)
    columns = {name: columns[name] for name in names}
    values = {name: values[name] for name in names}
    durable = data.draw(st.sampled_from([None, "process"]))
    wanted = lists(cut(values, 0))
    file = rh5.File(path, "w", durable=durable, chunk_bytes=data.draw(st.sampled_from([64, 300])))
    file.create_table("t", columns).append(cut(values, 0))
    for _ in range(data.draw(st.integers(1, 7))):
        way = data.draw(st.sampled_from(["append", "append", "cut", "read", "flush", "reopen"]))
        if way == "append":
            first = data.draw(st.integers(0, 50))
            part = {name: v[first : first + 7] for name, v in values.items()}
            file["t"].append(part)
            wanted = lists(wanted, lists(part))
        elif way == "cut":
            rows = data.draw(st.integers(0, len(wanted["tag"]) + 2))
            file["t"].truncate(rows)
            wanted = cut(wanted, rows)
        elif way == "read":
            found = file["t"].read()
            assert {name: plain(value) for name, value in found.items()} == wanted
        elif way == "flush":
            file.flush()
        else:
            file.close()
            file = rh5.File(path, "a", durable=durable)
        assert len(file["t"]) == len(wanted["tag"])
    file.close()
    same_table(path, wanted)
    valid(path)


@pytest.mark.parametrize("ragged", [True, False], ids=["ragged", "rows"])
@pytest.mark.parametrize("way", ["flushed", "not flushed"])
def test_durable_tables_after_a_kill(tmp_path, ragged, way):
    columns, data = kinds(ragged)
    _, more = kinds(ragged, 9, seed=4)
    path = tmp_path / "one" / "t.h5"
    path.parent.mkdir()
    file = rh5.File(path, "w", durable="process", chunk_bytes=300)
    table = file.create_table("t", columns, ragged=ragged)
    table.append(data)
    file.flush()
    table.truncate(17)
    file.flush()
    table.append(more)
    wanted = lists(cut(data, 17))
    if way == "flushed":
        file.flush()
        wanted = lists(cut(data, 17), more)
    left = tmp_path / "left"
    shutil.copytree(path.parent, left)
    file.close()
    with rh5.File(left / "t.h5", "a", durable="process") as again:
        found = again["t"].read()
        assert {name: plain(value) for name, value in found.items()} == wanted
        again["t"].append(more)
    same_table(left / "t.h5", lists(wanted, lists(more)))
    valid(left / "t.h5")
