"""Wrapped positions wherever they are: in a ``.npy`` file, or in trajectories."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.formats.trajectory.npy_folder import trajectory_folders
from raggedh5.formats.trajectory.reading.field import TrajectoryField
from raggedh5.formats.trajectory.reading.reader import TrajectoryReader
from raggedh5.formats.trajectory.reading.rows import open_npy
from raggedh5.formats.trajectory.reading.trajectory import Trajectory

__all__ = ["WRAPPED", "Block", "Rows", "WrappedSource", "open_source"]

WRAPPED = "coordinates/wrapped"
FIRST = "traj_001"
MAGIC = b"\x93NUMPY"

BLOCK_BYTES = 1 << 23
MOST_FRAMES = 1 << 14
"""Frames of a block, at most: bytes are no bound where a frame has none."""


class Rows(NamedTuple):
    """Rows of a field, and the numbers of their frames."""

    values: npt.NDArray[Any]
    numbers: npt.NDArray[np.int64]


class Block(NamedTuple):
    """Some frames: where they begin and end, and the rows of each field that are of them."""

    start: int
    stop: int
    fields: Mapping[str, Rows]


class WrappedSource:
    """One trajectory that is to be unwrapped.

    Attributes
    ----------
    id : str
        Its name.
    n_frames : int
        Its frames.
    n_species : int
        Its species.
    left_out : tuple of str
        Fields that cannot be told in frames.
    """

    def __init__(
        self,
        traj_id: str,
        fields: Mapping[str, Any],
        n_frames: int,
        times: Any = None,
        left_out: tuple[str, ...] = (),
    ) -> None:
        self.id = traj_id
        self.n_frames = n_frames
        self._fields = dict(fields)
        self._times = times
        self.left_out = left_out
        shape = self._fields[WRAPPED].shape
        self.n_species = shape[1] if len(shape) == 3 else shape[1] // 3

    def blocks(self) -> Iterator[Block]:
        """Read all fields, some frames at a time."""
        row_bytes = sum(
            field.dtype.itemsize * int(np.prod(field.shape[1:], dtype=np.int64))
            for field in self._fields.values()
        )
        frames = min(max(BLOCK_BYTES // max(row_bytes, 1), 1), MOST_FRAMES)
        for start in range(0, self.n_frames, frames):
            stop = min(start + frames, self.n_frames)
            yield Block(start, stop, self._read(start, stop))

    def _read(self, start: int, stop: int) -> dict[str, Rows]:
        found = {}
        for name, field in self._fields.items():
            if isinstance(field, TrajectoryField):
                found[name] = Rows(*field.rows_of(start, stop))
            else:
                found[name] = _rows(field, start, stop)
        if self._times is not None:
            found["time"] = _rows(self._times, start, stop)
        return found


@contextlib.contextmanager
def open_source(
    path: Path, traj_id: str | None, time: Path | None
) -> Iterator[tuple[list[WrappedSource], TrajectoryMetadata, list[Path]]]:
    """Open what is to be unwrapped.

    Parameters
    ----------
    path
        A ``.npy`` file of positions (frames, n_species, 3) or (frames, n_species * 3); or what
        `TrajectoryReader` reads.
    traj_id
        Which trajectory, None: all of them. Of a ``.npy`` file, the name that it is to have, by
        default ``"traj_001"``.
    time
        A ``.npy`` file of times, one for each frame.

    Yields
    ------
    sources : list of WrappedSource
    metadata : TrajectoryMetadata
        What is known of the simulation.
    places : list of Path
        Files that are read, and folders.

    Raises
    ------
    FileNotFoundError, KeyError
        If there is no such file, trajectory or field.
    FormatError
        If a file is damaged, or of another kind.
    SchemaError
        If positions or times have other shapes.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    times = None if time is None else _times(time)
    places = [path] if time is None else [path, time]
    if path.is_file() and _is_npy(path):
        positions = open_npy(path)
        _check_positions(str(path), positions.dtype, positions.shape)
        source = WrappedSource(
            traj_id or FIRST, {WRAPPED: positions}, len(positions), _fitting(times, len(positions))
        )
        yield [source], TrajectoryMetadata(), places
        return
    if path.is_dir():
        places += trajectory_folders(path)
    with TrajectoryReader(path) as reader:
        names = reader.ids if traj_id is None else [traj_id]
        sources = [_of_trajectory(path, reader[name], times) for name in names]
        yield sources, reader.metadata, places


def _of_trajectory(path: Path, trajectory: Trajectory, times: Any) -> WrappedSource:
    fields = {}
    for name in trajectory.fields:
        field = trajectory[name]
        if not isinstance(field, TrajectoryField):
            raise SchemaError(
                f"{path}: {trajectory.id}: {name}: the number of particles varies; only the paths "
                "of species that are in every frame can be unwrapped"
            )
        fields[name] = field
    found = trajectory[WRAPPED]  # raises where there is none
    if isinstance(found, TrajectoryField):
        _check_positions(f"{path}: {trajectory.id}: {WRAPPED}", found.dtype, found.shape)
    if times is not None:
        fields.pop("time", None)
    fields.pop("coordinates/unwrapped", None)
    count = trajectory.n_frames
    left_out = tuple(name for name in trajectory.events if times is None or name != "time")
    return WrappedSource(trajectory.id, fields, count, _fitting(times, count), left_out)


def _is_npy(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC or path.suffix == ".npy"


def _times(path: Path) -> Any:
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    times = open_npy(path)
    if times.dtype.kind not in "iuf" or times.ndim != 1:
        raise SchemaError(
            f"{path}: times are numbers of shape (frames,), not {times.dtype} of shape "
            f"{times.shape}"
        )
    return times


def _fitting(times: Any, frames: int) -> Any:
    if times is not None and len(times) != frames:
        raise SchemaError(
            f"there are {len(times):,} times for {frames:,} frames; give one for each, or leave "
            "them out"
        )
    return times


def _check_positions(name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    flat = len(shape) == 2 and shape[1] % 3 == 0
    if dtype.kind not in "iuf" or not (flat or (len(shape) == 3 and shape[2] == 3)):
        raise SchemaError(
            f"{name}: positions are numbers of shape (frames, n_species, 3) or "
            f"(frames, n_species * 3), not {dtype} of shape {shape}"
        )


def _rows(array: Any, start: int, stop: int) -> Rows:
    return Rows(np.asarray(array[start:stop]), np.arange(start, stop, dtype=np.int64))
