"""Trajectories in folders of NumPy files."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from raggedh5.core.frames import FrameBatch
from raggedh5.core.team import CodingThreads
from raggedh5.errors import SchemaError, WriteError
from raggedh5.formats.trajectory.fields import check_trajectory_id
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.formats.trajectory.npy_folder import RECORD, FolderRecord, folder_of
from raggedh5.formats.trajectory.reading.npy_source import npy_trajectory
from raggedh5.formats.trajectory.reading.trajectory import Trajectory
from raggedh5.formats.trajectory.writing.npy_trajectory import NPYTrajectory

__all__ = ["NPYStore"]

THREADS = 2
"""One that writes, beside the one that waits for it."""


class NPYStore:
    """Trajectories in NumPy files, a folder ``traj<N>`` each; see `Store`.

    Parameters
    ----------
    folder
        Where these folders are.
    metadata
        What is known of the simulation.
    mode
        ``"w"`` to replace trajectories that are there, ``"a"`` to keep them.
    """

    format = "npy"

    def __init__(
        self, folder: str | os.PathLike[str], metadata: TrajectoryMetadata, mode: str = "w"
    ) -> None:
        self.folder = Path(folder)
        self._metadata = metadata
        self._threads = CodingThreads(THREADS)
        self._mode = mode
        self._known: dict[Path, str] = {}
        self._open: dict[str, NPYTrajectory] = {}

    def begin(self, traj_id: str, resume: bool, estimated: int | None = None) -> int:
        """See `Store`."""
        check_trajectory_id(traj_id)
        folder = folder_of(self.folder, traj_id)
        other = self._known.setdefault(folder, traj_id)
        if other != traj_id:
            raise SchemaError(f"{traj_id!r} and {other!r} would both be kept in {folder}")
        if traj_id in self._open:
            raise SchemaError(f"{folder}: {traj_id!r} is being written already")
        if self._mode == "a" and not (folder / RECORD).exists() and any(folder.glob("*.npy")):
            raise SchemaError(
                f"{folder} holds .npy files of another program, which cannot be gone on with; "
                "convert them, or name the trajectory otherwise"
            )
        if self._mode == "a" and not resume and (folder / RECORD).exists():
            raise SchemaError(
                f"{folder}: {traj_id!r} is there already; go on with it by resume=True"
            )
        try:
            trajectory = NPYTrajectory(
                folder, traj_id, self._metadata.as_dict(), not resume, self._threads
            )
        except OSError as error:
            raise WriteError(f"{folder} could not be written: {error}") from error
        self._open[traj_id] = trajectory
        if trajectory.frames:
            trajectory.run_on()
        return trajectory.frames

    def write(self, traj_id: str, batch: FrameBatch) -> None:
        """See `Store`."""
        try:
            self._open[traj_id].write(batch)
        except OSError as error:
            folder = folder_of(self.folder, traj_id)
            raise WriteError(f"{folder} could not be written: {error}") from error

    def flush(self, traj_id: str) -> None:
        """See `Store`."""
        self._open[traj_id].flush()

    def flushing(self, traj_id: str) -> Iterator[None]:
        """See `Store`: it is one step."""
        self.flush(traj_id)
        yield

    def cut(self, traj_id: str, frames: int) -> None:
        """See `Store`."""
        self._open[traj_id].cut(frames)

    def finish(self, traj_id: str, status: str = "completed") -> None:
        """See `Store`."""
        self._open[traj_id].finish(status)
        del self._open[traj_id]

    def abandon(self, traj_id: str) -> None:
        """See `Store`."""
        trajectory = self._open.pop(traj_id, None)
        if trajectory is not None:
            trajectory.abandon()

    def cancel(self, traj_id: str) -> None:
        """See `Store`."""
        trajectory = self._open.pop(traj_id)
        trajectory.abandon()
        if trajectory.fresh:
            FolderRecord.remove(trajectory.folder)
            with contextlib.suppress(OSError):
                trajectory.folder.rmdir()

    def goes_with(self, traj_id: str, other: str) -> bool:
        """See `Store`: each is in a folder of its own."""
        return False

    def trajectory(self, traj_id: str) -> Trajectory:
        """See `Store`."""
        if traj_id in self._open:
            self._open[traj_id].flush()
        return npy_trajectory(folder_of(self.folder, traj_id))

    def leave(self) -> None:
        """See `Store`."""
        for traj_id in list(self._open):
            self.abandon(traj_id)

    def close(self) -> None:
        """See `Store`."""
        with contextlib.ExitStack() as stack:  # whatever fails, all the others are closed
            for traj_id in list(self._open):
                stack.callback(self.finish, traj_id, "incomplete")
        self._threads.close()
