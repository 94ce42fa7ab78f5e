"""A trajectory in a folder of NumPy files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.ragged import Ragged
from raggedh5.errors import FormatError
from raggedh5.formats.trajectory.fields import PARTICLES, STANDARD, file_stem
from raggedh5.formats.trajectory.npy_folder import OFFSETS, FolderRecord
from raggedh5.formats.trajectory.reading.field import TrajectoryField
from raggedh5.formats.trajectory.reading.frames import Frames
from raggedh5.formats.trajectory.reading.ragged_field import RaggedField
from raggedh5.formats.trajectory.reading.rows import NPYRows, check_rows, open_npy
from raggedh5.formats.trajectory.reading.trajectory import Trajectory

__all__ = ["npy_trajectory"]


def npy_trajectory(folder: Path) -> Trajectory:
    """Return the trajectory of a folder.

    Raises
    ------
    FormatError
        If it has none, or a file of it is damaged.
    """
    known = FolderRecord.read(folder)
    record = known or FolderRecord.guess(folder)
    fixed, particles = {}, {}
    for name, about in record.fields.items():
        path = folder / about["file"]
        if not path.exists():  # it was not reached before the writer was killed
            continue
        if about.get("particles"):
            particles[name] = path
        else:
            rows = NPYRows(path, flat=name.startswith("coordinates/"))
            if known is None and rows.dtype.kind not in "biufc":
                continue  # names of species, say
            check_rows(str(path), name, rows.dtype, rows.shape)
            fixed[name] = rows, Frames(len(rows), _numbers(folder, name), str(path))
    events = {
        name: NPYRows(folder / about["file"], flat=name.startswith("coordinates/"))
        for name, about in record.events.items()
    }
    for name in [] if known else _of_other_rates(fixed):
        events[name] = fixed.pop(name)[0]
    frames, offsets = None, None
    if particles:
        offsets = open_npy(folder / OFFSETS)
        numbers = _numbers(folder, PARTICLES)
        frames = Frames(max(len(offsets) - 1, 0), numbers, str(folder / OFFSETS))
    stops = [found.stop for _, found in fixed.values()] + ([frames.stop] if frames else [])
    n_frames = max(stops, default=0)
    abouts = record.fields | record.events
    fields: dict[str, TrajectoryField | RaggedField] = {}
    for name, (rows, of_rows) in fixed.items():
        fields[name] = _field(name, rows, of_rows, n_frames, abouts[name])
    if frames is not None and offsets is not None:
        for name, path in particles.items():
            units = STANDARD[name].units if name in STANDARD else abouts[name].get("units")
            values = open_npy(path)
            read = _reading(path, values, offsets)
            fields[name] = RaggedField(
                name,
                read,
                frames,
                n_frames,
                values.dtype,
                values.shape[1:],
                units,
                _precision(abouts[name]),
            )
    said = {key: getattr(record, key) for key in ("status", "start_time", "end_time")}
    others = {
        name: _field(name, rows, Frames(len(rows)), len(rows), abouts[name])
        for name, rows in events.items()
    }
    return Trajectory(record.id, fields, n_frames, said, others)


def _field(
    name: str, rows: NPYRows, frames: Frames, n_frames: int, about: dict[str, Any]
) -> TrajectoryField:
    return TrajectoryField(name, rows, frames, n_frames, about.get("units"), _precision(about))


def _precision(about: dict[str, Any]) -> float | None:
    found = about.get("precision")
    return float(found) if isinstance(found, int | float) else None


def _of_other_rates(fixed: dict[str, tuple[NPYRows, Frames]]) -> list[str]:
    """Return the fields of which nobody knows which frames their rows are of.

    Another program has written them, without numbers of frames. Those that have as many rows as
    the coordinates, or else as the longest field, have one for each frame; others do not.
    """
    unnumbered = {name: len(rows) for name, (rows, frames) in fixed.items() if frames.every}
    of_coordinates = [n for name, n in unnumbered.items() if name.startswith("coordinates/")]
    frames = of_coordinates[0] if of_coordinates else max(unnumbered.values(), default=0)
    return [name for name, count in unnumbered.items() if count != frames]


def _numbers(folder: Path, name: str) -> NDArray[Any] | None:
    path = folder / f"{file_stem(name)}.frames.npy"
    if not path.exists():
        return None
    numbers = open_npy(path)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise FormatError(f"{path} holds no numbers of frames")
    return numbers


def _reading(path: Path, values: NDArray[Any], offsets: NDArray[Any]) -> Callable[[Any], Ragged]:
    def read(rows: Any) -> Ragged:
        numbers = np.arange(len(offsets) - 1)[rows]
        starts, stops = np.asarray(offsets[numbers]), np.asarray(offsets[numbers + 1])
        lengths = stops - starts
        if len(lengths) and (lengths.min() < 0 or stops.max() > len(values) or starts.min() < 0):
            raise FormatError(f"{path}: the offsets of its rows lead elsewhere")
        where = np.zeros(len(numbers) + 1, np.int64)
        np.cumsum(lengths, out=where[1:])
        parts = [values[i:j] for i, j in zip(starts, stops, strict=True)]
        items = np.concatenate(parts) if parts else np.array(values[:0])
        return Ragged(items, where)

    return read
