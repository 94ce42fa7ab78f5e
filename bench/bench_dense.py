"""A dense array of spectra, float32 (100,000, 300): written at once, in blocks, and read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import pytest

from bench import place
from bench.data import spectra
from bench.figure import Figure
from bench.ideal import Ideal
from bench.interleave import interleave
from bench.rivals.h5py_flat import read

KINDS = ("write", "append", "read")
BLOCK = 1000
CHUNK = 512 * 1024

try:
    import raggedh5 as rh5
except ImportError:
    rh5 = None


def _h5py_create(path: Path, **more) -> h5py.File:
    file = h5py.File(path, "w", rdcc_nbytes=0)
    shape = more["data"].shape if "data" in more else more["shape"]
    chunks = (CHUNK // (4 * shape[1]), shape[1])
    file.create_dataset("x", chunks=chunks, **more, **hdf5plugin.Blosc("lz4", clevel=5, shuffle=1))
    return file


def h5py_write(path: Path, values: np.ndarray) -> None:
    _h5py_create(path, data=values).close()


def h5py_append(path: Path, values: np.ndarray) -> None:
    """Append in blocks that end where chunks end: others cost h5py another decompression each."""
    width = values.shape[1]
    with _h5py_create(path, shape=(0, width), maxshape=(None, width), dtype="f4") as file:
        dataset = file["x"]
        step = max(1, BLOCK // dataset.chunks[0]) * dataset.chunks[0]
        for start in range(0, len(values), step):
            block = values[start : start + step]
            dataset.resize(start + len(block), axis=0)
            dataset.write_direct(block, dest_sel=np.s_[start : start + len(block)])


def h5py_read(path: Path) -> np.ndarray:
    with h5py.File(path, rdcc_nbytes=0) as file:
        return read(file["x"])


def our_write(path: Path, values: np.ndarray) -> None:
    with rh5.File(path, "w") as file:
        file.create_array("x", data=values)


def our_append(path: Path, values: np.ndarray) -> None:
    with rh5.File(path, "w") as file:
        array = file.create_array("x", shape=(0, values.shape[1]), dtype="f4")
        for start in range(0, len(values), BLOCK):
            array.append(values[start : start + BLOCK])


def our_read(path: Path) -> np.ndarray:
    with rh5.File(path) as file:
        return file["x"][:]


WAYS: dict[str, dict[str, Callable]] = {
    "h5py-flat": {"write": h5py_write, "append": h5py_append, "read": h5py_read},
}
if rh5 is not None:
    ours = {"write": our_write, "append": our_append, "read": our_read}
    WAYS = {"raggedh5": ours, **WAYS}


def measure(kind: str, where: str, rows: int, rounds: int) -> Figure:
    """Time one of "write", "append" and "read"; `rows` is that of the array."""
    how = {"write": "written at once", "append": f"appended {BLOCK:,} rows at a time"}
    figure = Figure(
        key=f"dense-{kind}-{where}",
        title=f"Dense float32 ({rows:,}, 300), {how.get(kind, 'read')}, {where}",
        command=f"python -m bench.report --only dense-{kind}-{where}",
    )
    values = spectra(rows)
    with place.Place(where) as spot:
        spot.warm(values.nbytes)
        paths = {name: spot.path(name, ".h5") for name in WAYS}
        sizes = {}

        def clean(name: str) -> None:
            sizes[name] = place.size(paths[name])
            if kind != "read":
                place.remove(paths[name])

        if kind == "read":
            for name, path in paths.items():
                WAYS[name]["write"](path, values)
        runs = {name: _run(name, kind, paths[name], values, spot) for name in WAYS}
        after = {name: lambda name=name: clean(name) for name in WAYS}
        ideal = Ideal.of_array(values, spot, BLOCK if kind == "append" else None)
        terms = ideal.reading() if kind == "read" else ideal.writing()
        if kind != "read":
            after["write"] = ideal.clean
        times = interleave(runs | terms, rounds, after=after)
    for name in WAYS:
        figure.add(name, times[name], values.nbytes, size=sizes[name])
    figure.ideal = {term: times[term].wall for term in terms}
    return figure


def _run(name: str, kind: str, path: Path, values: np.ndarray, spot: place.Place):
    if kind == "read":
        return lambda: WAYS[name]["read"](path)

    def run() -> None:
        WAYS[name][kind](path, values)
        spot.settle(path)

    return run


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_dense(benchmark, name, kind, rows, places):
    values = spectra(rows * 6)
    with place.Place(places[0]) as spot:
        path = spot.path(name, ".h5")
        WAYS[name]["append" if kind == "append" else "write"](path, values)
        benchmark.group = f"dense {kind} {spot.name}"
        benchmark.pedantic(_run(name, kind, path, values, spot), rounds=3, warmup_rounds=1)
        assert np.array_equal(h5py_read(path), values)
