"""Frames that one format has failed to take, put where they can be had again."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from raggedh5.core.frames import FrameBatch
from raggedh5.errors import WriteError
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.formats.trajectory.npy_folder import folder_of
from raggedh5.formats.trajectory.writing.npy_trajectory import NPYTrajectory

__all__ = ["FOLDER", "Backup"]

FOLDER = "backup"
"""Where backups are, in the folder of the output."""


class Backup:
    """The frames of a trajectory from one on, in NumPy files with their numbers.

    Where they cannot be written any more, they go on elsewhere: in the folder of the output first,
    then in one for temporary files.

    Parameters
    ----------
    output_dir
        The folder of the output.
    name
        The format that failed.
    traj_id
        The trajectory.
    metadata
        What is known of the simulation.
    kept
        Frames that were written, or were to be, since the last flush.

    Attributes
    ----------
    name : str
        The format that failed.
    folders : list of Path
        Where the files are.

    Raises
    ------
    WriteError
        If they cannot be written anywhere.
    """

    def __init__(
        self,
        output_dir: Path,
        name: str,
        traj_id: str,
        metadata: TrajectoryMetadata,
        kept: list[FrameBatch],
    ) -> None:
        self.name = name
        self.folders: list[Path] = []
        self._traj_id, self._metadata = traj_id, metadata
        self._places = self._in_turn(output_dir)
        self._begin(kept)

    def write(self, batches: list[FrameBatch], kept: list[FrameBatch]) -> None:
        """Append frames; `kept` are those since the last flush, these included."""
        try:
            for batch in batches:
                self._trajectory.write(batch)
        except (OSError, WriteError) as error:
            self._trajectory.abandon()
            self._begin(kept, error)

    def flush(self, kept: list[FrameBatch]) -> None:
        """Make what was written count."""
        try:
            self._trajectory.flush()
        except (OSError, WriteError) as error:
            self._trajectory.abandon()
            self._begin(kept, error)

    def finish(self, status: str, kept: list[FrameBatch]) -> None:
        """Complete it."""
        try:
            self._trajectory.finish(status)
        except (OSError, WriteError) as error:
            self._trajectory.abandon()
            self._begin(kept, error)

    def _begin(self, kept: list[FrameBatch], failure: Exception | None = None) -> None:
        for place in self._places:
            folder = folder_of(place, self._traj_id)
            try:
                self._trajectory = NPYTrajectory(folder, self._traj_id, self._metadata.as_dict())
                for batch in kept:
                    self._trajectory.write(batch)
                self._trajectory.flush()
            except (OSError, WriteError) as error:
                failure = error
                continue
            self.folders.append(folder)
            return
        raise WriteError(
            f"{self._traj_id}: neither {self.name} nor a backup can be written: {failure}"
        ) from failure

    def _in_turn(self, output_dir: Path) -> Iterator[Path]:
        yield output_dir / FOLDER / self.name
        with contextlib.suppress(OSError):
            yield Path(tempfile.mkdtemp(prefix="raggedh5-backup-")) / self.name
