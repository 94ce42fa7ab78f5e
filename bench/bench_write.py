"""Writing every batch of a workload: open, append, close."""

from __future__ import annotations

import pytest

from bench import memory, place, workload
from bench.figure import Figure
from bench.flat import flatten, nbytes
from bench.ideal import Ideal
from bench.interleave import interleave
from bench.rivals import NAMES, contenders, installed


def measure(
    kind: str, where: str, rows: int, rounds: int, names=NAMES, *, peaks: bool = False
) -> Figure:
    """Write a workload with each contender in turn, and the ideal beside them."""
    figure = Figure(
        key=f"write-{kind}-{where}",
        title=f"Write: {workload.WORKLOADS[kind]}, {where}",
        command=f"python -m bench.report --only write-{kind}-{where} --rows {rows}",
    )
    batches = workload.batches(kind, rows)
    rivals = {rival.name: rival for rival in contenders(tuple(names))}
    parts = {name: batches[: max(1, len(batches) // r.fewer)] for name, r in rivals.items()}
    with place.Place(where) as spot:
        spot.warm(nbytes(flatten(batches)))
        paths = {name: spot.path(name, rival.suffix) for name, rival in rivals.items()}
        sizes: dict[str, int] = {}

        def run(name: str) -> None:
            rivals[name].write(paths[name], parts[name])
            spot.settle(paths[name])

        def clean(name: str) -> None:
            sizes[name] = place.size(paths[name])
            place.remove(paths[name])

        runs = {name: lambda name=name: run(name) for name in rivals}
        after = {name: lambda name=name: clean(name) for name in rivals}
        if kind.startswith("numbers"):
            ideal = Ideal.of_batches(batches, spot)
            runs |= ideal.writing()
            after["write"] = ideal.clean
        times = interleave(runs, rounds, after=after)
    for name, rival in rivals.items():
        part = nbytes(flatten(parts[name]))
        figure.add(name, times[name], part, size=sizes[name], what=rival.what, fewer=rival.fewer)
        if peaks:
            figure.contenders[name]["peak"] = memory.peak(
                "write", name, kind, rows // rival.fewer, where
            )
    figure.ideal = {term: times[term].wall for term in runs if term not in rivals}
    return figure


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("where", place.PLACES)
@pytest.mark.parametrize("kind", workload.WORKLOADS)
def test_write(benchmark, name, where, kind, rows, places):
    if where not in places:
        pytest.skip("not asked for")
    rival = installed(name)
    batches = workload.batches(kind, rows)
    wanted = flatten(batches)
    with place.Place(where) as spot:
        path = spot.path(name, rival.suffix)

        def run() -> None:
            rival.write(path, batches)
            spot.settle(path)

        benchmark.group = f"write {kind} {where}"
        benchmark.pedantic(run, setup=lambda: place.remove(path), rounds=3, warmup_rounds=1)
        seconds = benchmark.stats.stats.median
        benchmark.extra_info |= {
            "MB/s": nbytes(wanted) / seconds / 1e6,
            "size": place.size(path),
        }
        assert rival.differences(path, wanted) == []
