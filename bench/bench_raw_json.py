"""Structures as JSON: packed in one table beside a group each, written and read one by one.

    python -m bench.report --only json

The baseline is what pipelines do with h5py: a group for each structure, and in it a scalar string
of variable length. Dicts, where they are given, take `json.dumps` as long in any layout.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from bench import place
from bench.figure import Figure
from bench.interleave import interleave
from bench.json_structures import structures, texts
from raggedh5.formats.crystal import (
    create_and_populate,
    initialize_hdf5_file,
    list_refcodes,
    read_raw_json,
    write_structure_group,
)

STRUCTURES = 100_000
ROUNDS = 3
"""A round of writing takes a minute."""

READS = 1000
DICTS = 10
"""So many times fewer dicts are written than texts."""

Texts = list[tuple[str, str]]

WHAT = {
    "h5py-groups": "h5py: `/structures/<refcode>/raw_json`, one after the other",
    "groups": "`write_structure_group`, the group layout",
    "raggedh5": "`write_structure_group`, packed",
    "create-groups": "`create_and_populate`, the group layout",
    "create-packed": "`create_and_populate(packed=True)`",
    "dicts-groups": "`write_structure_group` of dicts, the group layout",
    "dicts-packed": "`write_structure_group` of dicts, packed",
}


def h5py_groups(path: Path, given: Texts) -> None:
    with h5py.File(path, "w") as h5:
        groups = h5.create_group("structures")
        for code, text in given:
            group = groups.require_group(code)
            if "raw_json" in group:
                del group["raw_json"]
            group.create_dataset("raw_json", data=text, dtype=h5py.string_dtype("utf-8"))


def one_by_one(path: Path, given: Texts, packed: bool) -> None:
    with initialize_hdf5_file(path, packed=packed) as h5:
        for code, text in given:
            write_structure_group(h5, code, text)


def create(path: Path, given: Texts, packed: bool) -> None:
    create_and_populate(given, path, {"source": "seeded"}, packed=packed)


WRITERS: dict[str, Callable] = {
    "raggedh5": lambda path, given: one_by_one(path, given, True),
    "h5py-groups": h5py_groups,
    "groups": lambda path, given: one_by_one(path, given, False),
    "create-packed": lambda path, given: create(path, given, True),
    "create-groups": lambda path, given: create(path, given, False),
    "dicts-packed": lambda path, given: one_by_one(path, given, True),
    "dicts-groups": lambda path, given: one_by_one(path, given, False),
}


def measure(where: str, count: int, rounds: int) -> Figure:
    """Time the writing of so many structures."""
    figure = Figure(
        key=f"json-write-{where}",
        title=f"{count:,} structures as JSON, one call each, {where}",
        command=f"python -m bench.report --only json-write-{where}",
        note="MB/s are of JSON; what is given is text, but for dicts.",
    )
    given = texts(count)
    few = list(structures(count // DICTS))
    total = {False: _bytes(given), True: _bytes(given[: len(few)])}
    sizes = {}
    with place.Place(where) as spot:
        paths = {name: spot.path(name, ".h5") for name in WRITERS}

        def run(name: str) -> None:
            WRITERS[name](paths[name], few if name.startswith("dicts") else given)
            spot.settle(paths[name])

        def clean(name: str) -> None:
            sizes[name] = place.size(paths[name])
            place.remove(paths[name])

        runs = {name: lambda name=name: run(name) for name in WRITERS}
        after = {name: lambda name=name: clean(name) for name in WRITERS}
        before = {name: lambda: spot.warm(2 * total[False]) for name in WRITERS}
        times = interleave(runs, rounds, before=before, after=after)
    for name in WRITERS:
        fewer = name.startswith("dicts")
        more = {"fewer": DICTS} if fewer else {}
        figure.add(name, times[name], total[fewer], size=sizes[name], what=WHAT[name], **more)
    return figure


def measure_reads(where: str, count: int, rounds: int) -> Figure:
    """Time random reads of one structure each from files that stay open, and from new ones."""
    figure = Figure(
        key=f"random-json-{where}",
        title=f"One of {count:,} structures as JSON, {where}",
        command=f"python -m bench.report --only random-json-{where}",
        note=f"`first` opens the file, reads one structure and closes it; the others are means of "
        f"{READS:,}.",
    )
    given = texts(count)
    rng = random.Random(1)
    with place.Place(where) as spot:
        groups, packed = spot.path("groups", ".h5"), spot.path("packed", ".h5")
        h5py_groups(groups, given)
        one_by_one(packed, given, True)
        with h5py.File(groups) as old, h5py.File(packed) as new, h5py.File(groups) as same:
            read: dict[str, Callable] = {
                "raggedh5": lambda code: read_raw_json(new, code),
                "h5py-groups": lambda code: old["structures"][code]["raw_json"][()],
                "groups": lambda code: read_raw_json(same, code),
            }
            chosen = {name: rng.sample(given, READS) for name in read}

            def run(name: str) -> None:
                for code, _ in chosen[name]:
                    read[name](code)

            def first(path: Path) -> None:
                with h5py.File(path) as h5:
                    read_raw_json(h5, rng.choice(given)[0])

            runs = {name: lambda name=name: run(name) for name in read}
            runs |= {
                "first-packed": lambda: first(packed),
                "first-groups": lambda: first(groups),
            }
            times = interleave(runs, rounds)
        sizes = {True: place.size(packed), False: place.size(groups)}
    mean = _bytes(given) // count
    for name in runs:
        reads = 1 if name.startswith("first") else READS
        each = times[name]
        each = type(each)([t / reads for t in each.wall], [t / reads for t in each.cpu])
        size = sizes["raggedh5" in name or "packed" in name]
        figure.add(name, each, mean, size=size)
    return figure


def _bytes(given: Texts) -> int:
    return sum(len(text) for _, text in given)


@pytest.mark.parametrize("name", WRITERS)
def test_write(benchmark, name, rows, places):
    given = texts(rows)
    values = list(structures(rows)) if name.startswith("dicts") else given
    with place.Place(places[0]) as spot:
        path = spot.path(name, ".h5")
        benchmark.group = f"structures as JSON {spot.name}"
        benchmark.pedantic(
            WRITERS[name],
            args=(path, values),
            setup=lambda: place.remove(path),
            rounds=3,
            warmup_rounds=1,
        )
        with h5py.File(path) as h5:
            assert list_refcodes(h5) == sorted(code for code, _ in given)
            for code, text in given[:: len(given) // 10]:
                assert read_raw_json(h5, code) == text
