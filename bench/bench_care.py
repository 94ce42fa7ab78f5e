"""Checking a file, beside reading everything in it: in this process, and in a child with limits.

    python -m bench.bench_care --rows 16384 --rounds 7

The child costs what it takes to start, once: a fifth of a second or so, whatever the file. So a
file of some hundred megabytes shows what checking costs, and a small one what a child does.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import median

import pytest

import raggedh5 as rh5
from bench import place, workload
from bench.flat import flatten, nbytes
from bench.interleave import Times, interleave, ratio
from bench.rivals import installed
from raggedh5.care import validate

KINDS = ("numbers-64", "lists-64", "molecules-64")


def read_all(path: Path) -> None:
    with rh5.File(path) as file:
        file.read()


def check(path: Path, isolated: bool) -> None:
    report = validate(path, isolated=isolated)
    if not report.valid:
        raise RuntimeError(f"{path} is not valid: {report.errors[:3]}")


def write(path: Path, kind: str, rows: int) -> int:
    """Write a workload; return the bytes of its values."""
    batches = workload.batches(kind, rows)
    installed("raggedh5").write(path, batches)
    return nbytes(flatten(batches))


def measure(kind: str, where: str, rows: int, rounds: int) -> tuple[int, int, dict[str, Times]]:
    """Read and check a file in turn; return bytes of its values, its size, and the times."""
    with place.Place(where) as spot:
        path = spot.path("checked", ".h5")
        values = write(path, kind, rows)
        runs = {
            "read": lambda: read_all(path),
            "validate": lambda: check(path, isolated=False),
            "validate in a child": lambda: check(path, isolated=True),
        }
        return values, place.size(path), interleave(runs, rounds)


@pytest.mark.parametrize("isolated", [False, True], ids=["here", "child"])
@pytest.mark.parametrize("kind", KINDS)
def test_validate(benchmark, kind, isolated, rows, places):
    with place.Place(places[0]) as spot:
        path = spot.path("checked", ".h5")
        values = write(path, kind, rows)
        benchmark.group = f"validate {kind} {spot.name}"
        benchmark.pedantic(check, args=(path, isolated), rounds=3, warmup_rounds=1)
        benchmark.extra_info["MB/s"] = values / benchmark.stats.stats.median / 1e6


@pytest.mark.parametrize("kind", KINDS)
def test_read_beside_it(benchmark, kind, rows, places):
    with place.Place(places[0]) as spot:
        path = spot.path("checked", ".h5")
        values = write(path, kind, rows)
        benchmark.group = f"validate {kind} {spot.name}"
        benchmark.pedantic(read_all, args=(path,), rounds=3, warmup_rounds=1)
        benchmark.extra_info["MB/s"] = values / benchmark.stats.stats.median / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description="Check a file, beside reading it.")
    parser.add_argument("--rows", type=int, default=16384)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--place", choices=place.PLACES, default="memory")
    parser.add_argument("kinds", nargs="*", default=list(KINDS))
    args = parser.parse_args()
    for kind in args.kinds:
        values, size, times = measure(kind, args.place, args.rows, args.rounds)
        print(f"{kind}: {values / 1e6:.0f} MB of values, {size / 1e6:.0f} MB in the file")
        for name, each in times.items():
            print(
                f"  {name:20} {median(each.wall):7.3f} s  {values / median(each.wall) / 1e6:7.0f} "
                f"MB/s  {ratio(times['read'].wall, each.wall):5.2f} times the speed of reading"
            )


if __name__ == "__main__":
    main()
