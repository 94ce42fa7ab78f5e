"""Copies hold what was chosen, chunks as they were; damage is not passed on."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import raggedh5 as rh5
from kinds import plain
from raggedh5.care import copy, targets
from raggedh5.errors import FormatError, SchemaError, WriteError
from raggedh5.store.chunk_sums import ChunkSums
from raggedh5.store.copying import object_copy
from same_files import (
    add_plain_objects,
    by_h5py,
    chunk_bytes,
    contents,
    flip_byte,
    sums_known,
    write_everything,
)


def rows_of(whole, rows):
    """Of what a file holds, only these rows of every table and array."""
    found = {}
    for name, item in whole.items():
        if isinstance(item, dict):
            found[name] = {c: np.array(v, object)[rows].tolist() for c, v in item.items()}
        else:
            found[name] = np.array(item)[rows].tolist() if isinstance(item, list) else item
    return found


def test_a_whole_file_is_the_same_to_the_byte(whole, tmp_path):
    seen = []
    report = copy(whole, tmp_path / "copy.h5", progress=lambda done, total: seen.append(done))
    assert (tmp_path / "copy.h5").read_bytes() == whole.read_bytes()
    assert report.whole
    assert report.tables["atoms"] == 300
    assert report.arrays["run/frames"] == 300
    assert report.target_bytes == report.source_bytes == seen[-1] == whole.stat().st_size
    assert json.loads(json.dumps(report.as_dict()))["tables"] == report.tables


def test_all_tables_by_name(tables, tmp_path):
    source, whole = tables
    copy(source, tmp_path / "b.h5", tables="*")
    assert contents(tmp_path / "b.h5") == whole
    assert by_h5py(tmp_path / "b.h5") == by_h5py(source)
    assert sums_known(tmp_path / "b.h5") == sums_known(source)


def test_chunks_are_copied_as_they_are(whole, tmp_path):
    copy(whole, tmp_path / "b.h5", tables=["atoms", "run/frames"], columns={"atoms": ["coords"]})
    with h5py.File(whole) as old, h5py.File(tmp_path / "b.h5") as new:
        assert list(new["atoms"]) == ["atoms-offsets", "coords-data"]
        for name in ("atoms/coords-data", "atoms/atoms-offsets", "run/frames"):
            assert chunk_bytes(new[name]) == chunk_bytes(old[name])
            assert new[name].attrs.keys() == old[name].attrs.keys()
        assert new["run"].attrs["tags"].tolist() == ["a", "bc"]
        assert "cells" not in new["run"]


def test_patterns_groups_and_columns(whole, tmp_path):
    report = copy(whole, tmp_path / "b.h5", tables=["run", "at*s"], columns={"atoms": ["tag"]})
    assert report.tables == {"atoms": 300, "run/cells": 300}
    assert report.arrays == {"run/frames": 300}
    with rh5.File(tmp_path / "b.h5") as new:
        assert list(new["atoms"].columns) == ["tag"]
    report = copy(whole, tmp_path / "c.h5", tables="atoms", columns=["bonds", "label"])
    with rh5.File(tmp_path / "c.h5") as new, rh5.File(whole) as old:
        assert list(new["atoms"].columns) == ["bonds", "label"]
        for name in ("bonds", "label"):
            assert plain(new["atoms"][name][:]) == plain(old["atoms"][name][:])


@pytest.mark.parametrize(
    "rows",
    [slice(0, 128), slice(0, 300), slice(37, 201), slice(5, 5), slice(None, None, 7), "-3:"],
    ids=str,
)
def test_slices_of_rows(tables, tmp_path, rows):
    source, whole = tables
    copy(source, tmp_path / "b.h5", rows=rows)
    wanted = slice(-3, None) if isinstance(rows, str) else rows
    assert contents(tmp_path / "b.h5") == rows_of(whole, wanted)


def test_a_prefix_takes_its_whole_chunks(tables, tmp_path):
    source, _ = tables
    copy(source, tmp_path / "b.h5", tables="atoms", rows="0:200")
    with h5py.File(source) as old, h5py.File(tmp_path / "b.h5") as new:
        for name in ("coords-data", "atoms-offsets", "symbol-index", "label.bytes-data"):
            before, after = (chunk_bytes(file["atoms"][name]) for file in (old, new))
            whole = [
                at
                for at in after
                if at[0] + new["atoms"][name].chunks[0] <= len(new["atoms"][name])
            ]
            assert len(whole) >= len(after) - 1 > 0
            assert all(after[at] == before[at] for at in whole)


@pytest.mark.parametrize("kind", ["numbers", "mask", "backwards"])
def test_rows_in_any_order(tmp_path, kind):
    source = write_everything(tmp_path / "a.h5", 40)
    rng = np.random.default_rng(0)
    rows = {
        "numbers": [9, 2, 2, 39],
        "mask": rng.random(40) < 0.3,
        "backwards": list(range(39, -1, -1)),
    }[kind]
    tables = ["atoms", "run", "line"]
    copy(source, tmp_path / "b.h5", tables=tables, rows=rows)
    wanted = contents(source)
    del wanted["empty"], wanted["nothing"]
    chosen = np.flatnonzero(rows) if kind == "mask" else np.array(rows)
    found = contents(tmp_path / "b.h5")
    assert found.keys() == wanted.keys()
    for name, item in wanted.items():
        if isinstance(item, dict):
            for column, values in item.items():
                assert found[name][column] == [values[i] for i in chosen]
        else:
            assert found[name] == [item[i] for i in chosen]


def test_what_a_copy_of_rows_declares_stays(tmp_path):
    columns = {
        "x": rh5.Column("f4", (3,), finite=True, attrs={"units": "m"}, codec=rh5.Zstd()),
        "s": rh5.Column("str", dictionary=True, attrs={"source": "IUPAC"}),
    }
    with rh5.File(tmp_path / "a.h5", "w", chunk_bytes=512) as file:
        table = file.create_table("t", columns)
        table.append({"x": np.ones((20, 9, 3)), "s": [["a", "b"] + ["c"] * 7] * 20})
        table.h5.attrs["note"] = "kept"
    for rows in (slice(3, 11), [4, 2]):
        copy(tmp_path / "a.h5", tmp_path / "b.h5", rows=rows, overwrite=True)
        with rh5.File(tmp_path / "b.h5", "a") as file:
            table = file["t"]
            assert table["x"].attrs["units"] == "m"
            assert table["s"].attrs["source"] == "IUPAC"
            assert table["x"].h5.chunks == (42, 3)
            assert list(table["x"].h5._filters) == ["32015"]
            assert table.h5.attrs["note"] == "kept"
            assert table.columns["s"].dictionary
            table.append({"x": np.ones((1, 1, 3), "f4"), "s": [["b"]]})
            with pytest.raises(SchemaError, match="finite"):
                table.append({"x": np.full((1, 1, 3), np.nan, "f4"), "s": [["b"]]})


def test_arrays_of_text_by_rows(whole, tmp_path):
    copy(whole, tmp_path / "b.h5", tables=["texts", "lists", "scalar", "null"], rows=[1, 0, 1])
    with h5py.File(tmp_path / "b.h5") as new:
        assert new["texts"].asstr()[:].tolist() == ["µ", "a", "µ"]
        assert [row.tolist() for row in new["lists"]] == [[], [1, 2], []]
        assert new["scalar"][()] == 3.5
        assert new["null"].shape is None


def test_big_endian_and_fill_values_by_rows(whole, tmp_path):
    copy(whole, tmp_path / "b.h5", tables=["big", "sparse"], rows="2:7")
    with h5py.File(tmp_path / "b.h5") as new:
        assert new["big/endian"].dtype == ">i4"
        assert new["big/endian"][:].tolist() == np.arange(40).reshape(8, 5)[2:7].tolist()
        assert new["sparse"].fillvalue == -1
        assert new["sparse"][:].tolist() == [-1] * 5
        assert new["sparse"].id.get_num_chunks() <= 1


def test_links_among_what_is_chosen(whole, tmp_path):
    copy(whole, tmp_path / "b.h5", tables=["big", "hard", "run/frames", "soft"])
    with h5py.File(tmp_path / "b.h5") as new:
        assert new["hard"] == new["big/endian"]
        assert new["soft"] == new["run/frames"]


def test_a_filter_that_is_not_installed(tmp_path):
    """Chunks are copied without a look into them."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((50,))
    properties.set_filter(40000, h5py.h5z.FLAG_OPTIONAL, (1, 2))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        space = h5py.h5s.create_simple((100,))
        made = h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_INT64, space, properties)
        made.write_direct_chunk((0,), b"no such", 0)
        made.write_direct_chunk((50,), b"filter", 2)
    for options in ({}, {"tables": "x"}):
        copy(tmp_path / "a.h5", tmp_path / "b.h5", overwrite=True, **options)
        with h5py.File(tmp_path / "b.h5") as file:
            assert file["x"].id.read_direct_chunk((0,)) == (0, b"no such")
            assert file["x"].id.read_direct_chunk((50,)) == (2, b"filter")
            assert list(file["x"]._filters) == ["40000"]


