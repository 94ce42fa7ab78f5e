"""Trajectories to write, and what the readers must give back of them."""

import numpy as np

from raggedh5.formats.trajectory import TrajectoryWriterConfig, TrajectoryWriterManager

ID = "traj_001"


def config(formats="both", **sections):
    """A configuration with a small buffer, and no waiting for the clock."""
    performance = {"buffer_size": 8, "flush_seconds": 1e5, "parallel_writing": False}
    performance |= sections.pop("performance", {})
    return TrajectoryWriterConfig.from_mapping(
        {"formats": formats, "performance": performance, "on_error": "raise", **sections}
    )


def six(number, n_species=3, seed=0):
    """A frame with the six fields that every program knows."""
    rng = np.random.default_rng([seed, number])
    return {
        "coordinates/unwrapped": rng.normal(scale=20, size=(n_species, 3)),
        "coordinates/wrapped": rng.random((n_species, 3)),
        "time": 0.25 * number,
        "energy": rng.normal(),
        "delg_0": rng.normal(size=4),
        "potential": rng.normal(size=2),
    }


def write(folder, frames, settings=None, metadata=None, traj_id=ID, **options):
    """Write frames in the chosen formats; return the report."""
    with TrajectoryWriterManager(settings or config(), metadata, **options) as manager:
        manager.initialize_writers(folder, traj_id)
        for frame in frames:
            manager.write_frame(traj_id, frame)
        manager.finalize_trajectory(traj_id)
        return manager.finalize()


def columns(frames):
    """Return by field the values in order, and the numbers of their frames."""
    found = {}
    for number, frame in enumerate(frames):
        for name, value in frame.items():
            values, numbers = found.setdefault(name, ([], []))
            values.append(np.asarray(value))
            numbers.append(number)
    return found
