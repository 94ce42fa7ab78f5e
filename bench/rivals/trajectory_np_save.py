"""Lists that grow by a copy a frame, and `numpy.save` at the end: nothing is kept until then."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from bench.trajectory_frames import NUMBERS, UNWRAPPED, WRAPPED, Frame

WHAT = "lists of copies, and `np.save` at the end"
FEWER = 1
SINGLE: tuple[str, ...] = ()
FILES = {name: name for name in NUMBERS} | {
    UNWRAPPED: "unwrapped_traj",
    WRAPPED: "wrapped_traj",
    "time": "time_data",
}
"""The names that scripts know."""


def write(path: Path, frames: Iterable[Frame]) -> None:
    kept: dict[str, list] = {name: [] for name in FILES}
    for frame in frames:
        for name, value in frame.items():
            kept[name].append(value.copy() if isinstance(value, np.ndarray) else value)
    path.mkdir(exist_ok=True)
    for name, values in kept.items():
        np.save(path / f"{FILES[name]}.npy", np.array(values))


def read(path: Path) -> dict[str, np.ndarray]:
    return {name: np.load(path / f"{file}.npy") for name, file in FILES.items()}
