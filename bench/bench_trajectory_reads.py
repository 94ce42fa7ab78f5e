"""Every tenth frame of one field, beside h5py's slices.

python -m bench.report --only trajectory-read
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from bench import place
from bench import trajectory_writers as ours
from bench.figure import Figure
from bench.interleave import interleave
from bench.trajectory_contenders import OURS, contender
from bench.trajectory_frames import KINDS, UNWRAPPED, make

STEP = 10
WRITTEN = ("raggedh5", "raggedh5-npy", "raggedh5-1e-4", "h5py-gzip", "h5py-gzip-shuffle")
SAME = "h5py-same-file"
WHAT = {SAME: "h5py on the file of raggedh5"}


def measure(kind: str, where: str, count: int, rounds: int) -> Figure:
    """Read every tenth frame of the unwrapped coordinates, from files that are opened for it."""
    key = f"trajectory-read-{kind}-{where}"
    figure = Figure(
        key=key,
        title=f"Every {STEP}th of {count:,} frames of one field, {KINDS[kind]}, {where}",
        command=f"python -m bench.report --only {key} --frames {count}",
        note="Opened, read and closed.",
    )
    frames = make(kind, count)
    expected = frames.columns[UNWRAPPED][::STEP]
    with place.Place(where) as spot:
        paths = {name: spot.path(name, "") for name in WRITTEN}
        for name, path in paths.items():
            contender(name).write(path, frames)
        for name in ("raggedh5", "raggedh5-1e-4"):
            paths[name] = ours.hdf5_file(paths[name])
        paths[SAME] = paths["raggedh5"]
        stored = f"trajectories/{ours.TRAJECTORY}/{UNWRAPPED}"
        fields = dict.fromkeys(paths, UNWRAPPED) | {SAME: stored}
        runs = {
            name: (lambda path=path: ours.read_step(path, UNWRAPPED, STEP))
            if name in OURS
            else (lambda path=path, field=fields[name]: _sliced(path, field))
            for name, path in paths.items()
        }
        for name, run in runs.items():
            off = np.abs(run().reshape(expected.shape) - expected).max()
            if off > (ours.PRECISION if name == "raggedh5-1e-4" else 0):
                raise RuntimeError(f"{name}: read {off:g} off what was written")
        before = {name: lambda: spot.warm(2 * expected.nbytes) for name in runs}
        times = interleave(runs, rounds, before=before)
        for name, path in paths.items():
            what = WHAT.get(name)
            more = {"what": what} if what else {}
            figure.add(name, times[name], expected.nbytes, size=place.size(path), **more)
    return figure


def _sliced(path: Path, field: str) -> np.ndarray:
    with h5py.File(path) as file:
        return file[field][::STEP]


@pytest.mark.parametrize("name", ["raggedh5", "raggedh5-npy", "h5py-gzip"])
@pytest.mark.parametrize("kind", KINDS)
def test_read(benchmark, kind, name, rows, places):
    frames = make(kind, rows)
    with place.Place(places[0]) as spot:
        path = spot.path(name, "")
        contender(name).write(path, frames)
        benchmark.group = f"trajectory {kind}, every {STEP}th frame: {spot.name}"
        if name == "h5py-gzip":
            found = benchmark(_sliced, path, UNWRAPPED)
        else:
            path = ours.hdf5_file(path) if name == "raggedh5" else path
            found = benchmark(ours.read_step, path, UNWRAPPED, STEP)
        expected = frames.columns[UNWRAPPED][::STEP]
        assert np.array_equal(found.reshape(expected.shape), expected)
