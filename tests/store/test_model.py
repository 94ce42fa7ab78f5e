"""Appends, reads, flushes and reopenings in any order, held to lists in memory."""

import contextlib

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import raggedh5 as rh5
from batches import COLUMNS, WORDS, batch
from kinds import plain

seeds = st.integers(0, 2**32 - 1)


class Files(RuleBasedStateMachine):
    """Two tables, a row table and an array in one file, now ours, now somebody else's."""

    def __init__(self):
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.folder = None

    @initialize(
        adopted=st.booleans(),
        chunk_bytes=st.sampled_from([1, 50, 1000, 1 << 19]),
        threads=st.sampled_from([1, 2]),
        codec=st.sampled_from([rh5.Blosc(), rh5.Blosc("zstd"), rh5.LZ4(), None, "gzip"]),
    )
    def begin(self, adopted, chunk_bytes, threads, codec):
        import tempfile
        from pathlib import Path

        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "file.h5"
        self.options = {"chunk_bytes": chunk_bytes, "threads": threads, "codec": codec}
        self.adopted = adopted
        self.owner = None
        self.open("w")
        self.model = {"a": [], "b": [], "cells": [], "image": []}
        tables = [self.file.create_table(name, COLUMNS) for name in "ab"]
        self.file.create_table("cells", {"e": "f8", "t": "str"}, ragged=False)
        self.file.create_array("image", (0, 3, 5), "u2", chunks=(2, 2, 5))
        # What was declared is in the file once the first batch, even an empty one, has come.
        for table in tables:
            data, mask, item_masks, _ = batch(0, 0)
            table.append(data, mask=mask, item_masks=item_masks)
        self.reopen("a")

    def open(self, mode):
        if self.adopted:
            self.owner = h5py.File(self.path, mode)
        self.file = rh5.File(self.owner or self.path, mode, **self.options)
        self.mode = mode

    @rule(mode=st.sampled_from(["a", "a", "a", "r"]))
    def reopen(self, mode):
        if self.adopted:
            self.owner.close()  # without a word to ours
        self.file.close()
        self.open(mode)

    @rule(name=st.sampled_from("ab"), seed=seeds, rows=st.integers(0, 9), times=st.integers(1, 4))
    def append(self, name, seed, rows, times):
        for k in range(times):
            data, mask, item_masks, model = batch(seed + k, rows)
            if self.mode == "r":
                with pytest.raises(rh5.WriteError):
                    self.file[name].append(data, mask=mask, item_masks=item_masks)
            else:
                self.file[name].append(data, mask=mask, item_masks=item_masks)
                self.model[name] += model

    @rule(name=st.sampled_from("ab"), seed=seeds, column=st.sampled_from("xnsdl"))
    def refuse(self, name, seed, column):
        data, mask, item_masks, _ = batch(seed, 5)
        if self.mode == "r" or not mask.any():
            return
        bad = data[column].copy()
        if column == "x":
            bad[mask, 1] = np.nan
        elif column in "sd":
            bad[mask] = "\ud800"
        else:
            bad = bad.astype("f8")
        with pytest.raises(rh5.SchemaError):
            self.file[name].append({**data, column: bad}, mask=mask, item_masks=item_masks)

    @rule(seed=seeds, rows=st.integers(0, 9))
    def append_cells(self, seed, rows):
        if self.mode == "r":
            return
        rng = np.random.default_rng(seed)
        energy, title = rng.normal(size=rows), rng.choice(WORDS, rows)
        self.file["cells"].append({"e": energy, "t": title})
        self.model["cells"] += list(zip(energy.tolist(), title.tolist(), strict=True))

    @rule(seed=seeds, rows=st.integers(0, 5))
    def append_image(self, seed, rows):
        if self.mode == "r":
            return
        block = np.random.default_rng(seed).integers(0, 999, (rows, 3, 5), "u2")
        self.file["image"].append(block)
        self.model["image"] += block.tolist()

    @rule()
    def flush(self):
        self.file.flush()

    @rule(name=st.sampled_from("ab"), seed=seeds)
    def take(self, name, seed):
        model = self.model[name]
        table = self.file[name]
        if model:
            rows = np.random.default_rng(seed).integers(-len(model), len(model), 5)
            found = table.take(rows)
            for column in COLUMNS:
                assert plain(found[column]) == [model[i][column] for i in rows]
                assert plain(table[int(rows[0])][column]) == model[rows[0]][column]

    @rule(name=st.sampled_from("ab"))
    def read(self, name):
        found = self.file[name].read()
        for column in found:
            assert plain(found[column]) == [row[column] for row in self.model[name]]

    @rule()
    def read_others(self):
        found = self.file["cells"].read()
        if self.model["cells"]:
            assert plain(found["e"]) == [e for e, _ in self.model["cells"]]
            assert plain(found["t"]) == [t for _, t in self.model["cells"]]
        assert self.file["image"][:].tolist() == self.model["image"]

    @invariant()
    def lengths(self):
        if self.folder is not None:
            for name, model in self.model.items():
                assert len(self.file[name]) == len(model)
            if self.adopted:
                for name in ("a", "b", "cells"):
                    assert self.owner[name].attrs["length"] == len(self.model[name])

    def teardown(self):
        if self.folder is None:
            return
        try:
            self.reopen("r")
            self.read("a")
            self.read("b")
            self.read_others()
            self.file.close()
            if self.owner:
                self.owner.close()
        finally:
            self.folder.cleanup()


