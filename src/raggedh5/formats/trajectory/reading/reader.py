"""Trajectories to read, in an HDF5 file or in folders of NumPy files."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from raggedh5.errors import FormatError
from raggedh5.formats.trajectory.hdf5_layout import ids_in
from raggedh5.formats.trajectory.hdf5_metadata import read_metadata
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.formats.trajectory.npy_folder import FolderRecord, id_of, trajectory_folders
from raggedh5.formats.trajectory.reading.hdf5_source import hdf5_trajectory
from raggedh5.formats.trajectory.reading.npy_source import npy_trajectory
from raggedh5.formats.trajectory.reading.trajectory import Trajectory
from raggedh5.store.file import File

__all__ = ["TrajectoryReader"]


class TrajectoryReader:
    """The trajectories of an HDF5 file, or of a folder.

    Opening it reads nothing but names. A field of a trajectory reads what it is asked for.

    Parameters
    ----------
    path
        An HDF5 file of trajectories; or the folder of one trajectory in NumPy files, or a folder of
        such folders ``traj<N>``.
    live
        Whether the HDF5 file is being written to: it is read as it was at the last `refresh`.
    threads
        Threads that decompress, None: one for each core.

    Raises
    ------
    FileNotFoundError
        If there is nothing of that name.
    FormatError
        If it holds no trajectories.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from raggedh5.formats.trajectory import HDF5TrajectoryWriter, TrajectoryReader
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with HDF5TrajectoryWriter(folder / "run.h5") as writer:
    ...     _ = writer.create_trajectory_datasets("traj_001")
    ...     for t in range(3):
    ...         writer.append_frame("traj_001", {"coordinates/unwrapped": [[t, 0, 0]], "time": t})
    >>> with TrajectoryReader(folder / "run.h5") as reader:
    ...     reader["traj_001"]["coordinates/unwrapped"].read(step=2)
    array([[[0., 0., 0.]],
    <BLANKLINE>
           [[2., 0., 0.]]])
    """

    def __init__(
        self, path: str | os.PathLike[str], *, live: bool = False, threads: int | None = None
    ) -> None:
        self.path = Path(path)
        self._file: File | None = None
        self._open: dict[str, Callable[[], Trajectory]] = {}
        if self.path.is_dir():
            self._find_folders()
        else:
            self._file = File(self.path, live=live, threads=threads)
            self._find_groups()
        if not self._open and not live:
            self.close()
            raise FormatError(f"{self.path} holds no trajectories")

    @property
    def ids(self) -> list[str]:
        """Names of the trajectories."""
        return list(self._open)

    @property
    def metadata(self) -> TrajectoryMetadata:
        """What is known of the simulation."""
        if self._file is not None:
            return read_metadata(self._file)
        for folder in self._folders.values():
            record = FolderRecord.read(folder)
            if record is not None and record.metadata:
                return TrajectoryMetadata.from_mapping(record.metadata)
        return TrajectoryMetadata()

    def refresh(self) -> None:
        """See what has been flushed since, in a file that was opened with ``live=True``."""
        if self._file is not None:
            self._file.refresh()
            self._find_groups()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def __getitem__(self, traj_id: str) -> Trajectory:
        """Return a trajectory.

        Raises
        ------
        KeyError
            If there is no such trajectory.
        FormatError
            If it is damaged.
        """
        try:
            found = self._open[traj_id]
        except KeyError:
            known = ", ".join(self._open) or "none"
            raise KeyError(f"{self.path} has no trajectory {traj_id!r}; it has {known}") from None
        return found()

    def __contains__(self, traj_id: object) -> bool:
        """Whether there is such a trajectory."""
        return traj_id in self._open

    def __iter__(self) -> Iterator[str]:
        """Go through the names."""
        return iter(self._open)

    def __len__(self) -> int:
        """Return the number of trajectories."""
        return len(self._open)

    def __enter__(self) -> Self:
        """Return the reader itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    def __repr__(self) -> str:
        """Say what is read."""
        return f"<raggedh5.TrajectoryReader {str(self.path)!r}: {len(self)} trajectories>"

    def _find_groups(self) -> None:
        file = self._file
        if file is not None:
            self._open = {name: _calling(hdf5_trajectory, file, name) for name in ids_in(file)}

    def _find_folders(self) -> None:
        found = trajectory_folders(self.path)
        if not found and any(self.path.glob("*.npy")):
            found = [self.path]
        self._folders: dict[str, Path] = {}
        for folder in found:
            record = FolderRecord.read(folder)
            self._folders[id_of(folder) if record is None else record.id] = folder
        self._open = {
            name: _calling(npy_trajectory, folder) for name, folder in self._folders.items()
        }


def _calling(call: Callable[..., Trajectory], *args: Any) -> Callable[[], Trajectory]:
    return lambda: call(*args)
