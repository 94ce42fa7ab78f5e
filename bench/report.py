"""Measure everything and write docs/benchmarks.md, with its plots and the rounds as JSON.

python -m bench.report                       # everything, some minutes
python -m bench.report --only write          # figures whose key begins so, printed only
python -m bench.report --from docs/benchmarks/results.json      # the page anew, no measuring
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import (
    bench_care,
    bench_copying,
    bench_crystals,
    bench_dense,
    bench_durable,
    bench_random,
    bench_raw_json,
    bench_read,
    bench_scaling,
    bench_trajectories,
    bench_trajectory_calls,
    bench_trajectory_reads,
    bench_write,
    breakdown,
    machine,
    markdown,
    place,
    plots,
    trajectory_frames,
    workload,
)
from bench.figure import Figure

Breakdowns = dict[str, list[list[str]]]
DENSE_ROWS = 100_000
CHECKED = {"numbers-64": 16, "lists-64": 2}
"""So many times the rows are checked: a child process takes as long to start for small files."""
READ = ("numbers-64", "lists-64", "molecules-64")


Jobs = Iterator[tuple[str, Callable[[], Figure]]]


def jobs(rows: int, frames: int, rounds: int, peaks: bool) -> Jobs:
    """Yield the key of every figure and what measures it."""
    for where in place.PLACES:
        for kind in workload.WORKLOADS:
            yield (
                f"write-{kind}-{where}",
                lambda kind=kind, where=where: bench_write.measure(
                    kind, where, rows, rounds, peaks=peaks and where == "memory"
                ),
            )
        for kind in READ:
            yield (
                f"read-{kind}-{where}",
                lambda kind=kind, where=where: bench_read.measure(
                    kind, where, rows, rounds, peaks=peaks and where == "memory"
                ),
            )
        for kind in bench_random.KINDS:
            yield (
                f"random-{kind}-{where}",
                lambda kind=kind, where=where: bench_random.measure(kind, where, rows, rounds),
            )
        for kind in bench_dense.KINDS:
            yield (
                f"dense-{kind}-{where}",
                lambda kind=kind, where=where: bench_dense.measure(kind, where, DENSE_ROWS, rounds),
            )
        for kind in bench_durable.KINDS:
            yield (
                f"durable-{kind}-{where}",
                lambda kind=kind, where=where: bench_durable.measure(kind, where, rows, rounds),
            )
        yield (
            f"crystal-write-{where}",
            lambda where=where: bench_crystals.measure_write(where, rows, rounds),
        )
        yield (
            f"crystal-read-{where}",
            lambda where=where: bench_crystals.measure_read(where, rows, rounds),
        )
        yield (
            f"copying-{where}",
            lambda where=where: bench_copying.measure(where, bench_copying.MEGABYTES, rounds),
        )
    for kind, times in CHECKED.items():
        yield (
            f"validate-{kind}-memory",
            lambda kind=kind, times=times: bench_care.measure(kind, "memory", times * rows, rounds),
        )
    json_rounds = min(rounds, bench_raw_json.ROUNDS)
    yield (
        "json-write-memory",
        lambda: bench_raw_json.measure("memory", bench_raw_json.STRUCTURES, json_rounds),
    )
    yield (
        "random-json-memory",
        lambda: bench_raw_json.measure_reads("memory", bench_raw_json.STRUCTURES, rounds),
    )
    yield "virtual-memory", lambda: bench_copying.measure_virtual("memory", rounds)
    yield "scaling-memory", lambda: bench_scaling.measure("memory", rows // 4, rounds, peaks=peaks)
    yield from trajectory_jobs(frames, min(rounds, bench_trajectories.ROUNDS), peaks)


def trajectory_jobs(frames: int, rounds: int, peaks: bool) -> Jobs:
    """Yield the figures of trajectories, for both kinds of simulation."""
    everywhere = {
        "write": bench_trajectories.measure_write,
        "frame": bench_trajectory_calls.measure,
        "read": bench_trajectory_reads.measure,
    }
    for kind in trajectory_frames.KINDS:
        for where in place.PLACES:
            for name, measure in everywhere.items():
                yield (
                    f"trajectory-{name}-{kind}-{where}",
                    lambda measure=measure, kind=kind, where=where: measure(
                        kind, where, frames, rounds
                    ),
                )
        yield (
            f"trajectory-whole-{kind}-memory",
            lambda kind=kind: bench_trajectories.measure_whole(kind, "memory", frames),
        )
        if peaks:
            yield (
                f"trajectory-memory-{kind}-memory",
                lambda kind=kind: bench_trajectories.measure_memory(
                    kind, "memory", frames, bench_trajectories.PEAKS
                ),
            )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure, and write the page of benchmarks.")
    parser.add_argument("--rows", type=int, default=16384, help="rows of a workload")
    parser.add_argument(
        "--frames", type=int, default=bench_trajectories.FRAMES, help="frames of a trajectory"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="figures whose key begins so, printed")
    parser.add_argument("--no-peaks", action="store_true", help="leave out the memory")
    parser.add_argument("--from", dest="source", type=Path, help="results of an earlier run")
    parser.add_argument("--docs", type=Path, default=Path(__file__).parent.parent / "docs")
    args = parser.parse_args()

    if args.source:
        results = json.loads(args.source.read_text())
        figures = {key: Figure(**entry) for key, entry in results["figures"].items()}
        write(args.docs, results["machine"], figures, results["breakdown"])
        return
    figures = {}
    for key, measure in jobs(args.rows, args.frames, args.rounds, not args.no_peaks):
        if key.startswith(args.only):
            figures[key] = measure()
            print(f"\n{figures[key].title}\n{markdown.table(figures[key])}", flush=True)
            if figures[key].ideal:
                print(markdown.ideal(figures[key]))
    print(markdown.targets(figures))
    if not args.only:
        facts = machine.describe()
        parts = {kind: breakdown.measure(kind, args.rows) for kind in breakdown.KINDS}
        save(args.docs / "benchmarks" / "results.json", facts, figures, parts)
        write(args.docs, facts, figures, parts)


def write(docs: Path, facts: dict[str, str], figures: dict[str, Figure], parts: Breakdowns) -> None:
    directory = docs / "benchmarks"
    directory.mkdir(parents=True, exist_ok=True)
    names = {key: f"benchmarks/{plots.draw(figure, directory)}" for key, figure in figures.items()}
    (docs / "benchmarks.md").write_text(markdown.page(figures, facts, names, parts))
    print(f"written: {docs / 'benchmarks.md'}")


def save(path: Path, facts: dict[str, str], figures: dict[str, Figure], parts: Breakdowns) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    entries = {key: figure.as_dict() for key, figure in figures.items()}
    results = {"machine": facts, "figures": entries, "breakdown": parts}
    path.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
