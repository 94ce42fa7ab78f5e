"""Where the time of a write goes: the parts of the thread that appends.

Coding runs beside it on the other cores, and only shows where the appending thread waits for it.
cProfile slows down what is many small calls, so the parts are scaled to the time without it.

    python -m bench.breakdown
"""

from __future__ import annotations

import cProfile
import pstats
import statistics
import time
from pathlib import Path

import raggedh5 as rh5
from bench import place, workload
from bench.flat import Batch, flatten, nbytes

KINDS = ("numbers-64", "lists-64")
ROUNDS = 5

# What is added up for each part, and what of it belongs to another.
PARTS = {
    "storing chunks: `write()` inside HDF5, and its index": ([("sink.py", "store")], []),
    "packing: copying the kept items, text from `str` to codes": ([("team.py", "share")], []),
    "reading the masks": ([("kept.py", "kept_from_mask")], []),
    "creating tables and their datasets": (
        [("writer.py", "_build"), ("file.py", "create_table")],
        [],
    ),
    "the end: checksums, closing, renaming": ([("file.py", "close")], [("sink.py", "drain")]),
}


def write(path: Path, batches: list[Batch], threads: int | None = None) -> None:
    with rh5.File(path, "w", threads=threads) as file:
        tables = {name: file.create_table(name) for name in batches[0]}
        for batch in batches:
            for name, (columns, mask) in batch.items():
                tables[name].append(columns, mask=mask)


def measure(kind: str, rows: int = 16384) -> list[list[str]]:
    """Return rows of the table: part, milliseconds, share; of batches of 64 rows, in memory."""
    batches = workload.batches(kind, rows)
    parts: dict[str, list[float]] = {name: [] for name in PARTS}
    totals: list[float] = []
    with place.Place("memory") as spot:
        path = spot.path("breakdown", ".h5")
        spot.warm(nbytes(flatten(batches)))
        for _ in range(ROUNDS):
            start = time.perf_counter()
            write(path, batches)
            totals.append(time.perf_counter() - start)
            place.remove(path)
            profile = cProfile.Profile()
            profile.runcall(write, path, batches)
            place.remove(path)
            stats = pstats.Stats(profile)
            scale = totals[-1] / stats.total_tt  # type: ignore[attr-defined]
            for name, (added, taken) in PARTS.items():
                seconds = sum(_cumulative(stats, *f) for f in added)
                parts[name].append(scale * (seconds - sum(_cumulative(stats, *f) for f in taken)))
    total = statistics.median(totals)
    medians = {name: statistics.median(values) for name, values in parts.items() if any(values)}
    medians["everything else: Python's cost of a batch and of a column, waiting"] = total - sum(
        medians.values()
    )
    body = [[name, f"{s * 1e3:.1f}", f"{s / total * 100:.0f}%"] for name, s in medians.items()]
    return [*body, ["all", f"{total * 1e3:.1f}", "100%"]]


def _cumulative(stats: pstats.Stats, file: str, function: str) -> float:
    """Return the seconds under a function, and under what it calls."""
    for (path, _, name), (_, _, _, cumulative, _) in stats.stats.items():  # type: ignore[attr-defined]
        if name == function and path.endswith(f"/{file}"):
            return float(cumulative)
    return 0.0


if __name__ == "__main__":
    for kind in KINDS:
        print(kind)
        for line in measure(kind):
            print("  " + " | ".join(line))
