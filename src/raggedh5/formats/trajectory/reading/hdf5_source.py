"""A trajectory in an HDF5 file."""

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np

from raggedh5.core.ragged import Ragged
from raggedh5.errors import FormatError, RaggedH5Error
from raggedh5.formats.trajectory.fields import PARTICLES
from raggedh5.formats.trajectory.hdf5_layout import (
    events_of,
    fields_of,
    group_of,
    ids_in,
)
from raggedh5.formats.trajectory.reading.field import TrajectoryField
from raggedh5.formats.trajectory.reading.frames import Frames
from raggedh5.formats.trajectory.reading.ragged_field import RaggedField
from raggedh5.formats.trajectory.reading.rows import HDF5Rows, check_rows
from raggedh5.formats.trajectory.reading.trajectory import Trajectory
from raggedh5.store.array import Array
from raggedh5.store.file import File
from raggedh5.store.table import Table

__all__ = ["hdf5_trajectory", "trajectories_in"]

STRANGE = RaggedH5Error, KeyError, OSError, RuntimeError, ValueError
"""What reading names in a file of any kind may raise: RuntimeError is HDF5's."""


def hdf5_trajectory(file: File, traj_id: str) -> Trajectory:
    """Return a trajectory of an open file.

    Raises
    ------
    KeyError
        If there is no such trajectory.
    FormatError
        If it is none.
    """
    path = group_of(traj_id)
    if path not in file:
        known = ", ".join(ids_in(file)) or "none"
        raise KeyError(f"{file.path} has no trajectory {traj_id!r}; it has {known}")
    found = {
        name: (values, Frames(_length(file, values), numbers, f"{file.path}: {values.name}"))
        for name, values, numbers in fields_of(file, path)
    }
    n_frames = max((frames.stop for _, frames in found.values()), default=0)
    fields: dict[str, TrajectoryField | RaggedField] = {}
    for name, (values, frames) in found.items():
        if isinstance(values, Table):
            fields |= _of_particles(values, frames, n_frames)
            continue
        fields[name] = _of_rows(file, name, values, frames, n_frames)
    events = {
        name: _of_rows(file, name, values, Frames(rows := _length(file, values)), rows)
        for name, values in events_of(file, path)
    }
    about = f"{path}/metadata"
    attributes = dict(file.h5[about].attrs) if about in file else {}
    return Trajectory(traj_id, fields, n_frames, attributes, events)


def _of_rows(
    file: File, name: str, values: Array, frames: Frames, n_frames: int
) -> TrajectoryField:
    check_rows(f"{file.path}: {values.name}", name, values.dtype, values.shape[1:])
    return TrajectoryField(
        name,
        HDF5Rows(values),
        frames,
        n_frames,
        _text(values.attrs.get("units")),
        _number(values.attrs.get("precision")),
    )


def _length(file: File, values: Array | Table) -> int:
    if isinstance(values, Array) and not values.h5.shape:
        raise FormatError(f"{file.path}: {values.name} is no field of frames: it has no rows")
    return len(values)


def trajectories_in(file: File) -> list[Trajectory]:
    """Return the trajectories of any file: what is damaged, or of another layout, is left out."""
    found = []
    with contextlib.suppress(*STRANGE):
        for name in ids_in(file):
            with contextlib.suppress(*STRANGE):
                if f"{group_of(name)}/metadata" in file:
                    found.append(hdf5_trajectory(file, name))
    return found


def _of_particles(table: Table, frames: Frames, n_frames: int) -> dict[str, RaggedField]:
    fields = {}
    for column, spec in table.columns.items():
        attrs = table[column].attrs
        name = _text(attrs.get("field")) or f"{PARTICLES}/{column}"
        fields[name] = RaggedField(
            name,
            _reading(table, column),
            frames,
            n_frames,
            np.dtype(spec.dtype),
            tuple(spec.shape),
            _text(attrs.get("units")),
            _number(attrs.get("precision")),
        )
    return fields


def _reading(table: Table, column: str) -> Callable[[Any], Ragged]:
    def read(rows: Any) -> Ragged:
        found: Ragged = table.take(rows, [column])[column]
        return found

    return read


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float | np.number) else None