@pytest.mark.parametrize(
    "options", [{}, {"tables": "atoms"}, {"rows": slice(0, 200)}, {"rows": [1, 250, 3]}], ids=str
)
def test_damage_is_not_passed_on(tmp_path, options):
    path = write_everything(tmp_path / "a.h5")
    flip_byte(path, "atoms/coords-data", 2)
    if options.get("rows") == [1, 250, 3]:
        options = {"rows": np.arange(0, 300, 2)}
    with pytest.raises(FormatError, match="atoms/coords-data: chunk 2"):
        copy(path, tmp_path / "b.h5", **options)
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5"]


@pytest.mark.parametrize("options", [{}, {"tables": "atoms"}], ids=str)
def test_damaged_metadata(tmp_path, options):
    path = write_everything(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        file["__raggedh5__/checksums/atoms/coords-data"].attrs["fingerprint"] = "another"
    with pytest.raises(FormatError, match="fingerprint"):
        copy(path, tmp_path / "b.h5", **options)
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5"]


@pytest.mark.parametrize("options", [{"tables": "*"}, {"rows": "0:250"}, {"rows": "::2"}], ids=str)
@pytest.mark.parametrize("kind", [WriteError, KeyboardInterrupt])
def test_nothing_is_left_of_a_copy_that_fails(tmp_path, monkeypatch, options, kind):
    path = write_everything(tmp_path / "a.h5")
    before = path.read_bytes()
    left = [30]

    def save(self, *args):
        left[0] -= 1
        if not left[0]:
            raise kind("no room")

    monkeypatch.setattr(ChunkSums, "save", save)
    with pytest.raises(kind, match="no room"):
        copy(path, tmp_path / "b.h5", **options)
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5"]
    assert path.read_bytes() == before


def test_a_disk_that_has_no_room(whole, tmp_path, monkeypatch):
    used = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(targets.shutil, "disk_usage", lambda path: used._replace(free=100_000))
    with pytest.raises(WriteError, match=r"would take about 0\.\d MB, but .* has 0\.1 MB"):
        copy(whole, tmp_path / "b.h5", tables="*")
    assert not list(tmp_path.iterdir())


def test_a_file_that_may_not_grow(tmp_path):
    resource = pytest.importorskip("resource")
    path = write_everything(tmp_path / "a.h5")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, hard))
    try:
        with pytest.raises(WriteError, match="could not be written"):
            copy(path, tmp_path / "b.h5")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5"]


