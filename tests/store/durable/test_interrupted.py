"""Ctrl-C in the middle of what HDF5 writes: whatever was flushed is there, and more can follow."""

import signal

import numpy as np
import pytest

import raggedh5 as rh5
from raggedh5.care import recover, validate
from raggedh5.store.durable import durability
from raggedh5.store.durable.journal import has_journal
from raggedh5.store.durable.paged_file import PagedFile

X = np.arange(30 * 10 * 3).reshape(-1, 10, 3).astype("f4")


@pytest.fixture
def interrupt(monkeypatch):
    """Let the n-th write of HDF5 be interrupted; 0 for none. Return how many there were."""
    real, state = PagedFile.write_at, {"count": 0, "at": 0}

    def write_at(self, address, buffer):
        state["count"] += 1
        if state["count"] == state["at"]:
            signal.raise_signal(signal.SIGINT)
        return real(self, address, buffer)

    monkeypatch.setattr(PagedFile, "write_at", write_at)
    monkeypatch.setattr(durability, "LARGEST_JOURNAL", 2000)

    def begin(at):
        count = state["count"]
        state.update(count=0, at=at)
        return count

    return begin


def write(path, goes_on):
    """Write all rows; return those that are safe."""
    flushed = 0
    with rh5.File(path, "w", durable="process", chunk_bytes=600, threads=1) as file:
        table = file.create_table("t", {"x": ("f4", (3,))})
        while len(table) < len(X):
            try:
                if len(table) < flushed + 10:
                    table.append({"x": X[len(table) : len(table) + 5]})
                file.flush()
                flushed = len(table)
            except KeyboardInterrupt:
                if not goes_on:
                    return flushed
        file.flush()
    return len(X)


@pytest.mark.parametrize("goes_on", [False, True])
def test_at_every_write(path, interrupt, goes_on):
    interrupt(0)
    assert write(path, goes_on) == len(X)
    writes = interrupt(0)
    assert writes > 40
    for at in range(1, writes + 1):
        interrupt(at)
        flushed = 0
        try:
            flushed = write(path, goes_on)
        except KeyboardInterrupt:  # in closing the file
            flushed = len(X)
        interrupt(0)
        if has_journal(path):
            recover(path)
        with rh5.File(path, verify="always") as file:
            assert len(file["t"]) >= flushed
            found = file["t"]["x"][:]
            assert np.array_equal(found.values, X[: len(found)].reshape(-1, 3))
        if at % 10 == 0:
            assert validate(path, isolated=False).valid
