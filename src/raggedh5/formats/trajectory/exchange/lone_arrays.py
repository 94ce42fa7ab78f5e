"""A trajectory of lone ``.npy`` files, as scripts write them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory.fields import (
    STANDARD,
    check_name,
    check_names,
    check_trajectory_id,
)
from raggedh5.formats.trajectory.reading.field import TrajectoryField
from raggedh5.formats.trajectory.reading.frames import Frames
from raggedh5.formats.trajectory.reading.rows import NPYRows, open_npy
from raggedh5.formats.trajectory.reading.trajectory import Trajectory

__all__ = ["trajectory_of_arrays"]

PathLike = str | os.PathLike[str]

PIECE = 1 << 20
"""Frame numbers that are looked at at once."""


def trajectory_of_arrays(
    positions: PathLike,
    *,
    n_species: int | None = None,
    coordinates: str = "coordinates/unwrapped",
    fields: Mapping[str, PathLike] | None = None,
    frames: Mapping[str, PathLike] | None = None,
    traj_id: str = "traj_001",
) -> Trajectory:
    """Return a trajectory of lone ``.npy`` files, to be read or copied; nothing is loaded.

    Positions have a row for each frame. A field with as many rows is in every frame, too. Of a
    field with another number of rows, which was written at another rate, somebody has to say which
    frames they are of: `frames` does. Nothing else does: that row 7 is of frame 7 would be a guess,
    and a wrong one where times are those of hops and positions are sampled at fixed intervals. So
    a field without such numbers is kept whole, but among the `events` of the trajectory and not in
    its frames: ``events/time`` in HDF5, ``time_data.npy`` beside the others in NumPy files.

    Parameters
    ----------
    positions
        Coordinates, of shape (frames, n_species * 3) or (frames, n_species, 3).
    n_species
        How many species they are of, to be checked; None: what the shape says.
    coordinates
        Which coordinates they are.
    fields
        Files of further fields by name, as ``{"time": "time_data.npy"}``.
    frames
        Files of the frame numbers of some of these fields: rising integers, one for each row.
    traj_id
        Name of the trajectory.

    Raises
    ------
    FormatError
        If a file is no ``.npy`` file.
    SchemaError
        If shapes, numbers or names do not fit each other.
    """
    check_trajectory_id(traj_id)
    paths = {coordinates: Path(positions)}
    for name, path in (fields or {}).items():
        if name in paths:
            raise SchemaError(f"{name!r} is given twice: {path} and {paths[name]}")
        paths[name] = Path(path)
    for name in paths:
        check_name(name)
    check_names(paths)
    unknown = [name for name in frames or {} if name not in paths or name == coordinates]
    if unknown:
        raise SchemaError(f"frame numbers are given for {unknown[0]!r}, which is no further field")
    rows = {name: _rows(name, path) for name, path in paths.items()}
    _check_species(Path(positions), rows[coordinates].shape[0] // 3, n_species)
    n_frames = len(rows[coordinates])
    found, events = {}, {}
    for name, values in rows.items():
        units = STANDARD[name].units if name in STANDARD else None
        numbers = None
        if name in (frames or {}):
            numbers = _frame_numbers(name, Path((frames or {})[name]), len(values), n_frames)
        if numbers is None and len(values) != n_frames:
            events[name] = TrajectoryField(name, values, Frames(len(values)), len(values), units)
        else:
            of_rows = Frames(len(values), numbers)
            found[name] = TrajectoryField(name, values, of_rows, n_frames, units)
    return Trajectory(traj_id, found, n_frames, {}, events)


def _rows(name: str, path: Path) -> NPYRows:
    vectors = name.startswith("coordinates/")
    rows = NPYRows(path, flat=vectors)
    if rows.dtype.kind not in "biufc":
        raise SchemaError(f"{path}: frames hold numbers, not {rows.dtype}")
    if vectors and rows.dtype.kind == "c":
        raise SchemaError(f"{path}: coordinates are no complex numbers")
    if vectors and (len(rows.shape) != 1 or rows.shape[0] % 3):
        raise SchemaError(
            f"{path}: coordinates are (frames, n_species * 3) or (frames, n_species, 3); a row of "
            f"it is of shape {rows.shape}"
        )
    return rows


def _check_species(path: Path, found: int, n_species: int | None) -> None:
    if n_species is not None and n_species != found:
        raise SchemaError(f"{path} has coordinates of {found} species, not of {n_species}")


def _frame_numbers(name: str, path: Path, rows: int, n_frames: int) -> NDArray[Any]:
    numbers = open_npy(path)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or len(numbers) != rows:
        raise SchemaError(
            f"{path}: frame numbers of {name} are integers, one for each of its {rows} rows; this "
            f"is {numbers.dtype} of shape {numbers.shape}"
        )
    last = -1
    for first in range(0, rows, PIECE):
        piece = numbers[first : first + PIECE]
        if piece[0] <= last or np.any(piece[1:] <= piece[:-1]):
            raise SchemaError(
                f"{path}: frame numbers rise from row to row, beginning at 0 or later"
            )
        last = int(piece[-1])
    if last >= n_frames:
        raise SchemaError(f"{path}: it names frame {last}, but there are positions of {n_frames}")
    return numbers