def test_what_is_refused(whole, tmp_path):
    target = tmp_path / "b.h5"
    for wrong, error in (
        ({"tables": "nope"}, KeyError),
        ({"tables": "atoms", "columns": ["nope"]}, KeyError),
        ({"tables": "atoms", "rows": [300]}, IndexError),
        ({"rows": "a:b"}, SchemaError),
        ({"rows": "3"}, SchemaError),
        ({"rows": "::0"}, SchemaError),
    ):
        with pytest.raises(error):
            copy(whole, target, **wrong)
    with pytest.raises(FileNotFoundError):
        copy(tmp_path / "missing.h5", target)
    with pytest.raises(WriteError, match="folder"):
        copy(whole, tmp_path)
    with pytest.raises(FormatError):
        copy(tmp_path, target)
    (tmp_path / "text").write_text("no HDF5")
    with pytest.raises(FormatError):
        copy(tmp_path / "text", target)
    assert not target.exists()


def test_nothing_is_overwritten_unasked(whole, tmp_path):
    target = tmp_path / "b.h5"
    target.write_text("mine")
    for options in ({}, {"tables": "atoms"}):
        with pytest.raises(WriteError, match="overwrite"):
            copy(whole, target, **options)
        assert target.read_text() == "mine"
    copy(whole, target, overwrite=True)
    with pytest.raises(WriteError, match="itself"):
        copy(target, target, overwrite=True)
    (tmp_path / "link.h5").symlink_to(target)
    with pytest.raises(WriteError, match="itself"):
        copy(tmp_path / "link.h5", target, tables="atoms", overwrite=True)
    assert contents(target) == contents(whole)


