"""What a file goes through in its life, in any order, held to lists in memory.

Appended to, flushed, reopened, cut off by a crash, recovered, repaired, repacked, copied, merged
with others, checked and read.
"""

import shutil
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

import raggedh5 as rh5
from batches import COLUMNS, batch
from kinds import plain
from raggedh5.care import copy, merge, recover, repack, repair, validate
from raggedh5.store.durable import durability
from raggedh5.store.durable.journal import journal_of

MEMORY = Path("/dev/shm")
CODECS = [rh5.Blosc(), rh5.Blosc("zstd"), rh5.LZ4(), None, "gzip"]
seeds = st.integers(0, 2**32 - 1)
names = st.sampled_from(["a", "deep/b"])


class Life(RuleBasedStateMachine):
    """A file with two tables of every kind of column, a row table and an array."""

    def __init__(self):
        super().__init__()
        self.folder = None
        self.count = 0
        self.file = None

    @initialize(
        durable=st.sampled_from(["process", "disk"]),
        chunk_bytes=st.sampled_from([50, 1000, 1 << 16]),
        codec=st.sampled_from(CODECS),
        journal=st.sampled_from([1000, 1 << 25]),
    )
    def begin(self, durable, chunk_bytes, codec, journal):
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.options = {"chunk_bytes": chunk_bytes, "threads": 1, "codec": codec}
        self.durable = durable
        self.largest, durability.LARGEST_JOURNAL = durability.LARGEST_JOURNAL, journal
        self.path = self.new_path()
        self.model = {"a": [], "deep/b": [], "cells": [], "image": []}
        self.safe = dict.fromkeys(self.model, 0)
        with rh5.File(self.path, "w", durable=durable, **self.options) as file:
            self.prepare(file)
        self.open()

    def new_path(self):
        self.count += 1
        return Path(self.folder.name) / f"{self.count}.h5"

    def prepare(self, file):
        for name in ("a", "deep/b"):
            file.create_table(name, COLUMNS)
        file.create_table("cells", {"e": "f8", "t": "str"}, ragged=False)
        file.create_array("image", (0, 3), "u2", chunks=(4, 3))

    def open(self):
        self.file = rh5.File(self.path, "a", durable=self.durable, **self.options)

    def replaced(self, target):
        """Go on with another file in the place of this."""
        self.path.unlink()
        self.path = target
        self.open()

    def close(self):
        self.file.close()
        self.acknowledge()

    def acknowledge(self):
        self.safe = {name: len(rows) for name, rows in self.model.items()}

    @rule(name=names, seed=seeds, rows=st.integers(0, 9), flushes=st.integers(0, 4))
    def append(self, name, seed, rows, flushes):
        for k in range(flushes + 1):
            data, mask, item_masks, model = batch(seed + k, rows)
            self.file[name].append(data, mask=mask, item_masks=item_masks)
            self.model[name] += model
            if k < flushes:  # all but the last batch are safe
                self.flush()

    @rule(seed=seeds, rows=st.integers(0, 9))
    def append_cells(self, seed, rows):
        self.append_to_cells(self.file, seed, rows, self.model)

    def append_to_cells(self, file, seed, rows, model):
        rng = np.random.default_rng(seed)
        energy, title = rng.normal(size=rows), rng.choice(["x", "ä", "long" * 5], rows)
        file["cells"].append({"e": energy, "t": title})
        model["cells"] += list(zip(energy.tolist(), title.tolist(), strict=True))

    @rule(seed=seeds, rows=st.integers(0, 9))
    def append_image(self, seed, rows):
        block = np.random.default_rng(seed).integers(0, 999, (rows, 3), "u2")
        self.file["image"].append(block)
        self.model["image"] += block.tolist()

    @rule()
    def flush(self):
        self.file.flush()
        self.acknowledge()

    @rule()
    def reopen(self):
        self.close()
        self.open()

    @rule(how=st.sampled_from(["recover", "open"]))
    def crash(self, how):
        """Go on with the bytes that there are now: what a killed writer leaves."""
        target = self.new_path()
        shutil.copyfile(self.path, target)
        shutil.copyfile(journal_of(self.path), journal_of(target))
        self.file.close()
        if how == "recover":
            recover(target)
            with h5py.File(target) as file:
                assert "a" in file
        self.replaced(target)
        for name, rows in self.model.items():
            found = len(self.file[name])
            assert self.safe[name] <= found <= len(rows)
            del rows[found:]
        self.acknowledge()

    @rule()
    def repair(self):
        self.close()
        target = self.new_path()
        report = repair(self.path, target, isolated=False)
        assert all(table.lost == () for table in report.tables)
        self.replaced(target)

    @rule(codec=st.sampled_from(["keep", *CODECS]), chunk_bytes=st.sampled_from([None, 100, 5000]))
    def repack(self, codec, chunk_bytes):
        self.close()
        target = self.new_path()
        repack(self.path, target, codec=codec, chunk_bytes=chunk_bytes)
        self.replaced(target)

    @rule()
    def copy(self):
        self.close()
        target = self.new_path()
        copy(self.path, target)
        self.replaced(target)

    @rule(seed=seeds, rows=st.integers(0, 9), first=st.booleans())
    def merge(self, seed, rows, first):
        self.close()
        other, target = self.new_path(), self.new_path()
        added = {name: [] for name in self.model}
        with rh5.File(other, "w", chunk_bytes=100) as file:
            self.prepare(file)
            for k, name in enumerate(("a", "deep/b")):
                data, mask, item_masks, model = batch(seed + k, rows)
                file[name].append(data, mask=mask, item_masks=item_masks)
                added[name] += model
            self.append_to_cells(file, seed, rows, added)
        merge([other, self.path] if first else [self.path, other], target)
        for name in self.model:
            mine = self.model[name]
            self.model[name] = added[name] + mine if first else mine + added[name]
        self.acknowledge()
        other.unlink()
        self.replaced(target)

    @rule()
    def validate(self):
        self.close()
        report = validate(self.path, isolated=False)
        assert report.valid, report.errors
        self.open()

    @rule()
    def read_live(self):
        with rh5.File(self.path, live=True, threads=1) as file:
            for name, rows in self.model.items():
                assert len(file[name]) <= len(rows)
            found = file["a"].read()
            for column in found:
                rows = self.model["a"][: len(file["a"])]
                assert plain(found[column]) == [row[column] for row in rows]

    @rule(name=names)
    def read(self, name):
        found = self.file[name].read()
        for column in found:
            assert plain(found[column]) == [row[column] for row in self.model[name]]

    @rule()
    def read_others(self):
        found = self.file["cells"].read()
        assert list(zip(plain(found["e"]), plain(found["t"]), strict=True)) == self.model["cells"]
        assert self.file["image"][:].tolist() == self.model["image"]

    @invariant()
    def lengths(self):
        if self.file is not None:
            for name, rows in self.model.items():
                assert len(self.file[name]) == len(rows)

    def teardown(self):
        if self.folder is None:
            return
        durability.LARGEST_JOURNAL = self.largest
        try:
            self.reopen()
            self.read("a")
            self.read("deep/b")
            self.read_others()
            self.file.close()
        finally:
            self.folder.cleanup()


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=10,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.slow
def test_many_lives():
    run_state_machine_as_test(
        Life, settings=settings(TestLife.settings, max_examples=600, stateful_step_count=40)
    )
