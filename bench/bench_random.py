"""Random rows of one table, all of its number columns, from files that stay open.

The rows of every draw are new, and the same for each contender; chunk caches are left as the
libraries set them, and the offsets are in memory for all.
"""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from bench import place, workload
from bench.figure import Figure
from bench.flat import flatten
from bench.interleave import interleave
from bench.rivals import Rival, installed
from bench.rivals.gzip_padded import GzipPadded
from bench.rivals.h5py_flat import H5pyFlat

TABLE = "atoms"
DRAW = 64
KIB = (4, 8, 16, 32, 64, 128, 512)
KINDS = ("batch", "row")


def entrants(kib: tuple[int, ...] = KIB) -> dict[str, tuple[Rival, str]]:
    """Return the readers by name, each with the name of the file it reads."""
    found: dict[str, tuple[Rival, str]] = {}
    try:
        from bench.rivals.raggedh5_writer import Raggedh5, SlicedByH5py

        found = {
            "raggedh5": (Raggedh5(), "raggedh5"),
            SlicedByH5py.name: (SlicedByH5py(), "raggedh5"),
        }
    except ImportError as error:
        print(f"raggedh5 is left out: {error}")
    for size in kib:
        rival = H5pyFlat(size * 1024)
        rival.what = f"h5py-flat with chunks of {size} KiB"
        found[f"h5py-flat-{size}k"] = (rival, f"h5py-flat-{size}k")
    found[GzipPadded.name] = (GzipPadded(), GzipPadded.name)
    return found


def open_all(readers: dict[str, tuple[Rival, str]], batches: list, spot: place.Place) -> dict:
    """Write the files and return a handle for each reader."""
    handles = {}
    for name, (rival, file) in readers.items():
        path = spot.path(file, rival.suffix)
        if not path.exists():
            rival.write(path, batches)
        handles[name] = rival.open(path, TABLE)
    return handles


def check(readers: dict, handles: dict, batches: list) -> None:
    """Compare one draw of every reader with the batches themselves."""
    table = flatten([{TABLE: batch[TABLE]} for batch in batches])[TABLE]
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


def measure(kind: str, where: str, rows: int, rounds: int, *, draws: int = 20) -> Figure:
    """Time `draws` draws a round: of a padded batch of 64 rows, or of one row."""
    figure = Figure(
        key=f"random-{kind}-{where}",
        title=f"{'64 random rows as a padded batch' if kind == 'batch' else 'One random row'}: "
        f"{TABLE} of {rows:,} rows, {where}",
        command=f"python -m bench.report --only random-{kind}-{where} --rows {rows}",
        note="Seconds are those of one draw.",
    )
    batches = workload.batches("numbers-64", rows)
    readers = entrants()
    with place.Place(where) as spot:
        handles = open_all(readers, batches, spot)
        check(readers, handles, batches)
        runs = {
            name: _draw(rival, handles[name], kind, rows, draws)
            for name, (rival, _) in readers.items()
        }
        times = interleave(runs, rounds)
        nbytes = DRAW if kind == "batch" else 1
        for name, (rival, file) in readers.items():
            one = type(times[name])(*([t / draws for t in each] for each in times[name]))
            size = place.size(spot.path(file, rival.suffix))
            figure.add(name, one, nbytes, size=size, what=rival.what)
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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["raggedh5", "h5py-same-file", "h5py-flat-16k", "h5py-flat-512k"])
def test_random(benchmark, name, kind, rows, places):
    readers = entrants((16, 512))
    if name not in readers:
        installed("raggedh5")
    batches = workload.batches("numbers-64", rows)
    with place.Place(places[0]) as spot:
        handles = open_all({name: readers[name]}, batches, spot)
        check({name: readers[name]}, handles, batches)
        benchmark.group = f"random {kind} {spot.name}"
        run = _draw(readers[name][0], handles[name], kind, rows, 1)
        benchmark.pedantic(run, rounds=30, warmup_rounds=3)
