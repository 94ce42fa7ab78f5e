"""Runs of a simulation for tests: frames of every kind of field, and files of them."""

from pathlib import Path

import numpy as np

from raggedh5.formats.trajectory import HDF5TrajectoryWriter

LATTICE = [[10.0, 0, 0], [2, 11, 0], [1, 1, 12]]
"""In bohr, lower triangular as MDAnalysis and mdtraj turn it."""

DATA = Path(__file__).parent / "data"
POSITIONS = DATA / "bvo_unwrapped_traj.npy"
TIMES = DATA / "bvo_time_data.npy"
WHOLE = Path(__file__).parents[2] / "shared" / "data" / "kmc" / "bvo"
"""The whole of that run, where it is at hand."""


def frames(count: int = 50, species: int = 4) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(count * 100 + species)
    return {
        "coordinates/unwrapped": 20 * rng.normal(size=(count, species, 3)),
        "coordinates/wrapped": rng.random((count, species, 3)),
        "time": np.cumsum(rng.random(count)) * 1e-15,
        "energy": rng.normal(size=count),
    }


def write_run(path: Path, *, ids: tuple[str, ...] = ("traj_001",), **metadata) -> dict:
    """Write a file of trajectories, and return the frames that each of them has."""
    made = frames()
    with HDF5TrajectoryWriter(path, metadata) as writer:
        for traj_id in ids:
            writer.create_trajectory_datasets(traj_id)
            writer.append_frames(traj_id, made)
    return made


def write_ragged(path: Path) -> list[dict]:
    """Write a file with a trajectory of a varying number of particles, and return its frames."""
    rng = np.random.default_rng(7)
    made = []
    for number in range(30):
        frame = {"energy": float(number)}
        if number % 3:
            count = number % 5
            frame["coordinates/unwrapped"] = rng.normal(size=(count, 3))
            frame["particles/atomic_number"] = rng.integers(1, 90, count)
        made.append(frame)
    with HDF5TrajectoryWriter(path, ragged=True) as writer:
        writer.create_trajectory_datasets("traj_001")
        for frame in made:
            writer.append_frame("traj_001", frame)
    return made
