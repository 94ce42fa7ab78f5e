"""raggedh5's writing and reading of trajectories, as the benchmarks use it.

Everything else takes a frame after the other from an iterable, and files or folders by their path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from bench.trajectory_frames import BOX, SPECIES, Frame
from raggedh5.formats.trajectory import (
    TrajectoryMetadata,
    TrajectoryReader,
    TrajectoryWriterConfig,
    TrajectoryWriterManager,
)

TRAJECTORY = "traj_001"
HDF5, NPY, BOTH = ("hdf5",), ("npy",), ("npy", "hdf5")
PRECISION = 1e-4
"""In bohr."""


def configured(formats: Iterable[str], precision: float | None) -> TrajectoryWriterConfig:
    """Return the defaults but for the formats and the precision."""
    section = {
        "formats": {name: name in formats for name in BOTH},
        "hdf5_options": {"precision": precision},
    }
    return TrajectoryWriterConfig.from_mapping(section)


def described() -> TrajectoryMetadata:
    return TrajectoryMetadata(
        lattice_matrix=np.diag(BOX),
        species_count=[SPECIES],
        temperature=300.0,
    )


@contextmanager
def opened(
    folder: Path, formats: Iterable[str], precision: float | None = None
) -> Iterator[Callable[[Frame], None]]:
    """Begin a trajectory in a folder; the function that takes its frames; end it."""
    folder.mkdir(exist_ok=True)
    manager = TrajectoryWriterManager(configured(formats, precision), described())
    manager.initialize_writers(folder, TRAJECTORY)
    try:
        yield partial(manager.write_frame, TRAJECTORY)
        manager.finalize_trajectory(TRAJECTORY)
    finally:
        manager.finalize()


def write_ours(
    folder: Path, frames: Iterable[Frame], formats: Iterable[str], precision: float | None = None
) -> None:
    """Write a trajectory into a folder, a frame at a time."""
    with opened(folder, formats, precision) as write_frame:
        for frame in frames:
            write_frame(frame)


def read_ours(path: Path) -> dict[str, np.ndarray]:
    """Return all fields of the trajectory in a file."""
    with TrajectoryReader(path) as reader:
        trajectory = _only(reader)
        return {name: trajectory[name].read() for name in trajectory.fields}


def read_step(path: Path, field: str, step: int) -> np.ndarray:
    """Return every so many frames of a field."""
    with TrajectoryReader(path) as reader:
        return _only(reader)[field].read(step=step)


def hdf5_file(folder: Path) -> Path:
    """Return the HDF5 file that was written into a folder."""
    found = [path for path in folder.rglob("*") if path.suffix in (".h5", ".hdf5")]
    if len(found) != 1:
        raise RuntimeError(f"{folder} has {len(found)} HDF5 files, not one")
    return found[0]


def _only(reader: TrajectoryReader):
    (name,) = reader.ids
    return reader[name]
