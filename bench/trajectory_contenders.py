"""The ways to write a trajectory, by name; one whose library is missing is left out."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from bench import trajectory_writers as ours
from bench.rivals import trajectory_stock
from bench.trajectory_frames import UNWRAPPED, WRAPPED, Frame, Frames, differences

BUFFER = 1000


class Contender(NamedTuple):
    """`write` takes frames one by one, `read` returns all fields of what it wrote.

    `fewer`: how many times fewer frames it is given, where a whole run would take long. `single`:
    the fields that it keeps as float32 only. `precision`: by how much coordinates may be off.
    """

    what: str
    write: Callable[[Path, Iterable[Frame]], None]
    read: Callable[[Path], dict[str, np.ndarray]]
    fewer: int = 1
    single: tuple[str, ...] = ()
    precision: float = 0.0

    def part(self, frames: Frames) -> Frames:
        """Return the frames that it is given: full buffers, where there are as many."""
        return frames.first(max(len(frames) // self.fewer, BUFFER)).prepared()

    def check(self, path: Path, frames: Frames) -> None:
        """Compare all that was written with the frames."""
        found = self.read(path)
        for name in (UNWRAPPED, WRAPPED) if self.precision else ():
            off = found[name].reshape(len(frames), -1) - frames.columns[name]
            if np.abs(off).max() <= self.precision:
                found[name] = frames.columns[name]
        wrong = differences(found, frames, self.single)
        if wrong:
            raise RuntimeError(f"{path}: {', '.join(wrong)} not as written ({self.what})")


def _stock_file(folder: Path) -> dict[str, np.ndarray]:
    return trajectory_stock.read_hdf5(ours.hdf5_file(folder))


def _stock_both(folder: Path) -> dict[str, np.ndarray]:
    """Return what the file holds, if the `.npy` files hold the same."""
    found, other = _stock_file(folder), trajectory_stock.read_npy(folder)
    for name, values in other.items():
        if not np.array_equal(found[name], values):
            raise RuntimeError(f"{folder}: {name} differs between HDF5 and NPY")
    return found


def _our_file(folder: Path) -> dict[str, np.ndarray]:
    return ours.read_ours(ours.hdf5_file(folder))


OURS = {
    "raggedh5": Contender(
        "raggedh5.formats.trajectory, HDF5 with the default settings",
        partial(ours.write_ours, formats=ours.HDF5),
        _stock_file,
    ),
    "raggedh5-npy": Contender(
        "the same, `.npy` files only",
        partial(ours.write_ours, formats=ours.NPY),
        trajectory_stock.read_npy,
    ),
    "raggedh5-both": Contender(
        "the same, HDF5 and `.npy` at once",
        partial(ours.write_ours, formats=ours.BOTH),
        _stock_both,
    ),
    "raggedh5-1e-4": Contender(
        "the same, HDF5, coordinates to 1e-4 bohr",
        partial(ours.write_ours, formats=ours.HDF5, precision=ours.PRECISION),
        _our_file,
        precision=ours.PRECISION,
    ),
}
RIVALS = {
    "h5py-frame": "trajectory_h5py_frame",
    "h5py-gzip": "trajectory_h5py_gzip",
    "h5py-gzip-shuffle": "trajectory_h5py_shuffle",
    "np-save": "trajectory_np_save",
    "mdanalysis-h5md": "trajectory_h5md",
}
NAMES = (*OURS, *RIVALS)


def contender(name: str) -> Contender:
    if name in OURS:
        return OURS[name]
    module = importlib.import_module(f"bench.rivals.{RIVALS[name]}")
    return Contender(module.WHAT, module.write, module.read, module.FEWER, module.SINGLE)


def contenders(names: Iterable[str] = NAMES) -> dict[str, Contender]:
    found = {}
    for name in names:
        try:
            found[name] = contender(name)
        except ImportError as error:
            print(f"{name} is left out: {error}")
    return found


def installed(name: str) -> Contender:
    """Return a contender for a test, which is skipped where its library is missing."""
    try:
        return contender(name)
    except ImportError as error:
        pytest.skip(f"{name}: {error}")