def test_unicode_names_and_a_file_by_anndata(tmp_path):
    anndata = pytest.importorskip("anndata")
    ak = pytest.importorskip("awkward")
    array = ak.Array([[{"größe": 1.5, "名": "a"}], [], [{"größe": 2.5, "名": "µ"}] * 3])
    with h5py.File(tmp_path / "a.h5", "w") as file:
        anndata.io.write_elem(file, "proben/täglich", array)
    copy(tmp_path / "a.h5", tmp_path / "ü.h5", tables="proben", columns=["名"])
    copy(tmp_path / "a.h5", tmp_path / "rows.h5", rows=slice(1, 3))
    copy(tmp_path / "a.h5", tmp_path / "picked.h5", rows=[2, 0])
    assert contents(tmp_path / "ü.h5") == {"proben/täglich": {"名": [["a"], [], ["µ"] * 3]}}
    assert contents(tmp_path / "rows.h5")["proben/täglich"]["größe"] == [[], [2.5] * 3]
    assert contents(tmp_path / "picked.h5")["proben/täglich"]["名"] == [["µ"] * 3, ["a"]]
    with h5py.File(tmp_path / "rows.h5") as file:
        assert anndata.io.read_elem(file["proben/täglich"]).tolist() == array[1:].tolist()


def test_a_table_in_another_file(tmp_path):
    write_everything(tmp_path / "other.h5", 20)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["linked"] = h5py.ExternalLink("other.h5", "/atoms")
    copy(tmp_path / "a.h5", tmp_path / "b.h5", tables="linked")
    copy(tmp_path / "a.h5", tmp_path / "c.h5", rows="3:9")
    whole = contents(tmp_path / "other.h5")["atoms"]
    assert contents(tmp_path / "b.h5")["linked"] == whole
    assert contents(tmp_path / "c.h5")["linked"] == {n: v[3:9] for n, v in whole.items()}


def test_a_user_block(tmp_path):
    with rh5.File(tmp_path / "a.h5", "w", userblock_size=512) as file:
        file.create_array("x", data=np.arange(5000), chunk_bytes=512)
    with (tmp_path / "a.h5").open("r+b") as raw:
        raw.write(b"#!/bin/sh")
    copy(tmp_path / "a.h5", tmp_path / "b.h5", tables="x")
    assert (tmp_path / "b.h5").read_bytes()[:9] == b"#!/bin/sh"
    assert contents(tmp_path / "b.h5") == {"x": list(range(5000))}


@settings(max_examples=4)
@given(
    start=st.integers(0, 60),
    count=st.integers(0, 60),
    chunk=st.sampled_from([64, 200, 1 << 16]),
    codec=st.sampled_from(["blosc", "zstd", "bitshuffle", "gzip", None]),
)
def test_any_rows_of_any_table(tmp_path_factory, start, count, chunk, codec):
    folder = tmp_path_factory.mktemp("any")
    source = write_everything(folder / "a.h5", 60, chunk_bytes=chunk, codec=codec)
    copy(source, folder / "b.h5", rows=slice(start, start + count))
    assert contents(folder / "b.h5") == rows_of(contents(source), slice(start, start + count))
    shutil.rmtree(folder)


