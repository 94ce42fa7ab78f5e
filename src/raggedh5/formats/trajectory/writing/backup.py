"""Frames that one format has failed to take, put where they can be had again."""

import tempfile
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

    Parameters
    ----------
    output_dir
        The folder of the output. If nothing can be written there, it is that for temporary files.
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
    folder : Path
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
        self._places = [output_dir / FOLDER / name]
        self._name, self._traj_id, self._metadata = name, traj_id, metadata
        self._begin(kept)

    def write(self, batches: list[FrameBatch], kept: list[FrameBatch]) -> None:
        """Append frames; `kept` are those since the last flush, these included."""
        try:
            for batch in batches:
                self._trajectory.write(batch)
        except (OSError, WriteError):
            self._trajectory.abandon()
            self._begin(kept)

    def flush(self, kept: list[FrameBatch]) -> None:
        """Make what was written count."""
        try:
            self._trajectory.flush()
        except (OSError, WriteError):
            self._trajectory.abandon()
            self._begin(kept)

    def finish(self, status: str) -> None:
        """Complete it."""
        self._trajectory.finish(status)

    def _begin(self, kept: list[FrameBatch]) -> None:
        for place in self._next_places():
            self.folder = folder_of(place, self._traj_id)
            try:
                self._trajectory = NPYTrajectory(
                    self.folder, self._traj_id, self._metadata.as_dict()
                )
                for batch in kept:
                    self._trajectory.write(batch)
                self._trajectory.flush()
                return
            except (OSError, WriteError) as error:
                failure = error
        raise WriteError(
            f"{self._traj_id}: neither {self._name} nor a backup can be written: {failure}"
        ) from failure

    def _next_places(self) -> list[Path]:
        places, self._places = self._places, []
        return [*places, Path(tempfile.mkdtemp(prefix="raggedh5-backup-")) / self._name]
