"""MDAnalysis' H5MD writer, a frame at a time: positions and times as float32, as it has them.

The unwrapped coordinates are its positions; all else are observables, which keep their float64.
Units are left as they are, and its chunks too: one a frame.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import h5py
import MDAnalysis
import numpy as np
from MDAnalysis.coordinates.H5MD import H5MDWriter

from bench.trajectory_frames import NUMBERS, UNWRAPPED, WRAPPED, Frame

WHAT = "MDAnalysis' `H5MDWriter`, positions and time as float32"
FEWER = 20
SINGLE = (UNWRAPPED, "time")
OBSERVED = {WRAPPED: "wrapped"} | {name: name for name in NUMBERS if name != "time"}


def write(path: Path, frames: Iterable[Frame]) -> None:
    frames = iter(frames)
    first = next(frames)
    species = len(first[UNWRAPPED]) // 3
    universe = MDAnalysis.Universe.empty(species, trajectory=True)
    now = universe.trajectory.ts
    with H5MDWriter(str(path), species, convert_units=False) as writer:
        for at, frame in enumerate(chain([first], frames)):
            now.frame = at
            now.time = frame["time"]
            now.positions = frame[UNWRAPPED].reshape(species, 3)
            for name, key in OBSERVED.items():
                now.data[key] = frame[name]
            writer.write(universe)


def read(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path) as file:
        position = file["particles/trajectory/position"]
        found = {UNWRAPPED: position["value"][:], "time": position["time"][:]}
        return found | {name: file[f"observables/{key}/value"][:] for name, key in OBSERVED.items()}
