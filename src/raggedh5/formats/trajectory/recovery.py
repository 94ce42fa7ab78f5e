"""Trajectories whose writer was killed, brought to their last complete frame."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from raggedh5.care.overlay import overlay
from raggedh5.care.recover import recover
from raggedh5.errors import FormatError
from raggedh5.formats.trajectory.fields import check_trajectory_id
from raggedh5.formats.trajectory.hdf5_layout import HDF5_NAME, parts_of
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.formats.trajectory.npy_folder import (
    FolderRecord,
    folder_of,
    trajectory_folders,
)
from raggedh5.formats.trajectory.reading.reader import TrajectoryReader
from raggedh5.formats.trajectory.writing.alignment import align
from raggedh5.formats.trajectory.writing.hdf5_store import HDF5Store
from raggedh5.formats.trajectory.writing.hdf5_trajectory import Storage
from raggedh5.formats.trajectory.writing.npy_store import NPYStore
from raggedh5.formats.trajectory.writing.store import Store

__all__ = ["TrajectoryRecovery", "recover_partial_trajectory", "recover_trajectories"]

ANY = 1 << 62
"""Frames that one format may be ahead of another: here what is whole in all of them counts."""


@dataclass(frozen=True)
class TrajectoryRecovery:
    """What was done to bring a trajectory back.

    Attributes
    ----------
    trajectory : str
        Its name.
    frames : int
        Frames that it has now, in every format.
    formats : tuple of str
        The formats that it is in.
    status : tuple of str
        What each of them said before: ``"running"`` where the writer was killed.
    """

    trajectory: str
    frames: int
    formats: tuple[str, ...]
    status: tuple[str, ...]

    @property
    def changed(self) -> bool:
        """Whether there was anything to bring back."""
        return "running" in self.status

    def as_dict(self) -> dict[str, Any]:
        """Return the same for JSON."""
        return {**asdict(self), "changed": self.changed}


def recover_partial_trajectory(path: str | os.PathLike[str], traj_id: str) -> TrajectoryRecovery:
    """Bring back a trajectory whose writer was killed, and mark it incomplete.

    Every field is cut to the last complete frame. Of two formats the one that is behind gets the
    frames that the other has, as far as they are kept exactly there; then both are cut to the same
    frame. A trajectory that was completed stays as it is. ``resume=True`` goes on from there.

    Parameters
    ----------
    path
        An HDF5 file; or the folder of the output, with both formats; or that of one trajectory in
        NumPy files.
    traj_id
        Its name.

    Raises
    ------
    FileNotFoundError
        If there is nothing of that name.
    KeyError
        If there is no such trajectory.
    FormatError
        If a file cannot be brought back.
    WriteError
        If somebody is writing to it, or it cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from raggedh5.formats.trajectory import NPYTrajectoryWriter
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with NPYTrajectoryWriter(folder) as writer:
    ...     _ = writer.create_trajectory_datasets("traj_001")
    ...     writer.append_frame("traj_001", {"energy": -0.5})
    >>> recover_partial_trajectory(folder, "traj_001").changed
    False
    """
    check_trajectory_id(traj_id)
    sides = _sides(Path(path), traj_id)
    status = []
    for side in sides:
        with TrajectoryReader(side.path) as reader:
            status.append(reader[traj_id].status)
            frames = reader[traj_id].n_frames
    stores = [side.store for side in sides]
    try:
        if "running" in status:
            counts = [store.begin(traj_id, resume=True) for store in stores]
            frames = align(stores, traj_id, sides[0].output_dir, counts, ANY)
            for store in stores:
                store.finish(traj_id, "incomplete")
    finally:
        for store in stores:
            store.close()
    _see_as_one(Path(path), again="running" in status)
    formats = tuple(store.format for store in stores)
    return TrajectoryRecovery(traj_id, frames, formats, tuple(status))


def recover_trajectories(path: str | os.PathLike[str]) -> list[TrajectoryRecovery]:
    """Bring back all trajectories of an HDF5 file or a folder; see `recover_partial_trajectory`.

    Raises
    ------
    FormatError
        If there is none, and as `recover_partial_trajectory`.
    """
    ids: dict[str, None] = {}
    for where in _files(Path(path)):
        with TrajectoryReader(where) as reader:
            ids |= dict.fromkeys(reader)
    if not ids:
        raise FormatError(f"{path} holds no trajectories")
    return [recover_partial_trajectory(path, traj_id) for traj_id in ids]


class _Side(NamedTuple):
    """One format of a trajectory: where it is read, and what writes it."""

    path: Path
    store: Store
    output_dir: Path


def _sides(path: Path, traj_id: str) -> list[_Side]:
    """Return the formats that a trajectory is in.

    Raises
    ------
    KeyError
        If there is none.
    """
    found: list[_Side] = []
    metadata = TrajectoryMetadata()
    for where in _files(path):
        with TrajectoryReader(where) as reader:
            if traj_id not in reader:
                continue
        if not where.is_dir():
            found.append(_Side(where, HDF5Store(where, metadata, Storage(), mode="a"), path))
            continue
        base = where.parent if FolderRecord.read(where) else where
        if not folder_of(base, traj_id).is_dir():
            raise FormatError(f"{where} is not called as the folder of {traj_id!r} is")
        found.append(_Side(where, NPYStore(base, metadata, "a"), base))
    if not found:
        raise KeyError(f"{path} has no trajectory {traj_id!r}")
    return found


def _see_as_one(folder: Path, again: bool) -> None:
    """Make the virtual file over the files of a trajectory each that there are in a folder."""
    main = folder / HDF5_NAME
    parts = parts_of(main) if folder.is_dir() else {}
    if parts and (again or not main.exists()):
        overlay(list(parts.values()), main, overwrite=True)


def _files(path: Path) -> list[Path]:
    """Return the HDF5 files, whole again, and the folder of NumPy files that a path stands for."""
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    if not path.is_dir():
        recover(path)
        return [path]
    main = path / HDF5_NAME
    parts = list(parts_of(main).values())
    files = parts or ([main] if main.exists() else [])
    for file in files:
        recover(file)
    folders = [path] if trajectory_folders(path) or FolderRecord.read(path) else []
    return [*files, *folders]
