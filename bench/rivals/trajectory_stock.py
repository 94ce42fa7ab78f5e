"""Read what raggedh5 wrote of a trajectory with h5py and hdf5plugin, or NumPy, alone."""

from __future__ import annotations

from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  # registers the filters
import numpy as np

from bench.rivals.trajectory_np_save import FILES


def read_hdf5(path: Path) -> dict[str, np.ndarray]:
    """Return the fields of the only trajectory in a file."""
    with h5py.File(path) as file:
        (trajectory,) = file["trajectories"].values()
        return {name: trajectory[name][:] for name in FILES}


def read_npy(folder: Path) -> dict[str, np.ndarray]:
    """Return the fields of the only trajectory below a folder."""
    found = {}
    for name, stem in FILES.items():
        (file,) = folder.rglob(f"{stem}.npy")
        found[name] = np.load(file)
    return found
