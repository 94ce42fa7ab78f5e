"""What most people do: every dataset made longer by one frame, and the frame assigned to it.

No compression, and chunks as h5py guesses them: its fastest form.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np

from bench.trajectory_frames import Frame

WHAT = "h5py, every dataset resized by one frame, no compression"
FEWER = 10
SINGLE: tuple[str, ...] = ()


def write(path: Path, frames: Iterable[Frame]) -> None:
    with h5py.File(path, "w") as file:
        datasets: dict[str, h5py.Dataset] = {}
        for at, frame in enumerate(frames):
            for name, value in frame.items():
                if name not in datasets:
                    inner = np.shape(value)
                    datasets[name] = file.create_dataset(
                        name, (0, *inner), "f8", maxshape=(None, *inner), chunks=True
                    )
                dataset = datasets[name]
                dataset.resize(at + 1, axis=0)
                dataset[at] = value


def read(path: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, x: found.__setitem__(name, x[:]) if isinstance(x, h5py.Dataset) else None
        )
    return found
