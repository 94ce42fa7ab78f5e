"""Trajectories in one HDF5 file, or in one each and a virtual file over them."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from raggedh5.care.overlay import overlay
from raggedh5.core.frames import FrameBatch
from raggedh5.errors import SchemaError, WriteError
from raggedh5.formats.trajectory.fields import check_trajectory_id
from raggedh5.formats.trajectory.hdf5_layout import group_of, part_of, parts_of
from raggedh5.formats.trajectory.hdf5_metadata import write_metadata
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.formats.trajectory.reading.hdf5_source import hdf5_trajectory
from raggedh5.formats.trajectory.reading.trajectory import Trajectory
from raggedh5.formats.trajectory.writing.hdf5_trajectory import HDF5Trajectory, Storage
from raggedh5.store.file import File

__all__ = ["HDF5Store"]


class HDF5Store:
    """Trajectories in HDF5; see `Store`.

    Parameters
    ----------
    path
        The file.
    metadata
        What is known of the simulation.
    storage
        How fields are stored.
    single_file
        False: each trajectory is in a file of its own beside `path`, which becomes a virtual file
        over them when this is closed.
    mode
        ``"w"`` for a new file, which replaces another one, or ``"a"``.
    """

    format = "hdf5"

    def __init__(
        self,
        path: str | os.PathLike[str],
        metadata: TrajectoryMetadata,
        storage: Storage,
        single_file: bool = True,
        mode: str = "w",
    ) -> None:
        self.path = Path(path)
        self.storage = storage
        self._metadata = metadata
        self._single = single_file
        self._mode = mode
        self._files: dict[Path, File] = {}
        self._open: dict[str, HDF5Trajectory] = {}
        self._made: dict[str, Path] = {}

    def begin(self, traj_id: str, resume: bool, estimated: int | None = None) -> int:
        """See `Store`."""
        check_trajectory_id(traj_id)
        if traj_id in self._open:
            raise SchemaError(f"{self.path}: {traj_id!r} is being written already")
        file = self._file(traj_id)
        if not resume and group_of(traj_id) in file:
            raise SchemaError(
                f"{file.path}: {traj_id!r} is there already; go on with it by resume=True"
            )
        storage = self.storage
        if estimated is not None:
            storage = storage.expecting(estimated)
        trajectory = HDF5Trajectory(file, traj_id, storage)
        if trajectory.frames:
            trajectory.run_on()
        self._open[traj_id] = trajectory
        file.flush()
        trajectory.described = False
        return trajectory.frames

    def file_of(self, traj_id: str) -> Path:
        """Return the path of the file that a trajectory is in."""
        return self.path if self._single else part_of(self.path, traj_id)

    def write(self, traj_id: str, batch: FrameBatch) -> None:
        """See `Store`."""
        self._open[traj_id].write(batch)

    def flush(self, traj_id: str) -> None:
        """See `Store`: others in the same file survive with it."""
        self._check_there(traj_id)
        trajectory = self._open[traj_id]
        trajectory.file.flush()
        trajectory.described = False

    def flushing(self, traj_id: str) -> Iterator[None]:
        """See `Store`."""
        if self._open[traj_id].described:
            self.flush(traj_id)
            return
        self._check_there(traj_id)
        yield from self._open[traj_id].file.flushing()

    def cut(self, traj_id: str, frames: int) -> None:
        """See `Store`."""
        self._open[traj_id].cut(frames)
        self.flush(traj_id)

    def finish(self, traj_id: str, status: str = "completed") -> None:
        """See `Store`."""
        trajectory = self._open.pop(traj_id)
        trajectory.finish(status)
        if self._single:
            trajectory.file.flush()
        else:
            self._files.pop(self.file_of(traj_id)).close()

    def abandon(self, traj_id: str) -> None:
        """See `Store`. Others in the same file go with it."""
        path = self.file_of(traj_id)
        for other in [other for other in self._open if self.file_of(other) == path]:
            del self._open[other]
        self._give_up(path)

    def cancel(self, traj_id: str) -> None:
        """See `Store`."""
        trajectory = self._open.pop(traj_id)
        if trajectory.fresh:
            trajectory.file.remove(trajectory.path)

    def goes_with(self, traj_id: str, other: str) -> bool:
        """See `Store`: they are in one file."""
        return self.file_of(traj_id) == self.file_of(other)

    def trajectory(self, traj_id: str) -> Trajectory:
        """See `Store`."""
        return hdf5_trajectory(self._file(traj_id), traj_id)

    def leave(self) -> None:
        """See `Store`. HDF5 must not find them open when the interpreter is gone."""
        self._open.clear()
        for path in list(self._files):
            self._give_up(path)

    def close(self) -> None:
        """See `Store`."""
        with contextlib.ExitStack() as stack:  # whatever fails, all the others are closed
            for file in self._files.values():
                stack.callback(file.close)
            self._files = {}
            for trajectory in self._open.values():
                stack.callback(trajectory.finish, "incomplete")
            self._open = {}
        if not self._single and self._made:
            parts = parts_of(self.path) if self._mode == "a" else self._made
            overlay(list(parts.values()), self.path, overwrite=True)

    def _check_there(self, traj_id: str) -> None:
        if not self.file_of(traj_id).exists():
            raise WriteError(f"{self.file_of(traj_id)} was removed, with all that was in it")

    def _give_up(self, path: Path) -> None:
        file = self._files.pop(path, None)
        if file is not None:
            with contextlib.suppress(Exception):
                file.close()

    def _file(self, traj_id: str) -> File:
        path = self.file_of(traj_id)
        file = self._files.get(path)
        if file is not None and file.is_open:
            return file
        path.parent.mkdir(parents=True, exist_ok=True)
        # What this writer has written is not to be replaced by itself.
        mode = "a" if self._mode == "a" or path in self._made.values() else "w"
        file = File(path, mode, durable="process", codec=self.storage.codec)  # type: ignore[arg-type]
        self._made[traj_id] = path
        self._files[path] = file
        if "metadata" not in file:
            write_metadata(file, self._metadata)
        return file
