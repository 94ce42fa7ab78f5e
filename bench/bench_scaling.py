"""Ten and a hundred times the rows: the rate and the memory ought to stay what they are."""

from __future__ import annotations

import pytest

from bench import memory, place, workload
from bench.figure import Figure
from bench.flat import flatten, nbytes
from bench.interleave import interleave
from bench.rivals import contenders, installed

TIMES = (1, 10, 100)
NAMES = ("raggedh5", "h5py-flat")
KIND = "numbers-64"


def measure(where: str, rows: int, rounds: int, *, peaks: bool = True) -> Figure:
    """Write `rows`, ten and a hundred times as many, in turn; the batches are repeated."""
    figure = Figure(
        key=f"scaling-{where}",
        title=f"Cost against rows: {rows:,}, ten and a hundred times as many, {where}",
        command=f"python -m bench.report --only scaling-{where} --rows {rows * 4}",
        note="The same batches over and over.",
    )
    batches = workload.batches(KIND, rows)
    part = nbytes(flatten(batches))
    rivals = {rival.name: rival for rival in contenders(NAMES)}
    with place.Place(where) as spot:
        # Memory that a virtual machine touches for the first time costs its host several times
        # what writing to it does: as much as the largest file takes, and twice to be sure of it.
        for _ in range(2):
            spot.warm(part * max(TIMES))
        runs, after = {}, {}
        for name, rival in rivals.items():
            path = spot.path(name, rival.suffix)
            for times in TIMES:
                runs[f"{name} x{times}"] = _run(rival, path, batches * times, spot)
                after[f"{name} x{times}"] = lambda path=path: place.remove(path)
        found = interleave(runs, rounds, after=after)
    for name in rivals:
        for times in TIMES:
            key = f"{name} x{times}"
            figure.add(key, found[key], part * times)
            if peaks:
                peak = memory.peak("write", name, KIND, rows * times, where)
                figure.contenders[key]["peak"] = peak
    return figure


def _run(rival, path, batches, spot):
    def run() -> None:
        rival.write(path, batches)
        spot.settle(path)

    return run


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("times", TIMES[:2])
def test_scaling(benchmark, name, times, rows, places):
    rival = installed(name)
    batches = workload.batches(KIND, rows) * times
    with place.Place(places[0]) as spot:
        path = spot.path(name, rival.suffix)
        benchmark.group = f"scaling {spot.name}"
        benchmark.pedantic(_run(rival, path, batches, spot), rounds=3, warmup_rounds=1)
        benchmark.extra_info["MB/s"] = nbytes(flatten(batches)) / benchmark.stats.stats.median / 1e6
