"""Writers of one format, without a manager."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from raggedh5.errors import ClosedError, SchemaError
from raggedh5.formats.trajectory.config import HDF5Options
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.formats.trajectory.writing.beginning import begin
from raggedh5.formats.trajectory.writing.frame_queue import FrameQueue
from raggedh5.formats.trajectory.writing.hdf5_store import HDF5Store
from raggedh5.formats.trajectory.writing.hdf5_trajectory import Storage
from raggedh5.formats.trajectory.writing.npy_store import NPYStore
from raggedh5.formats.trajectory.writing.recorder import Recorder
from raggedh5.formats.trajectory.writing.report import WritingStatistics
from raggedh5.formats.trajectory.writing.store import Store

__all__ = ["HDF5TrajectoryWriter", "NPYTrajectoryWriter"]

Mode = Literal["w", "a"]
Metadata = TrajectoryMetadata | Mapping[str, Any] | None


class _FormatWriter:
    """What the writers of both formats have in common."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        metadata: TrajectoryMetadata,
        mode: Mode,
        resume: bool,
        ragged: bool,
        buffer_size: int,
        flush_seconds: float,
    ) -> None:
        if resume and mode != "a":
            raise SchemaError("resume=True goes on with what is there: it takes mode='a'")
        self._store = store
        self._folder = folder
        self._resume = resume
        self._ragged = ragged
        self._buffer_size = buffer_size
        self._recorder = Recorder(metadata, buffer_size, flush_seconds, False, "raise")
        self._queues: dict[str, FrameQueue] = {}
        self._closed = False

    @property
    def statistics(self) -> WritingStatistics:
        """What writing has cost so far."""
        return self._recorder.statistics

    def initialize(self) -> None:
        """Do nothing that `create_trajectory_datasets` would not do: files are made by that."""
        self._check_open()

    def create_trajectory_datasets(self, traj_id: str, estimated_frames: int = 10000) -> int:
        """Begin a trajectory, or go on with one; return how many frames it has.

        Datasets are made when the first frame of each field comes, in its shape.

        Parameters
        ----------
        traj_id
            Its name.
        estimated_frames
            How many frames are expected: short trajectories get short chunks.

        Raises
        ------
        SchemaError
            If it is there already, and not to be gone on with.
        WriteError
            If the file cannot be written.
        """
        self._check_open()
        if traj_id in self._queues:
            raise SchemaError(f"{traj_id!r} is being written already")
        queue = self._queues[traj_id] = begin(
            self._recorder,
            [self._store],
            self._folder,
            traj_id,
            resume=self._resume,
            ragged=self._ragged,
            estimated=estimated_frames,
            most=self._buffer_size,
        )
        return queue.number

    def append_frame(self, traj_id: str, frame: Mapping[str, Any]) -> None:
        """Append a frame; see `TrajectoryWriterManager.write_frame`.

        It is in memory until so many have come that they are worth writing.
        """
        self._queue_of(traj_id).put(frame)
        self._recorder.write_if_due()

    def append_frames(self, traj_id: str, frames: Mapping[str, Any]) -> None:
        """Append many frames at once: arrays ``(frames, *shape)`` by name.

        Coordinates are (frames, n_species, 3) or (frames, n_species * 3).
        """
        self._queue_of(traj_id)
        self._recorder.write_together(traj_id, frames)

    def flush(self) -> None:
        """Return when every frame so far survives the end of the process."""
        self._check_open()
        self._recorder.flush()

    def finalize_trajectory(self, traj_id: str, status: str = "completed") -> int:
        """Write what is left of a trajectory and complete it; return how many frames it has."""
        self._queue_of(traj_id)
        del self._queues[traj_id]
        return self._recorder.finish(traj_id, status)

    def finalize(self) -> None:
        """Complete everything and close the files; see `TrajectoryWriterManager.finalize`."""
        self._finalize("incomplete")

    def __enter__(self) -> Self:
        """Return the writer itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Complete everything: after an exception, trajectories are marked incomplete."""
        self._finalize("incomplete" if kind is not None else "completed")

    def _finalize(self, status: str) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            for traj_id in list(self._queues):
                del self._queues[traj_id]
                self._recorder.finish(traj_id, status)
            self._recorder.stop()
        finally:
            self._store.close()

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("everything is finalized; make another writer to go on")

    def _queue_of(self, traj_id: str) -> FrameQueue:
        self._check_open()
        try:
            return self._queues[traj_id]
        except KeyError:
            raise SchemaError(
                f"{traj_id!r} is not being written; create_trajectory_datasets begins it"
            ) from None


