"""New files of the two layouts, which appear when they are complete."""

import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.frames import FrameBatch
from raggedh5.errors import SchemaError, WriteError
from raggedh5.formats.trajectory.fields import EVENTS, check_trajectory_id, file_stem
from raggedh5.formats.trajectory.hdf5_metadata import write_metadata
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.formats.trajectory.npy_folder import FolderRecord, folder_of
from raggedh5.formats.trajectory.writing.growing_npy import GrowingNpy
from raggedh5.formats.trajectory.writing.hdf5_trajectory import HDF5Trajectory, Storage
from raggedh5.formats.trajectory.writing.npy_trajectory import NPYTrajectory
from raggedh5.store.attributes import set_attributes
from raggedh5.store.file import File

__all__ = ["HDF5Target", "NPYTarget", "Target"]

Values = NDArray[Any]
Attributes = Mapping[str, Mapping[str, Any]]


class Target(Protocol):
    """Where trajectories are copied to, one after the other."""

    def begin(self, traj_id: str, frames: int | None, attributes: Attributes) -> None:
        """Begin one of about so many frames, if that is known; fields get these attributes."""

    def write(self, batch: FrameBatch) -> None:
        """Append frames to it."""

    def write_events(
        self, name: str, dtype: np.dtype[Any], shape: tuple[int, ...], blocks: Iterable[Values]
    ) -> None:
        """Add a field whose rows are events of their own."""

    def finish(self, status: str, start_time: str, end_time: str) -> None:
        """Complete it, and say how and when it was simulated, where that is known."""

    def __enter__(self) -> Self:
        """Return the target itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Put it in place; after an exception, nothing of it is left."""


class HDF5Target:
    """A new HDF5 file of trajectories; see `Target`."""

    def __init__(
        self, path: Path, metadata: TrajectoryMetadata, storage: Storage, overwrite: bool
    ) -> None:
        self._path = path
        self._storage = storage
        self._metadata = metadata
        self._overwrite = overwrite

    def begin(self, traj_id: str, frames: int | None, attributes: Attributes) -> None:
        """See `Target`."""
        check_trajectory_id(traj_id)
        storage = Storage(
            self._storage.codec,
            self._storage.precision,
            self._storage.chunk_frames,
            self._storage.flushed,
            None if frames is None else max(frames, 1),
            attributes,
        )
        self._attributes = attributes
        self._trajectory = HDF5Trajectory(self._file, traj_id, storage)

    def write(self, batch: FrameBatch) -> None:
        """See `Target`."""
        self._trajectory.write(batch)

    def write_events(
        self, name: str, dtype: np.dtype[Any], shape: tuple[int, ...], blocks: Iterable[Values]
    ) -> None:
        """See `Target`."""
        array = self._file.create_array(
            f"{self._trajectory.path}/{EVENTS}/{name}",
            (0, *shape),
            dtype,
            attrs=self._attributes.get(name, {}),
        )
        for block in blocks:
            array.append(block)

    def finish(self, status: str, start_time: str, end_time: str) -> None:
        """See `Target`."""
        self._trajectory.finish(status)
        said = {"start_time": start_time, "end_time": end_time}
        about = self._file.h5[f"{self._trajectory.path}/metadata"]
        set_attributes(about, {name: value for name, value in said.items() if value})

    def __enter__(self) -> Self:
        """See `Target`."""
        mode: Literal["w", "x"] = "w" if self._overwrite else "x"
        self._file = File(self._path, mode, codec=self._storage.codec)
        try:
            write_metadata(self._file, self._metadata)
        except BaseException:
            self._file.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """See `Target`."""
        self._file.__exit__(kind, error, traceback)


class NPYTarget:
    """Folders ``traj<N>`` of NumPy files in a folder, new or there already; see `Target`.

    They are written beside their place. Of a trajectory that is there already, `overwrite` replaces
    the files that are its own, and no others.
    """

    def __init__(self, folder: Path, metadata: TrajectoryMetadata, overwrite: bool) -> None:
        self._folder = folder
        self._metadata = metadata.as_dict()
        self._overwrite = overwrite
        self._made: list[Path] = []

    def begin(self, traj_id: str, frames: int | None, attributes: Attributes) -> None:
        """See `Target`."""
        check_trajectory_id(traj_id)
        place = folder_of(self._folder, traj_id)
        if place in self._made:
            raise SchemaError(f"{traj_id!r} would be kept in {place}, where another is already")
        if place.exists() and not place.is_dir():
            raise WriteError(f"{place} is no folder")
        if place.exists() and not self._overwrite and any(place.iterdir()):
            raise WriteError(
                f"{place} exists already; overwrite=True, or --overwrite, replaces the trajectory"
            )
        self._made.append(place)
        self._attributes = attributes
        self._trajectory = NPYTrajectory(self._new / place.name, traj_id, self._metadata)

    def write(self, batch: FrameBatch) -> None:
        """See `Target`."""
        self._trajectory.write(batch)

    def write_events(
        self, name: str, dtype: np.dtype[Any], shape: tuple[int, ...], blocks: Iterable[Values]
    ) -> None:
        """See `Target`."""
        trajectory = self._trajectory
        with GrowingNpy(trajectory.folder / f"{file_stem(name)}.npy", dtype, shape) as file:
            for block in blocks:
                file.append(block)
        trajectory.record.add(name, of_events=True)

    def finish(self, status: str, start_time: str, end_time: str) -> None:
        """See `Target`."""
        record = self._trajectory.record
        for fields in (record.fields, record.events):
            for name, about in fields.items():
                said = self._attributes.get(name, {})
                about |= {key: said[key] for key in ("units", "precision") if key in said}
        if start_time:
            record.start_time = start_time
        self._trajectory.finish(status)
        if end_time:
            record.end_time = end_time
            record.write(self._trajectory.folder)

    def __enter__(self) -> Self:
        """See `Target`."""
        self._made_folder = not self._folder.exists()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._new = Path(tempfile.mkdtemp(dir=self._folder, prefix=".new-"))
        except OSError as error:
            raise WriteError(f"{self._folder} could not be written: {error}") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """See `Target`."""
        try:
            if kind is None:
                self._put_in_place()
        except OSError as problem:
            raise WriteError(f"{self._folder} could not be written: {problem}") from problem
        finally:
            shutil.rmtree(self._new, ignore_errors=True)
            if kind is not None and self._made_folder:
                shutil.rmtree(self._folder, ignore_errors=True)

    def _put_in_place(self) -> None:
        for place in self._made:
            new = self._new / place.name
            if not place.exists():
                new.replace(place)
                continue
            FolderRecord.remove(place)
            for path in sorted(new.iterdir()):
                path.replace(place / path.name)
