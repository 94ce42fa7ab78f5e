"""As `trajectory_h5py_gzip`, with HDF5's byte shuffle before gzip."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bench.rivals import trajectory_h5py_gzip
from bench.rivals.trajectory_h5py_frame import read
from bench.trajectory_frames import Frame

__all__ = ["FEWER", "SINGLE", "WHAT", "read", "write"]

WHAT = f"{trajectory_h5py_gzip.WHAT}, shuffled"
FEWER = 10
SINGLE: tuple[str, ...] = ()


def write(path: Path, frames: Iterable[Frame]) -> None:
    trajectory_h5py_gzip.write(path, frames, shuffle=True)
