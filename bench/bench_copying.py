"""Whole files: copy, repack and merge beside `cp`, and a virtual file over a hundred parts.

    python -m bench.report --only copying
    python -m bench.report --only virtual

Nothing is compressed or decompressed here: what is measured is how fast stored chunks come from
one file into another, compared with their checksums on the way. `cp` is the system's, of the same
file, from the page cache. On disk all end with an fsync, and `cp` is shown without one, too.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import raggedh5 as rh5
from bench import place
from bench.data import crystals
from bench.figure import Figure
from bench.interleave import interleave
from raggedh5.care import copy, merge, repack

MEGABYTES = 550
PARTS = 100
VIRTUAL = "merge-virtual"
WHAT = {
    "cp": "the system's `cp`; of the whole file",
    "cp-no-sync": "the same, without an fsync on disk",
    "cp-halves": "`cp` of two files of half the size",
    "copy": "`copy(src, dst)`",
    "tables": '`copy(src, dst, tables="*")`: chunk by chunk',
    "repack": "`repack(src, dst)` without another codec",
    "merge": "`merge(halves, dst)` of two files whose chunks line up",
}
PART_ROWS = 10_000
HALVES = 2
LENGTH = 40_960
"""Items of a chunk of coordinates; a merge of two files with a multiple of it copies all chunks."""


def write_tables(path: Path, megabytes: float) -> None:
    """Write tables of crystals of about that many megabytes as it is stored."""
    batches = crystals(4096, batch=1024)
    with rh5.File(path, "w") as file:
        tables = {name: file.create_table(name) for name in batches[0]}
        written = Path(file.h5.filename)
        while written.stat().st_size < megabytes * 1e6:
            for batch in batches:
                for name, (columns, mask) in batch.items():
                    tables[name].append(columns, mask=mask)


def write_aligned(path: Path, megabytes: float, seed: int) -> None:
    """Write a row table whose length fills whole chunks."""
    rng = np.random.default_rng(seed)
    rows = max(int(megabytes * 1e6 / 12) // LENGTH, 1)
    with rh5.File(path, "w") as file:
        table = file.create_table("points", {"xyz": ("f4", (3,))}, ragged=False)
        for _ in range(rows):
            table.append({"xyz": rng.normal(size=(LENGTH, 3)).astype("f4")})


def write_part(path: Path, seed: int, rows: int) -> None:
    """Write one of many small files: a ragged table and one with a value a row."""
    rng = np.random.default_rng(seed)
    offsets = np.cumsum([0, *rng.integers(1, 40, rows)])
    items = int(offsets[-1])
    symbols = np.array(list("CHON"))[rng.integers(0, 4, items)]
    atoms = {
        "coords": rng.normal(size=(items, 3)).astype("f4"),
        "charge": rng.integers(0, 9, items).astype("i1"),
        "symbol": symbols,
    }
    tables = {
        "atoms": {name: rh5.Ragged(values, offsets) for name, values in atoms.items()},
        "molecules": {"energy": rng.normal(size=rows)},
    }
    rh5.write(path, tables)


def cp(*paths: Path) -> None:
    subprocess.run(["cp", *map(str, paths)], check=True)


def contenders(spot: place.Place, megabytes: float) -> tuple[dict[str, Callable], dict[str, Path]]:
    """Return what is run, and where each puts its file; `cp` of two halves goes to a folder."""
    whole, halves = spot.path("whole", ".h5"), [spot.path(f"half{i}", ".h5") for i in range(HALVES)]
    write_tables(whole, megabytes)
    for i, half in enumerate(halves):
        write_aligned(half, megabytes / HALVES, i)
    folder = spot.path("halves", "")
    folder.mkdir()
    paths = {n: spot.path(n, ".h5") for n in ("cp", "cp-no-sync", "copy", "tables", "repack")}
    paths |= {"cp-halves": folder, "merge": spot.path("merge", ".h5")}

    def settled(run: Callable, path: Path) -> Callable:
        def call() -> None:
            run()
            spot.settle(path)

        return call

    runs = {
        "cp": settled(lambda: cp(whole, paths["cp"]), paths["cp"]),
        "cp-no-sync": lambda: cp(whole, paths["cp-no-sync"]),
        "copy": lambda: copy(whole, paths["copy"]),
        "tables": lambda: copy(whole, paths["tables"], tables="*"),
        "repack": lambda: repack(whole, paths["repack"]),
        "cp-halves": settled(lambda: cp(*halves, folder), folder),
        "merge": lambda: merge(halves, paths["merge"]),
    }
    return runs, paths


def clear(path: Path) -> None:
    """Remove a file, or what is in a folder."""
    for file in place.files(path):
        file.unlink(missing_ok=True)


def measure(where: str, megabytes: float, rounds: int) -> Figure:
    """Time everything but the virtual merge, in turns."""
    figure = Figure(
        key=f"copying-{where}",
        title=f"Copy, repack and merge whole files, {where}",
        command=f"python -m bench.report --only copying-{where}",
        note="MB/s are of the file. On disk all but cp-no-sync end with an fsync.",
    )
    with place.Place(where) as spot:
        runs, paths = contenders(spot, megabytes)
        whole, halves = place.size(spot.path("whole", ".h5")), 0
        for i in range(HALVES):
            halves += place.size(spot.path(f"half{i}", ".h5"))
        after = {name: lambda path=path: clear(path) for name, path in paths.items()}
        times = interleave(runs, rounds, after=after)
    for name, what in WHAT.items():
        nbytes = halves if name in ("cp-halves", "merge") else whole
        figure.add(name, times[name], nbytes, what=what)
    return figure


def measure_virtual(where: str, rounds: int) -> Figure:
    """Time a virtual merge of 100 parts with a million rows."""
    figure = Figure(
        key=f"virtual-{where}",
        title=f"Merge {PARTS} files with {PARTS * PART_ROWS:,} rows as a virtual one, {where}",
        command=f"python -m bench.report --only virtual-{where}",
        note="MB/s are of the parts.",
    )
    with place.Place(where) as spot:
        parts = [spot.path(f"part{i:03}", ".h5") for i in range(PARTS)]
        for i, part in enumerate(parts):
            write_part(part, i, PART_ROWS)
        target = spot.path("all", ".h5")
        runs = {VIRTUAL: lambda: merge(parts, target, virtual=True, overwrite=True)}
        times = interleave(runs, rounds)
        nbytes = sum(map(place.size, parts))
        what = "`merge(parts, dst, virtual=True)`"
        figure.add(VIRTUAL, times[VIRTUAL], nbytes, size=place.size(target), what=what)
    return figure


@pytest.mark.parametrize("name", ["cp", "copy", "tables", "repack", "cp-halves", "merge"])
def test_copying(benchmark, name, rows, places):
    with place.Place(places[0]) as spot:
        runs, paths = contenders(spot, rows / 100)
        benchmark.group = f"copying {spot.name}"
        benchmark.pedantic(runs[name], setup=lambda: clear(paths[name]), rounds=3, warmup_rounds=1)
        if name == "merge":
            halves = [rh5.read(spot.path(f"half{i}", ".h5"))["points"] for i in range(HALVES)]
            wanted = np.concatenate([half["xyz"] for half in halves])
            assert np.array_equal(rh5.read(paths[name])["points"]["xyz"], wanted)
        elif not name.startswith("cp"):
            whole, found = rh5.read(spot.path("whole", ".h5")), rh5.read(paths[name])
            assert found.keys() == whole.keys()
            for table, columns in whole.items():
                for column, values in columns.items():
                    assert np.array_equal(found[table][column].values, values.values)


def test_virtual_merge(benchmark, rows, places):
    with place.Place(places[0]) as spot:
        parts = [spot.path(f"part{i:03}", ".h5") for i in range(PARTS)]
        for i, part in enumerate(parts):
            write_part(part, i, max(rows // PARTS, 1))
        target = spot.path("all", ".h5")
        benchmark.group = f"virtual merge {spot.name}"
        benchmark.pedantic(
            lambda: merge(parts, target, virtual=True, overwrite=True), rounds=3, warmup_rounds=1
        )
        with rh5.File(target) as file:
            assert len(file["atoms"]) == PARTS * max(rows // PARTS, 1)
