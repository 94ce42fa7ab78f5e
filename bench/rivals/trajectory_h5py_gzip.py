"""A buffer of 1,000 frames, and gzip level 6: what careful people do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np

from bench.rivals.trajectory_h5py_frame import read
from bench.trajectory_frames import Frame

__all__ = ["FEWER", "SINGLE", "WHAT", "read", "write"]

WHAT = "h5py, a buffer of 1,000 frames, gzip level 6, a chunk a buffer"
FEWER = 10
SINGLE: tuple[str, ...] = ()
BUFFER = 1000


class Field:
    """A dataset and the frames that are not in it yet."""

    def __init__(self, file: h5py.File, name: str, value: np.ndarray | float, shuffle: bool):
        inner = np.shape(value)
        self.rows = np.empty((BUFFER, *inner))
        self.dataset = file.create_dataset(
            name,
            (0, *inner),
            "f8",
            maxshape=(None, *inner),
            chunks=(BUFFER, *inner),
            compression="gzip",
            compression_opts=6,
            shuffle=shuffle,
        )

    def flush(self, count: int) -> None:
        if count:
            done = len(self.dataset)
            self.dataset.resize(done + count, axis=0)
            self.dataset[done:] = self.rows[:count]


def write(path: Path, frames: Iterable[Frame], shuffle: bool = False) -> None:
    with h5py.File(path, "w") as file:
        fields: dict[str, Field] = {}
        count = 0
        for frame in frames:
            for name, value in frame.items():
                if name not in fields:
                    fields[name] = Field(file, name, value, shuffle)
                fields[name].rows[count] = value
            count += 1
            if count == BUFFER:
                for field in fields.values():
                    field.flush(count)
                count = 0
        for field in fields.values():
            field.flush(count)