TestFiles = Files.TestCase
TestFiles.settings = settings(
    max_examples=30,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.slow
def test_files_for_longer():
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Files, settings=settings(TestFiles.settings, max_examples=1500, stateful_step_count=40)
    )


def test_one_row_at_a_time(path, rng):
    lengths = rng.integers(0, 9, 1000)
    rows = [rng.normal(size=(n, 3)) for n in lengths]
    with rh5.File(path, "w") as file:
        table = file.create_table("t", {"x": ("f8", (3,))})
        for row in rows:
            table.append({"x": row[None]})
    found = rh5.read(path)["t"]["x"]
    assert np.array_equal(found.lengths, lengths)
    assert np.array_equal(found.values, np.concatenate(rows))


def test_a_batch_larger_than_what_is_under_way(path, rng):
    values = rng.normal(size=(3000, 200, 3)).astype("f4")
    mask = rng.random((3000, 200)) < 0.7
    symbols = rng.choice(np.array(["H", "C", "N"]), (3000, 200))
    with rh5.File(path, "w") as file:
        file.create_table("t").append({"x": values, "s": symbols}, mask=mask)
    found = rh5.read(path)["t"]
    assert np.array_equal(found["x"].values, values[mask])
    assert found["s"].values.tolist() == symbols[mask].tolist()
    assert np.array_equal(found["x"].lengths, mask.sum(1))


def test_items_of_no_bytes(path):
    with rh5.File(path, "w") as file:
        table = file.create_table("t")
        table.append({"x": np.zeros((3, 4, 0)), "y": np.zeros((3, 4, 2, 0))}, lengths=[1, 0, 4])
        table.append({"x": np.zeros((1, 2, 0)), "y": np.zeros((1, 2, 2, 0))})
    with rh5.File(path) as file:
        table = file["t"]
        assert table.items == 7
        assert table[2]["y"].shape == (4, 2, 0)
        assert table.read()["x"].values.shape == (7, 0)


@pytest.mark.parametrize("codec", [rh5.Blosc(), rh5.Zstd(), "gzip", None], ids=repr)
def test_an_empty_row_behind_the_last_full_chunk(path, codec):
    """It begins where no chunk is."""
    with rh5.File(path, "w", chunk_bytes=80, codec=codec) as file:
        offsets = [0, 0, 10, 20, 20, 20]
        file.create_table("t").append({"x": rh5.Ragged(np.arange(20.0), offsets)})
    for rows in ([4], [1, 4], [3, 0], [4, 2, 1, 0]):
        with rh5.File(path) as file:
            table = file["t"]
            for _ in range(2):
                found = table.take(rows)["x"]
                assert [len(row) for row in found] == [10 if i in (1, 2) else 0 for i in rows]
                assert table.padded(rows)["mask"].sum() == len(found.values)
                assert len(table[4]["x"]) == 0
                assert len(table["x"][3]) == 0
                assert table[3:5]["x"].to_list() == [[], []]


def test_columns_that_were_declared_are_there_without_rows(path):
    with rh5.File(path, "w") as file:
        file.create_table("t", COLUMNS)
    with rh5.File(path, "a") as file:
        assert list(file["t"].columns) == list(COLUMNS)
        assert len(file["t"]) == 0
        data, mask, item_masks, model = batch(3, 5)
        file["t"].append(data, mask=mask, item_masks=item_masks)
        assert plain(file["t"].read()["o"]) == [row["o"] for row in model]
