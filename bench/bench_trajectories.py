"""Trajectories written a frame at a time: whole runs, their files, and memory.

    python -m bench.report --only trajectory --frames 100000

The frames are views of large arrays (`trajectory_frames`) that are made before any clock runs.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest

from bench import place, trajectory_memory
from bench.figure import Figure
from bench.ideal import Ideal
from bench.interleave import Times, interleave
from bench.trajectory_contenders import NAMES, OURS, contenders, installed
from bench.trajectory_frames import KINDS, Frames, make

FRAMES = 100_000
ROUNDS = 5
"""A round of writing takes some ten seconds."""
PEAKS = 3
TIMES = (1, 4)


def measure_write(kind: str, where: str, count: int, rounds: int) -> Figure:
    """Write the same frames with each contender in turn."""
    key = f"trajectory-write-{kind}-{where}"
    figure = Figure(
        key=key,
        title=f"A trajectory of {count:,} frames, {KINDS[kind]}: written, {where}",
        command=f"python -m bench.report --only {key} --frames {count}",
        note="Slow writers are given fewer frames; what the whole run takes them is in the figure "
        "of whole runs. MB/s are of float64, also where less is kept.",
    )
    frames = make(kind, count)
    found = contenders()
    parts = {name: one.part(frames) for name, one in found.items()}
    sizes = {}
    with place.Place(where) as spot:
        paths = {name: spot.path(name, "") for name in found}

        def run(name: str) -> None:
            found[name].write(paths[name], parts[name])
            spot.settle(paths[name])

        def ready(name: str) -> None:
            place.remove(paths[name])
            spot.warm(2 * parts[name].nbytes)

        for name, one in found.items():
            ready(name)
            run(name)
            one.check(paths[name], parts[name])
            sizes[name] = place.size(paths[name])
            place.remove(paths[name])
        ideal = Ideal.of_frames(list(frames.columns.values()), spot)
        terms = ideal.writing()
        times = interleave(
            {name: lambda name=name: run(name) for name in found} | terms,
            rounds,
            warm=0,
            before={name: lambda name=name: ready(name) for name in found}
            | {term: lambda: spot.warm(frames.nbytes) for term in terms},
            after={name: lambda name=name: place.remove(paths[name]) for name in found}
            | {"write": ideal.clean},
        )
    figure.ideal = {term: times.pop(term).wall for term in terms}
    for name, one in found.items():
        nbytes = parts[name].nbytes
        more = {"fewer": round(count / len(parts[name]))}
        figure.add(name, times[name], nbytes, size=sizes[name], what=one.what, **more)
    return figure


def measure_whole(kind: str, where: str, count: int) -> Figure:
    """Write all frames once with those that are given fewer elsewhere, and as few as there."""
    key = f"trajectory-whole-{kind}-{where}"
    figure = Figure(
        key=key,
        title=f"Whole runs of the slow writers, {KINDS[kind]}: {count:,} frames and fewer, {where}",
        command=f"python -m bench.report --only {key} --frames {count}",
        note="One run each: whether the rates of fewer frames are those of all.",
    )
    frames = make(kind, count).prepared()
    slow = {name: one for name, one in contenders().items() if one.fewer > 1}
    with place.Place(where) as spot:
        runs, before, after, sizes, parts = {}, {}, {}, {}, {}
        for name, one in slow.items():
            for part in (one.part(frames), frames):
                path = spot.path(f"{name}-{len(part)}", "")
                title = f"{name} x{len(part):,}"
                parts[title] = part

                def run(path: Path = path, part: Frames = part, write=one.write) -> None:
                    write(path, part)
                    spot.settle(path)

                def clean(path: Path = path, title: str = title) -> None:
                    sizes[title] = place.size(path)
                    place.remove(path)

                runs[title], after[title] = run, clean
                before[title] = lambda part=part: spot.warm(part.nbytes)
        times = interleave(runs, 1, warm=0, before=before, after=after)
    for title, part in parts.items():
        figure.add(title, times[title], part.nbytes, size=sizes[title])
    return figure


def measure_memory(kind: str, where: str, count: int, rounds: int) -> Figure:
    """Write so many frames, and four times as many, each in a process of its own."""
    key = f"trajectory-memory-{kind}-{where}"
    figure = Figure(
        key=key,
        title=f"Memory against frames, {KINDS[kind]}: {count:,} and {TIMES[-1]} times as many, "
        f"{where}",
        command=f"python -m bench.report --only {key} --frames {count}",
        note="The same 1,000 frames over and over, in a process of its own; the median peak.",
    )
    part = make(kind, 1).nbytes * count
    for name in OURS:
        for times in TIMES:
            found = [
                trajectory_memory.measure(name, kind, count * times, where) for _ in range(rounds)
            ]
            seconds = Times([one["wall"] for one in found], [one["cpu"] for one in found])
            peak = median(one["peak"] for one in found)
            figure.add(f"{name} x{times}", seconds, part * times, peak=peak)
    return figure


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_write(benchmark, kind, name, rows, places):
    one = installed(name)
    frames = one.part(make(kind, rows))
    with place.Place(places[0]) as spot:
        path = spot.path(name, "")
        benchmark.group = f"trajectory {kind}, written: {spot.name}"
        benchmark.pedantic(
            lambda: one.write(path, frames),
            setup=lambda: place.remove(path),
            rounds=3,
            warmup_rounds=1,
        )
        one.check(path, frames)
        benchmark.extra_info["MB/s"] = frames.nbytes / benchmark.stats.stats.median / 1e6
