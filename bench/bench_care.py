"""Checking a file, beside reading everything in it: in this process, and in a child with limits.

    python -m bench.report --only validate

The process that the children are forked from costs what it takes to start, once in a program: a
third of a second or so, whatever the file. So a file of some hundred megabytes shows what checking
costs, and a small one what that start does.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import raggedh5 as rh5
from bench import place, workload
from bench.figure import Figure
from bench.flat import flatten, nbytes
from bench.interleave import interleave
from bench.rivals import installed
from raggedh5.care import validate
from raggedh5.care.checking.file_checks import check_file
from raggedh5.care.isolation.child import Isolated

KINDS = ("numbers-64", "lists-64", "molecules-64")
READ, HERE, CHILD, FIRST = "read", "validate", "validate-child", "validate-first-child"
WHAT = {
    READ: "`File.read()` of everything",
    HERE: "`validate(path, isolated=False)`",
    CHILD: "`validate(path)`, in a child process with limits",
    FIRST: "the same as the first call of a program: with what it takes to start that process",
}


def read_all(path: Path) -> None:
    with rh5.File(path) as file:
        file.read()


def check(path: Path, isolated: bool) -> None:
    report = validate(path, isolated=isolated)
    if not report.valid:
        raise RuntimeError(f"{path} is not valid: {report.errors[:3]}")


ARGUMENTS = {"finite": False, "checksums": True, "threads": None}


def check_first(path: Path) -> None:
    with Isolated() as child:
        found = child.call(check_file, ARGUMENTS | {"path": str(path)}, path=path)
    if found["errors"]:
        raise RuntimeError(f"{path} is not valid: {found['errors'][:3]}")


def write(path: Path, kind: str, rows: int) -> int:
    """Write a workload; return the bytes of its values."""
    batches = workload.batches(kind, rows)
    installed("raggedh5").write(path, batches)
    return nbytes(flatten(batches))


def measure(kind: str, where: str, rows: int, rounds: int) -> Figure:
    """Read and check a file, in turns."""
    figure = Figure(
        key=f"validate-{kind}-{where}",
        title=f"Check a file: {workload.WORKLOADS[kind]}, {where}",
        command=f"python -m bench.report --only validate-{kind}-{where} --rows {rows}",
        note="MB/s are of the values in the file.",
    )
    with place.Place(where) as spot:
        path = spot.path("checked", ".h5")
        values = write(path, kind, rows)
        runs = {
            READ: lambda: read_all(path),
            HERE: lambda: check(path, isolated=False),
            CHILD: lambda: check(path, isolated=True),
            FIRST: lambda: check_first(path),
        }
        times = interleave(runs, rounds)
        for name, what in WHAT.items():
            figure.add(name, times[name], values, size=place.size(path), what=what)
    return figure


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
