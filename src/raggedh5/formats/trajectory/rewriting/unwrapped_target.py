"""Where unwrapped trajectories go: written aside, and put in place when they are whole."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from raggedh5.care.targets import check_target
from raggedh5.errors import WriteError
from raggedh5.formats.trajectory.config import TrajectoryWriterConfig
from raggedh5.formats.trajectory.hdf5_layout import HDF5_NAME
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.formats.trajectory.npy_folder import FolderRecord, folder_of
from raggedh5.formats.trajectory.writing.format_writers import HDF5TrajectoryWriter
from raggedh5.formats.trajectory.writing.manager import TrajectoryWriterManager
from raggedh5.store.opening import NewFile, check_unheld

__all__ = ["FrameSink", "Target", "new_files", "sink_to"]


class FrameSink(Protocol):
    """What takes the frames."""

    def begin(self, traj_id: str, frames: int) -> None:
        """Begin a trajectory of so many frames."""

    def put(self, traj_id: str, frame: Mapping[str, Any]) -> None:
        """Take the next frame."""

    def finish(self, traj_id: str) -> int:
        """Complete a trajectory; return its frames."""


class Target(NamedTuple):
    """What is to be made.

    Attributes
    ----------
    folder : Path
        Where.
    formats : tuple of str
        ``"npy"``, ``"hdf5"``.
    hdf5_name : str
        Name of the HDF5 file.
    """

    folder: Path
    formats: tuple[str, ...]
    hdf5_name: str = HDF5_NAME

    @property
    def file(self) -> Path | None:
        """The HDF5 file."""
        return self.folder / self.hdf5_name if "hdf5" in self.formats else None

    def folders(self, ids: Sequence[str]) -> list[Path]:
        """Return the folders of NumPy files."""
        return [folder_of(self.folder, name) for name in ids] if "npy" in self.formats else []


@contextlib.contextmanager
def new_files(
    target: Target, ids: Sequence[str], sources: Sequence[Path], overwrite: bool
) -> Iterator[Path]:
    """Yield a folder for what is to be written; at the end of the block that goes in place.

    After an exception nothing has changed.

    Raises
    ------
    WriteError
        If something is there already and `overwrite` is not set, is one of the sources or holds
        one, or cannot be written.
    """
    folders, file = target.folders(ids), target.file
    _check(folders, file, sources, overwrite)
    made = not target.folder.exists()
    try:
        target.folder.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".raggedh5-", suffix=".tmp", dir=target.folder))
    except OSError as error:
        raise WriteError(f"{target.folder} cannot be written to: {error}") from error
    try:
        yield aside
        _publish(aside, folders, file, overwrite)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        if made:
            with contextlib.suppress(OSError):
                target.folder.rmdir()
        raise
    shutil.rmtree(aside, ignore_errors=True)


@contextlib.contextmanager
def sink_to(folder: Path, target: Target, metadata: TrajectoryMetadata) -> Iterator[FrameSink]:
    """Open what writes the formats of a target to a folder."""
    if target.hdf5_name != HDF5_NAME:
        with HDF5TrajectoryWriter(folder / target.hdf5_name, metadata) as writer:
            yield _OneFile(writer)
        return
    config = TrajectoryWriterConfig(formats=target.formats, on_error="raise")
    with TrajectoryWriterManager(config, metadata) as manager:
        yield _Folder(manager, folder)


class _OneFile:
    def __init__(self, writer: HDF5TrajectoryWriter) -> None:
        self._writer = writer

    def begin(self, traj_id: str, frames: int) -> None:
        self._writer.create_trajectory_datasets(traj_id, frames)

    def put(self, traj_id: str, frame: Mapping[str, Any]) -> None:
        self._writer.append_frame(traj_id, frame)

    def finish(self, traj_id: str) -> int:
        return self._writer.finalize_trajectory(traj_id)


class _Folder:
    def __init__(self, manager: TrajectoryWriterManager, folder: Path) -> None:
        self._manager = manager
        self._folder = folder

    def begin(self, traj_id: str, frames: int) -> None:
        self._manager.initialize_writers(self._folder, traj_id, frames)

    def put(self, traj_id: str, frame: Mapping[str, Any]) -> None:
        self._manager.write_frame(traj_id, frame)

    def finish(self, traj_id: str) -> int:
        return self._manager.finalize_trajectory(traj_id)


def _check(
    folders: Sequence[Path], file: Path | None, sources: Sequence[Path], overwrite: bool
) -> None:
    read = [Path(os.path.realpath(source)) for source in sources]
    for folder in folders:
        real = Path(os.path.realpath(folder))
        for source in read:
            if real in (source, source.parent):
                raise WriteError(f"{folder} is what is read; write to another place")
        if folder.exists() and not folder.is_dir():
            raise WriteError(f"{folder} is not a folder")
        if folder.exists() and any(folder.iterdir()) and not overwrite:
            raise WriteError(
                f"{folder} exists already; overwrite=True, or --overwrite, replaces it"
            )
    if file is not None:
        check_target(sources, file, overwrite)
        check_unheld(file, {})


def _publish(aside: Path, folders: Sequence[Path], file: Path | None, overwrite: bool) -> None:
    """Put what was written in place: folders first, each of which can be brought back."""
    replaced = aside / "replaced"
    replaced.mkdir()
    try:
        for folder in folders:
            if folder.exists():
                folder.rename(replaced / folder.name)
            (aside / folder.name).rename(folder)
        if file is not None:
            new = NewFile(file, overwrite)
            (aside / file.name).rename(new.temporary)
            new.publish()
    except OSError as error:
        for folder in folders:
            with contextlib.suppress(OSError):
                if not (aside / folder.name).exists() and folder.exists():
                    folder.rename(aside / folder.name)
                (replaced / folder.name).rename(folder)
        if isinstance(error, WriteError):
            raise
        raise WriteError(f"{aside.parent} could not be written: {error}") from error
    for folder in folders:
        _keep_others(replaced / folder.name, folder)


def _keep_others(old: Path, new: Path) -> None:
    """Move what was in a folder beside its trajectory to the new one."""
    if old.is_dir():
        FolderRecord.remove(old)
        for path in old.iterdir():
            if not (new / path.name).exists():
                path.rename(new / path.name)
