"""Trajectories for tests: walks, and files of them."""

from pathlib import Path

import numpy as np

from raggedh5.formats.trajectory import HDF5TrajectoryWriter, TrajectoryWriterManager
from raggedh5.formats.trajectory.geometry.unwrapping import wrap

CELL = np.array([[10.0, 0, 0], [3.0, 9.0, 0], [-2.0, 4.0, 11.0]])


def walk(frames: int = 300, species: int = 4, step: float = 1.5, seed: int = 1) -> np.ndarray:
    """A random walk (frames, species, 3) whose steps are shorter than half the cell."""
    steps = np.random.default_rng(seed).uniform(-step, step, (frames, species, 3))
    return np.cumsum(steps, axis=0) + 5


def written(folder: Path, *ids: str, frames: int = 60, pbc: object = True) -> np.ndarray:
    """Write trajectories in both formats: coordinates and times, energies of every fifth frame."""
    positions = walk(frames)
    metadata = {"lattice_matrix": CELL, "pbc": pbc, "temperature": 300.0}
    with TrajectoryWriterManager(metadata=metadata) as manager:
        for traj_id in ids:
            manager.initialize_writers(folder, traj_id)
            for number, frame in enumerate(positions):
                fields = {
                    "coordinates/unwrapped": frame,
                    "coordinates/wrapped": wrap(frame[None], CELL)[0],
                    "time": 0.5 * number,
                }
                if number % 5 == 2:
                    fields["energy"] = -float(number)
                manager.write_frame(traj_id, fields)
            manager.finalize_trajectory(traj_id)
    return positions


def written_ragged(path: Path, frames: int = 40) -> None:
    """Write a trajectory whose number of particles varies, from none to three."""
    with HDF5TrajectoryWriter(path, ragged=True) as writer:
        writer.create_trajectory_datasets("traj_001")
        for number in range(frames):
            particles = np.full((number % 4, 3), float(number))
            writer.append_frame(
                "traj_001",
                {
                    "coordinates/wrapped": particles,
                    "particles/charge": np.arange(number % 4) + 0.25,
                    "time": 0.5 * number,
                },
            )
