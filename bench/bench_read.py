"""Reading everything: open, and every column as NumPy arrays."""

from __future__ import annotations

import pytest

from bench import memory, place, workload
from bench.figure import Figure
from bench.flat import flatten, nbytes
from bench.ideal import Ideal
from bench.interleave import interleave
from bench.rivals import NAMES, contenders, installed

# The threaded writer has no reader of its own.
READERS = tuple(name for name in NAMES if name != "h5py-flat-thread")


def measure(
    kind: str, where: str, rows: int, rounds: int, names=READERS, *, peaks: bool = False
) -> Figure:
    """Read what each contender wrote, in turn; the files are in the page cache."""
    figure = Figure(
        key=f"read-{kind}-{where}",
        title=f"Read everything: {workload.WORKLOADS[kind]}, {where}",
        command=f"python -m bench.report --only read-{kind}-{where} --rows {rows}",
    )
    batches = workload.batches(kind, rows)
    with place.Place(where) as spot:
        runs, entries = {}, {}
        for rival in contenders(tuple(names)):
            part = batches[: max(1, len(batches) // rival.fewer)]
            path = spot.path(rival.name, rival.suffix)
            rival.write(path, part)
            wanted = flatten(part)
            if wrong := rival.differences(path, wanted):
                raise RuntimeError(f"{rival.name} does not read back equal: {wrong}")
            runs[rival.name] = lambda rival=rival, path=path: rival.read_all(path)
            entries[rival.name] = {
                "nbytes": nbytes(wanted),
                "size": place.size(path),
                "what": rival.what,
                "fewer": rival.fewer,
            }
        terms = {}
        if kind.startswith("numbers"):
            terms = Ideal.of_batches(batches, spot).reading()
        times = interleave(runs | terms, rounds)
    for name, entry in entries.items():
        figure.add(name, times[name], **entry)
        if peaks:
            figure.contenders[name]["peak"] = memory.peak(
                "read", name, kind, rows // entry["fewer"], where
            )
    figure.ideal = {term: times[term].wall for term in terms}
    return figure


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", ["numbers-64", "lists-64", "molecules-64"])
def test_read(benchmark, name, kind, rows, places):
    rival = installed(name)
    batches = workload.batches(kind, rows)
    wanted = flatten(batches)
    with place.Place(places[0]) as spot:
        path = spot.path(name, rival.suffix)
        rival.write(path, batches)
        benchmark.group = f"read {kind} {spot.name}"
        benchmark.pedantic(rival.read_all, args=(path,), rounds=3, warmup_rounds=1)
        benchmark.extra_info["MB/s"] = nbytes(wanted) / benchmark.stats.stats.median / 1e6
        assert rival.differences(path, wanted) == []
