"""What a simulation pays for a call of `write_frame`, with the writing in the background.

    python -m bench.report --only trajectory-frame

Frames come in arrays that the simulation writes over in every step (`simulation`).
"""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pytest

from bench import place
from bench import trajectory_writers as ours
from bench.figure import Figure
from bench.interleave import Times, interleave
from bench.simulation import Calls, Copies, Work, paced
from bench.trajectory_contenders import OURS
from bench.trajectory_frames import KINDS, make

FEWER = 5
"""So many times fewer frames than in a whole run: a step takes longer than writing its frame."""
COPY = "copy"
WHAT = "a frame copied into rows of arrays that are there, and nothing else"
FORMATS = {"raggedh5": ours.HDF5, "raggedh5-npy": ours.NPY, "raggedh5-both": ours.BOTH}


def measure(kind: str, where: str, count: int, rounds: int) -> Figure:
    """Time each call of a simulation that hands over its frames, beside copying them."""
    key = f"trajectory-frame-{kind}-{where}"
    frames = make(kind, max(count // FEWER, 1)).prepared()
    figure = Figure(
        key=key,
        title=f"What a simulation pays for a call of `write_frame`, {KINDS[kind]}, {where}",
        command=f"python -m bench.report --only {key} --frames {count}",
        note=f"{len(frames):,} steps with 75 microseconds of work or so in each, and a frame after "
        "each. *copy* copies the frame into rows that are there.",
    )
    work = Work()
    calls: dict[str, list[Calls]] = {name: [] for name in (COPY, *FORMATS)}
    with place.Place(where) as spot:

        def run(name: str) -> None:
            if name == COPY:
                calls[name].append(paced(Copies(frames.given[0]).take, frames, work))
                return
            path = spot.path(name, "")
            with ours.opened(path, FORMATS[name]) as write_frame:
                calls[name].append(paced(write_frame, frames, work))
            if len(calls[name]) == 1:
                OURS[name].check(path, frames)

        runs = {name: lambda name=name: run(name) for name in calls}
        before = {name: lambda: spot.warm(2 * frames.nbytes) for name in FORMATS}
        after = {name: lambda name=name: place.remove(spot.path(name, "")) for name in FORMATS}
        times = interleave(runs, rounds, before=before, after=after)
    for name, each in calls.items():
        each = each[-rounds:]
        more = {part: [getattr(one, part) for one in each] for part in Calls._fields}
        what = WHAT if name == COPY else OURS[name].what
        means = Times(more["mean"], [cpu / len(frames) for cpu in times[name].cpu])
        figure.add(name, means, frames.nbytes // len(frames), what=what, **more)
    return figure


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("kind", KINDS)
def test_calls(benchmark, kind, name, rows, places):
    frames = make(kind, rows)
    calls = []

    def run(path: Path) -> None:
        with ours.opened(path, FORMATS[name]) as write_frame:
            calls.append(paced(write_frame, frames, Work()))

    with place.Place(places[0]) as spot:
        path = spot.path(name, "")
        benchmark.group = f"trajectory {kind}, paced: {spot.name}"
        benchmark.pedantic(run, args=(path,), setup=lambda: place.remove(path), rounds=3)
        OURS[name].check(path, frames)
    benchmark.extra_info["us a call"] = median(one.mean for one in calls) * 1e6