class HDF5TrajectoryWriter(_FormatWriter):
    """Writes trajectories to an HDF5 file.

    Parameters
    ----------
    output_path
        The file.
    metadata
        What is known of the simulation, also as a mapping.
    compression_opts
        How it is stored, also as a mapping of the names of `HDF5Options`.
    mode, resume, ragged
        See `TrajectoryWriterManager`.
    buffer_size, flush_seconds
        See `PerformanceOptions`.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from raggedh5.formats.trajectory import HDF5TrajectoryWriter, TrajectoryReader
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "run.h5"
    >>> with HDF5TrajectoryWriter(path, compression_opts={"compression": "zstd"}) as writer:
    ...     _ = writer.create_trajectory_datasets("traj_001")
    ...     writer.append_frames("traj_001", {"time": [0.0, 0.5], "energy": [-1.0, -1.5]})
    >>> with TrajectoryReader(path) as reader:
    ...     reader["traj_001"]["energy"][:]
    array([-1. , -1.5])
    """

    def __init__(
        self,
        output_path: str | os.PathLike[str],
        metadata: Metadata = None,
        compression_opts: HDF5Options | Mapping[str, Any] | None = None,
        *,
        mode: Mode = "w",
        resume: bool = False,
        ragged: bool = False,
        buffer_size: int = 1000,
        flush_seconds: float = 5.0,
    ) -> None:
        options = compression_opts
        if not isinstance(options, HDF5Options):
            options = HDF5Options(**(options or {}))
        described = TrajectoryMetadata.from_mapping(metadata)
        path = Path(output_path)
        storage = Storage(
            options.codec(), options.precision, options.chunk_frames, max(buffer_size // 2, 1)
        )
        store = HDF5Store(path, described, storage, options.single_file, mode)
        super().__init__(
            store, path.parent, described, mode, resume, ragged, buffer_size, flush_seconds
        )


class NPYTrajectoryWriter(_FormatWriter):
    """Writes trajectories to NumPy files, in a folder ``traj<N>`` each.

    Parameters
    ----------
    base_path
        The folder that these folders are in.
    metadata
        What is known of the simulation, also as a mapping; it is kept in ``trajectory.json``.
    mode, resume, ragged
        See `TrajectoryWriterManager`.
    buffer_size, flush_seconds
        See `PerformanceOptions`.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with NPYTrajectoryWriter(folder) as writer:
    ...     _ = writer.create_trajectory_datasets("traj_001")
    ...     writer.append_frame("traj_001", {"energy": -0.5})
    >>> import numpy as np
    >>> np.load(folder / "traj1" / "energy.npy")
    array([-0.5])
    """

    def __init__(
        self,
        base_path: str | os.PathLike[str],
        metadata: Metadata = None,
        *,
        mode: Mode = "w",
        resume: bool = False,
        ragged: bool = False,
        buffer_size: int = 1000,
        flush_seconds: float = 5.0,
    ) -> None:
        described = TrajectoryMetadata.from_mapping(metadata)
        path = Path(base_path)
        store = NPYStore(path, described, mode)
        super().__init__(store, path, described, mode, resume, ragged, buffer_size, flush_seconds)
