"""Crystal structures with all fields: written as pipelines do, and read as padded batches."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import h5py
import numpy as np
import pytest

from bench import crystal_batches, place
from bench.figure import Figure
from bench.ideal import Ideal
from bench.interleave import Times, interleave
from bench.rivals import crystal_flat, crystal_vlen
from raggedh5 import File, Ragged
from raggedh5.formats.crystal import (
    SCHEMA,
    ComputedDataWriter,
    CrystalFile,
    DatasetInitializer,
    RawDataWriter,
    legacy_view,
)

BATCH = 64
DRAW = 64
DRAWS = 5
FEWER = 32
"""The old layout is given so many times fewer batches: a whole run would take minutes."""
RESULTS = 1 << 29
"""Bytes of memory that are touched before draws are timed: more than all of their results."""

WHAT = {
    "raggedh5": "the writers of raggedh5.formats.crystal on an h5py.File",
    "h5py-flat": "h5py, flat datasets and offsets, Blosc-LZ4, whole chunks of 512 KiB",
    "h5py-vlen": "the pipelines' writer: one variable-length value a structure and a field",
}


def write(path: Path, codes: list[str], batches: list[crystal_batches.Batch]) -> None:
    """Write all batches through the interface of the pipelines, which close the file."""
    with h5py.File(path, "w") as h5_out:
        DatasetInitializer(h5_out, codes, {}).initialize_datasets()
        writers = {"raw": RawDataWriter(h5_out), "computed": ComputedDataWriter(h5_out)}
        start = 0
        for batch in batches:
            for method, values in batch.items():
                getattr(writers[method.split("_")[1]], method)(start, values)
            start += len(batch["write_raw_atom_data"]["atom_mask"])


WRITERS = {"raggedh5": write, "h5py-flat": crystal_flat.write, "h5py-vlen": crystal_vlen.write}


def check(paths: dict[str, Path]) -> None:
    """Compare the first structures of all files, field by field."""
    with h5py.File(paths["h5py-vlen"]) as old, h5py.File(paths["raggedh5"]) as ours:
        view = legacy_view(ours)
        for name, dataset in old.items():
            field = SCHEMA.field(name)
            if field is not None and field.nested:  # padded to the batch, there
                continue
            for one, other in zip(view[name][:40], dataset[:40], strict=True):
                if not np.array_equal(one, other):
                    raise RuntimeError(f"{name} is not what was written")


def nbytes(path: Path) -> int:
    """Return the bytes of all values in a file of ours."""
    total = 0
    with File(path) as file:
        for table in file.tables().values():
            for value in table.read().values():
                while isinstance(value, Ragged):
                    value = value.values
                text = value.dtype.kind == "T"
                total += sum(map(len, value.tolist())) if text else value.nbytes
    return total


def _columns(path: Path) -> list[np.ndarray]:
    """Return all that is in a file."""
    found: list[np.ndarray] = []
    with h5py.File(path) as file:
        file.visititems(lambda _, x: found.append(x[:]) if isinstance(x, h5py.Dataset) else None)
    return [column for column in found if column.size]


def _texts(batches: list[crystal_batches.Batch]) -> list[list[list[str]]]:
    """Return the columns of strings of batches."""
    values = [value for batch in batches for of in batch.values() for value in of.values()]
    return [value for value in values if isinstance(value, list) and isinstance(value[0], list)]


def measure_write(where: str, structures: int, rounds: int) -> Figure:
    """Write the same batches with each contender in turn."""
    key = f"crystal-write-{where}"
    figure = Figure(
        key=key,
        title=f"Crystal structures, all fields, batches of {BATCH}: written, {where}",
        command=f"python -m bench.report --only {key} --rows {structures}",
        note=f"The old writer is given {FEWER} times fewer batches.",
    )
    batches = crystal_batches.batches(structures, BATCH)
    parts = dict.fromkeys(WRITERS, batches) | {"h5py-vlen": batches[: len(batches) // FEWER]}
    with place.Place(where) as spot:
        paths = {name: spot.path(name, ".h5") for name in WRITERS}
        codes = {name: crystal_batches.refcodes(BATCH * len(parts[name])) for name in WRITERS}

        def run(name: str) -> None:
            WRITERS[name](paths[name], codes[name][:structures], parts[name])
            spot.settle(paths[name])

        def ready(name: str) -> None:
            place.remove(paths[name])
            spot.warm(whole)

        for name in WRITERS:
            run(name)
        check(paths)
        whole = nbytes(paths["raggedh5"])
        write(spot.path("part", ".h5"), codes["h5py-vlen"], parts["h5py-vlen"])
        part = nbytes(spot.path("part", ".h5"))
        sizes = {name: place.size(path) for name, path in paths.items()}
        ideal = Ideal.of_columns(_columns(paths["raggedh5"]), spot, _texts(batches))
        terms = ideal.writing()
        found = interleave(
            {name: lambda name=name: run(name) for name in WRITERS} | terms,
            rounds,
            warm=0,
            before={name: lambda name=name: ready(name) for name in WRITERS}
            | {term: lambda: spot.warm(whole) for term in terms},
            after={"write": ideal.clean},
        )
        figure.ideal = {term: found.pop(term).wall for term in terms}
        for name, times in found.items():
            size = part if name == "h5py-vlen" else whole
            figure.add(name, times, size, size=sizes[name], what=WHAT[name])
    return figure


def measure_read(where: str, structures: int, rounds: int) -> Figure:
    """Read 64 random structures with all fields, padded, from files that stay open."""
    key = f"crystal-read-{where}"
    figure = Figure(
        key=key,
        title=f"{DRAW} random of {structures:,} crystal structures, all fields, padded, {where}",
        command=f"python -m bench.report --only {key} --rows {structures}",
        note=f"The time is that of one draw. The old file has {FEWER} times fewer structures.",
    )
    batches = crystal_batches.batches(structures // 4, BATCH)
    with place.Place(where) as spot:
        paths = {name: spot.path(name, ".h5") for name in ("raggedh5", "h5py-vlen")}
        write(paths["raggedh5"], crystal_batches.refcodes(structures), batches * 4)
        some = batches[: max(structures // FEWER // BATCH, 1)]
        crystal_vlen.write(paths["h5py-vlen"], crystal_batches.refcodes(BATCH * len(some)), some)
        check(paths)
        with CrystalFile(paths["raggedh5"]) as ours, h5py.File(paths["h5py-vlen"]) as old:
            runs = {
                "raggedh5": _draws(lambda rows: ours.padded(rows), structures),
                "h5py-vlen": _draws(lambda rows: crystal_vlen.padded(old, rows), BATCH * len(some)),
            }
            before = {name: lambda: spot.warm(RESULTS) for name in runs}
            found = interleave(runs, rounds, before=before)
        for name, times in found.items():
            one = Times(*([t / DRAWS for t in each] for each in times))
            figure.add(name, one, 1, size=place.size(paths[name]), what=WHAT[name])
    return figure


def _draws(read, structures: int):
    """Return a function that draws anew each time."""
    seeds = count()

    def run() -> None:
        rng = np.random.default_rng(next(seeds))
        for _ in range(DRAWS):
            read(rng.integers(0, structures, DRAW))

    return run


@pytest.mark.parametrize("name", WRITERS)
def test_write(benchmark, name, rows, places):
    batches = crystal_batches.batches(max(rows // 8, BATCH), BATCH)
    batches = batches[: max(len(batches) // (FEWER if name == "h5py-vlen" else 1), 1)]
    codes = crystal_batches.refcodes(BATCH * len(batches))
    with place.Place(places[0]) as spot:
        path = spot.path(name, ".h5")
        benchmark.group = f"crystals, written: {spot.name}"
        benchmark.pedantic(
            lambda: WRITERS[name](path, codes, batches),
            setup=lambda: place.remove(path),
            rounds=3,
        )
