"""Random rows of one table, all of its number columns, from files that stay open.

The rows of every draw are new, and the same for each contender; chunk caches are left as the
libraries set them, and the offsets are in memory for all.
"""

from __future__ import annotations

import shutil
from itertools import count

import numpy as np
import pytest

from bench import place, workload
from bench.figure import Figure
from bench.flat import flatten
from bench.interleave import Times, interleave
from bench.rivals import Rival, contender, installed
from bench.rivals.gzip_padded import GzipPadded
from bench.rivals.h5py_flat import H5pyFlat

TABLE = "atoms"
DRAW = 64
KIB = (4, 8, 16, 32, 64, 128, 512)
KINDS = ("batch", "row", "batch-large", "row-large")
LARGER = 8


def entrants(kib: tuple[int, ...] = KIB) -> dict[str, tuple[Rival, str]]:
    """Return the readers by name, each with the name of the file it reads a copy of."""
    found: dict[str, tuple[Rival, str]] = {}
    try:
        from bench.rivals.raggedh5_writer import Raggedh5, SlicedByH5py, SlicedWithOldCache

        ours = (Raggedh5(), SlicedByH5py(), SlicedWithOldCache())
        found = {rival.name: (rival, "raggedh5") for rival in ours}
    except ImportError as error:
        print(f"raggedh5 is left out: {error}")
    for size in kib:
        rival = H5pyFlat(size * 1024)
        rival.what = f"h5py-flat with chunks of {size} KiB"
        found[f"h5py-flat-{size}k"] = (rival, f"h5py-flat-{size}k")
    return found | {GzipPadded.name: (GzipPadded(), GzipPadded.name)}


def open_all(readers: dict[str, tuple[Rival, str]], batches: list, spot: place.Place) -> dict:
    """Write the files and return a handle for each reader.

    HDF5 shares the chunk cache between two openings of one file: each reader has its own copy.
    """
    handles = {}
    for name, (rival, file) in readers.items():
        path, source = spot.path(name, rival.suffix), spot.path(file, rival.suffix)
        if source.exists():
            shutil.copy(source, path)
        else:
            writer = contender("raggedh5") if file == "raggedh5" else rival
            writer.write(path, batches)
        handles[name] = rival.open(path, TABLE)
    return handles


def check(readers: dict, handles: dict, batches: list) -> None:
    """Compare one draw of every reader with the batches themselves."""
    table = flatten(batches)[TABLE]
    rows = np.random.default_rng(1).integers(0, len(table.offsets) - 1, DRAW)
    lengths = table.offsets[rows + 1] - table.offsets[rows]
    mask = np.arange(lengths.max()) < lengths[:, None]
    places = (table.offsets[rows][:, None] + np.arange(mask.shape[1]))[mask]
    start, stop = table.offsets[rows[0] : rows[0] + 2]
    for name, (rival, _) in readers.items():
        batch = rival.random_rows(handles[name], rows)
        row = rival.one_row(handles[name], int(rows[0]))
        same = np.array_equal(batch["mask"], mask)
        for key, values in table.columns.items():
            same &= np.array_equal(batch[key][mask], values[places])
            same &= not batch[key][~mask].any()
            same &= np.array_equal(row[key], values[start:stop])
        if not same:
            raise RuntimeError(f"{name} does not read the rows that were written")


def measure(kind: str, where: str, rows: int, rounds: int) -> Figure:
    """Time draws of a "batch", 64 rows padded, or of one "row": many of them a round.

    With "-large" behind it from a file of eight times the rows, which no chunk cache holds.
    """
    what, _, large = kind.partition("-")
    times = LARGER if large else 1
    draws = 2000 if what == "row" else 20
    title = "One random row" if what == "row" else f"{DRAW} random rows as a padded batch"
    figure = Figure(
        key=f"random-{kind}-{where}",
        title=f"{title}: {TABLE} of {rows * times:,} rows, {where}",
        command=f"python -m bench.report --only random-{kind}-{where} --rows {rows}",
        note="The time is that of one draw.",
    )
    batches = [{TABLE: batch[TABLE]} for batch in workload.batches("numbers-64", rows)] * times
    rows *= times
    readers = entrants((16, 512) if large else KIB)
    with place.Place(where) as spot:
        handles = open_all(readers, batches, spot)
        check(readers, handles, batches)
        runs = {
            name: _draw(rival, handles[name], what, rows, draws)
            for name, (rival, _) in readers.items()
        }
        found = interleave(runs, rounds)
        for name, (rival, _) in readers.items():
            one = Times(*([t / draws for t in each] for each in found[name]))
            size = place.size(spot.path(name, rival.suffix))
            figure.add(name, one, 1, size=size, what=rival.what)
    return figure


def _draw(rival: Rival, handle, kind: str, rows: int, draws: int):
    """Return a function that draws anew each time, in the same order for every contender."""
    seeds = count()

    def run() -> None:
        rng = np.random.default_rng(next(seeds))
        for _ in range(draws):
            if kind == "batch":
                rival.random_rows(handle, rng.integers(0, rows, DRAW))
            else:
                rival.one_row(handle, int(rng.integers(0, rows)))

    return run


@pytest.mark.parametrize("kind", KINDS[:2])
@pytest.mark.parametrize("name", ["raggedh5", "h5py-same-file", "h5py-flat-16k"])
def test_random(benchmark, name, kind, rows, places):
    readers = entrants((16,))
    if name not in readers:
        installed("raggedh5")
    batches = [{TABLE: batch[TABLE]} for batch in workload.batches("numbers-64", rows)]
    with place.Place(places[0]) as spot:
        handles = open_all({name: readers[name]}, batches, spot)
        check({name: readers[name]}, handles, batches)
        benchmark.group = f"random {kind} {spot.name}"
        run = _draw(readers[name][0], handles[name], kind, rows, 1)
        benchmark.pedantic(run, rounds=30, warmup_rounds=3)
