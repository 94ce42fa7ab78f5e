"""Durable writing: a flush after every batch, beside the same run without durability.

    python -m bench.report --only durable

Both write the same batches with the same settings. Without durability a file is flushed once, when
it is closed; with it, every batch is safe before the next one comes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import raggedh5 as rh5
from bench import place, workload
from bench.figure import Figure
from bench.flat import Batch, flatten, nbytes
from bench.interleave import interleave

KINDS = ("numbers-64", "lists-64")
PLAIN, PROCESS, DISK = "raggedh5", "durable-process", "durable-disk"
WHAT = {
    PLAIN: "raggedh5, default settings",
    PROCESS: 'raggedh5, durable="process", a flush after every batch',
    DISK: 'raggedh5, durable="disk", a flush (and an fsync) after every batch',
}
LEVELS = {PLAIN: None, PROCESS: "process", DISK: "disk"}


def write(path: Path, batches: list[Batch], name: str) -> None:
    """Write all batches; flush after each if the file is durable."""
    durable = LEVELS[name]
    with rh5.File(path, "w", durable=durable) as file:
        tables = {table: file.create_table(table) for table in batches[0]}
        for batch in batches:
            for table, (columns, mask) in batch.items():
                tables[table].append(columns, mask=mask)
            if durable:
                file.flush()


def measure(kind: str, where: str, rows: int, rounds: int) -> Figure:
    """Write a workload with and without durability, in turns."""
    figure = Figure(
        key=f"durable-{kind}-{where}",
        title=f"Durable writing: {workload.WORKLOADS[kind]}, {where}",
        command=f"python -m bench.report --only durable-{kind}-{where} --rows {rows}",
        note="Every batch is flushed, but by raggedh5 without durability, which flushes once.",
    )
    batches = workload.batches(kind, rows)
    values = nbytes(flatten(batches))
    # In memory there is nothing to sync.
    names = [PLAIN, PROCESS] if where == "memory" else [PLAIN, PROCESS, DISK]
    sizes: dict[str, int] = {}
    with place.Place(where) as spot:
        spot.warm(values)
        paths = {name: spot.path(name, ".h5") for name in names}

        def run(name: str) -> None:
            write(paths[name], batches, name)
            spot.settle(paths[name])

        def clean(name: str) -> None:
            sizes[name] = place.size(paths[name])
            place.remove(paths[name])

        runs = {name: lambda name=name: run(name) for name in names}
        after = {name: lambda name=name: clean(name) for name in names}
        times = interleave(runs, rounds, after=after)
    for name in names:
        figure.add(name, times[name], values, size=sizes[name], what=WHAT[name])
    return figure


@pytest.mark.parametrize("name", LEVELS)
@pytest.mark.parametrize("kind", KINDS)
def test_durable(benchmark, kind, name, rows, places):
    batches = workload.batches(kind, rows)
    with place.Place(places[0]) as spot:
        path = spot.path(name, ".h5")
        benchmark.group = f"durable {kind} {spot.name}"
        benchmark.pedantic(write, args=(path, batches, name), rounds=3, warmup_rounds=1)
        assert len(rh5.read(path)) == len(batches[0])