def test_everything_else_is_there_too(tmp_path):
    source = add_plain_objects(write_everything(tmp_path / "a.h5", 300))
    copy(source, tmp_path / "b.h5")
    assert by_h5py(tmp_path / "b.h5") == by_h5py(source)


def test_references_among_chosen_rows_lead_nowhere(whole, tmp_path):
    copy(whole, tmp_path / "b.h5", tables=["refs", "time"])
    with h5py.File(tmp_path / "b.h5") as file:
        assert not file["refs"][0]
        assert file[file["refs"][1]] == file["time"]
    copy(whole, tmp_path / "c.h5", tables=["refs", "time"], rows=[1])
    with h5py.File(tmp_path / "c.h5") as file:
        assert not file["refs"][0]


def test_bytes_and_compounds(tmp_path):
    pairs = np.array([(1, b"a"), (2, b"bc"), (3, b"")], [("n", "i4"), ("s", "S5")])
    with h5py.File(tmp_path / "a.h5", "w", track_order=True) as file:
        file.create_dataset("pairs", data=pairs, chunks=(2,), maxshape=(None,), fillvalue=pairs[1])
        file["opaque"] = np.array([b"abc", b"de"], "V5")
        file["bytes"] = np.array([b"x", b"yy"])
    for rows, wanted in ((slice(0, 2), [0, 1]), ([1, 0, 1], [1, 0, 1])):
        copy(tmp_path / "a.h5", tmp_path / "b.h5", rows=rows, overwrite=True)
        with h5py.File(tmp_path / "b.h5") as file:
            assert list(file) == ["pairs", "opaque", "bytes"]
            assert file["pairs"][:].tolist() == pairs[wanted].tolist()
            assert file["bytes"][:].tolist() == [[b"x", b"yy"][i] for i in wanted]
            assert file["opaque"][:].tobytes() == np.array([b"abc", b"de"], "V5")[wanted].tobytes()


def test_datasets_that_cannot_be_created_here(tables, tmp_path, monkeypatch):
    """As those with a filter that is missing and not optional: HDF5 copies them."""
    source, whole = tables
    monkeypatch.setattr(object_copy, "create_exact", lambda *args: None)
    copy(source, tmp_path / "b.h5", tables="*")
    assert contents(tmp_path / "b.h5") == whole
    assert sums_known(tmp_path / "b.h5") == sums_known(source)
    shutil.copy(source, tmp_path / "damaged.h5")
    flip_byte(tmp_path / "damaged.h5", "atoms/coords-data", 2)
    with pytest.raises(FormatError, match="atoms/coords-data: chunk 2"):
        copy(tmp_path / "damaged.h5", tmp_path / "c.h5", tables="atoms")
    assert not (tmp_path / "c.h5").exists()


KILLED = """
import os, signal, sys
from raggedh5.care import copy, merge, repack
from raggedh5.store.chunk_sums import ChunkSums
what, source, target = sys.argv[1:]
left, save = [40], ChunkSums.save
def count(self):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    save(self)
ChunkSums.save = count
{"copy": lambda: copy(source, target, tables="*"), "repack": lambda: repack(source),
 "merge": lambda: merge([source, source], target)}[what]()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("what", ["copy", "merge", "repack"])
def test_a_process_that_is_killed(tables, tmp_path, what):
    source, target = tmp_path / "a.h5", tmp_path / "b.h5"
    shutil.copy(tables[0], source)
    environment = {**os.environ, "PYTHONPATH": str(Path(rh5.__file__).parent.parent)}
    words = [sys.executable, "-c", KILLED, what, str(source), str(target)]
    done = subprocess.run(words, env=environment, capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert source.read_bytes() == tables[0].read_bytes()
    assert not target.exists()
    left = [path.name for path in tmp_path.iterdir() if path != source]
    assert all(name.startswith(".") and name.endswith(".tmp") for name in left)
