"""Several trajectories in several formats at once, behind one `write_frame`."""

import contextlib
import os
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from raggedh5.errors import ClosedError, SchemaError
from raggedh5.formats.trajectory.checking.comparison import ComparisonReport
from raggedh5.formats.trajectory.checking.validator import TrajectoryValidator
from raggedh5.formats.trajectory.config import TrajectoryWriterConfig
from raggedh5.formats.trajectory.fields import check_trajectory_id
from raggedh5.formats.trajectory.hdf5_layout import HDF5_NAME
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.formats.trajectory.writing.beginning import begin
from raggedh5.formats.trajectory.writing.frame_queue import FrameQueue
from raggedh5.formats.trajectory.writing.hdf5_store import HDF5Store
from raggedh5.formats.trajectory.writing.hdf5_trajectory import Storage
from raggedh5.formats.trajectory.writing.npy_store import NPYStore
from raggedh5.formats.trajectory.writing.recorder import Recorder
from raggedh5.formats.trajectory.writing.report import WritingReport, WritingStatistics
from raggedh5.formats.trajectory.writing.store import Store

__all__ = ["TrajectoryWriterManager"]


class TrajectoryWriterManager:
    """Writes the frames of trajectories in NumPy and HDF5 files, while the simulation goes on.

    `write_frame` copies a frame and returns; a thread in the background packs, compresses and
    writes. Frames are safe from the end of the process after `buffer_size` of them, or after
    `flush_seconds`. Trajectories may be written from several threads.

    HDF5 is ``trajectories.h5`` in the folder of the output; NumPy files are in folders ``traj<N>``
    there.

    Parameters
    ----------
    config
        How they are written.
    metadata
        What is known of the simulation, also as a mapping.
    mode
        ``"w"`` for new files, which replace those that are there; ``"a"`` to add trajectories.
    resume
        Whether trajectories that are there already are gone on with: they are brought to the last
        frame that all formats have. It takes mode ``"a"``.
    ragged
        Whether the number of particles varies: coordinates become rows of a ragged table.

    Raises
    ------
    SchemaError
        If the arguments do not fit each other.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with TrajectoryWriterManager(TrajectoryWriterConfig(), {"temperature": 300.0}) as manager:
    ...     manager.initialize_writers(folder, "traj_001")
    ...     for step in range(3):
    ...         frame = {"coordinates/unwrapped": [[0.5 * step, 0.0, 0.0]], "time": float(step)}
    ...         manager.write_frame("traj_001", frame)
    ...     manager.finalize_trajectory("traj_001")
    ...     print(manager.validate_formats().ok)
    0
    3
    True
    """

    def __init__(
        self,
        config: TrajectoryWriterConfig | None = None,
        metadata: TrajectoryMetadata | Mapping[str, Any] | None = None,
        *,
        mode: Literal["w", "a"] = "w",
        resume: bool = False,
        ragged: bool = False,
    ) -> None:
        if mode not in ("w", "a"):
            raise SchemaError(f"a mode is 'w' or 'a', not {mode!r}")
        if resume and mode != "a":
            raise SchemaError("resume=True goes on with what is there: it takes mode='a'")
        self.config = config or TrajectoryWriterConfig()
        self.metadata = TrajectoryMetadata.from_mapping(metadata)
        self._mode = mode
        self._resume = resume
        self._ragged = ragged
        performance = self.config.performance
        self._background = performance.parallel_writing
        self._recorder = Recorder(
            self.metadata,
            performance.buffer_size,
            performance.flush_seconds,
            performance.parallel_writing,
            self.config.on_error,
        )
        self._stores: dict[Path, list[Store]] = {}
        self._puts: dict[str, Callable[[Mapping[str, Any]], None]] = {}
        self._folders: dict[str, Path] = {}
        self._written: dict[str, int] = {}
        self._report: WritingReport | None = None
        self._last_resort = weakref.finalize(self, _close, self._recorder, self._stores)

    @property
    def statistics(self) -> WritingStatistics:
        """What writing has cost so far."""
        return self._recorder.statistics

    def initialize_writers(
        self,
        output_dir: str | os.PathLike[str],
        traj_id: str,
        estimated_frames: int | None = None,
    ) -> int:
        """Begin a trajectory, or go on with one.

        Parameters
        ----------
        output_dir
            Folder of the output, which is made.
        traj_id
            Name of the trajectory, such as ``"traj_001"``.
        estimated_frames
            How many frames are expected, if that is known: short trajectories get short chunks.

        Returns
        -------
        int
            Frames that it has already: the number of the next one.

        Raises
        ------
        SchemaError
            If it is there already, and not to be gone on with.
        WriteError
            If no file can be written.
        """
        self._check_open()
        check_trajectory_id(traj_id)
        folder = Path(output_dir)
        with self._recorder.lock:
            if traj_id in self._folders:
                raise SchemaError(f"{traj_id!r} was begun before, in {self._folders[traj_id]}")
            queue = begin(
                self._recorder,
                self._stores_of(folder),
                folder,
                traj_id,
                resume=self._resume,
                ragged=self._ragged,
                estimated=estimated_frames,
                most=self.config.performance.buffer_size,
            )
            self._folders[traj_id] = folder
        self._puts[traj_id] = queue.put if self._background else _timely(self._recorder, queue)
        return queue.number

    def write_frame(self, traj_id: str, frame: Mapping[str, Any]) -> None:
        """Take a frame: its values are copied, and may change after this returns.

        Parameters
        ----------
        traj_id
            The trajectory.
        frame
            Values by the names of fields: ``"coordinates/unwrapped"``, ``"coordinates/wrapped"``,
            ``"time"``, ``"energy"``, ``"delg_0"``, ``"potential"``, or any others. The first value
            of a field fixes its shape. A field may be left out.

        Raises
        ------
        SchemaError
            If the trajectory was not begun, or the frame does not fit those before.
        WriteError
            With ``on_error="raise"``, if a format could not be written meanwhile; in any case if
            neither a format nor a backup can be written any more.
        """
        try:
            put = self._puts[traj_id]
        except KeyError:
            self._check_open()
            raise _not_written(traj_id) from None
        put(frame)

    def write_frames(self, traj_id: str, frames: Mapping[str, Any]) -> None:
        """Write several frames at once.

        Parameters
        ----------
        traj_id
            The trajectory.
        frames
            As for `write_frame`, but with arrays of as many values: ``(frames, *shape)``. Nobody
            may call `write_frame` for this trajectory meanwhile.

        Raises
        ------
        SchemaError, WriteError
            See `write_frame`.
        """
        self._check_written(traj_id)
        self._recorder.write_together(traj_id, frames)

    def flush(self) -> None:
        """Return when every frame so far survives the end of the process."""
        self._check_open()
        self._recorder.flush()

    def finalize_trajectory(self, traj_id: str, status: str = "completed") -> int:
        """Write what is left of a trajectory, and complete it.

        Returns
        -------
        int
            Frames that it has.
        """
        self._check_open()
        if self._puts.pop(traj_id, None) is None:
            raise _not_written(traj_id)
        self._written[traj_id] = frames = self._recorder.finish(traj_id, status)
        return frames

    def validate_formats(self) -> ComparisonReport:
        """Compare what the formats hold of each trajectory that is complete.

        With `cross_format_check` off, or one format only, nothing is compared. Where a format has
        failed, its trajectory is listed as lacking, and the report is not ok.
        """
        self._check_open()
        validation = self.config.validation
        validator = TrajectoryValidator(
            validation.tolerance, statistics=validation.statistical_validation
        )
        reports, lacking = [], []
        if validation.cross_format_check and len(self.config.formats) > 1:
            for traj_id in list(self._written):
                stores = {store.format: store for store in self._stores[self._folders[traj_id]]}
                failed = {
                    failure.format
                    for failure in self._recorder.failures
                    if failure.trajectory == traj_id
                }
                if failed:
                    lacking.append(traj_id)
                else:
                    with self._recorder.lock:
                        npy, hdf5 = (stores[name].trajectory(traj_id) for name in ("npy", "hdf5"))
                    reports.append(validator.compare(npy, hdf5))
        return ComparisonReport(tuple(reports), dict.fromkeys(lacking, "a format has failed"))

    def finalize(self) -> WritingReport:
        """Complete everything, close all files, and say what was written and what went wrong.

        Trajectories that were not completed are marked incomplete.
        """
        if self._report is not None:
            return self._report
        self._recorder.check_owner()
        try:
            for traj_id in list(self._puts):
                self.finalize_trajectory(traj_id, "incomplete")
        finally:
            self._puts.clear()
            self._last_resort.detach()
            _close(self._recorder, self._stores)
        self._report = WritingReport(
            dict(self._written), tuple(self._recorder.failures), self._recorder.statistics
        )
        return self._report

    def __enter__(self) -> Self:
        """Return the manager itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Complete everything; in a child of this process there is nothing to complete."""
        if not self._recorder.left:
            self.finalize()

    def _check_open(self) -> None:
        if self._report is not None:
            raise ClosedError("everything is finalized; make another manager to go on")

    def _check_written(self, traj_id: str) -> None:
        self._check_open()
        if traj_id not in self._puts:
            raise _not_written(traj_id)

    def _stores_of(self, folder: Path) -> list[Store]:
        if folder not in self._stores:
            options = self.config.hdf5_options
            storage = Storage(
                options.codec(),
                options.precision,
                options.chunk_frames,
                max(self.config.performance.buffer_size // 2, 1),
            )
            made: list[Store] = []
            for name in sorted(self.config.formats):  # HDF5 first: see `Recording.put`
                if name == "npy":
                    made.append(NPYStore(folder, self.metadata, self._mode))
                else:
                    path = folder / HDF5_NAME
                    made.append(
                        HDF5Store(path, self.metadata, storage, options.single_file, self._mode)
                    )
            self._stores[folder] = made
        return self._stores[folder]


def _not_written(traj_id: str) -> SchemaError:
    return SchemaError(f"{traj_id!r} is not being written; initialize_writers begins it")


def _timely(recorder: Recorder, queue: FrameQueue) -> Callable[[Mapping[str, Any]], None]:
    def put(frame: Mapping[str, Any]) -> None:
        queue.put(frame)
        recorder.write_if_due()

    return put


def _close(recorder: Recorder, stores: Mapping[Path, list[Store]]) -> None:
    """Write what waits and close all files: also where nobody has asked for it, at the end."""
    if recorder.left:
        for each in stores.values():
            for store in each:
                store.leave()
        return
    with contextlib.ExitStack() as stack:  # whatever fails, all the others are closed
        for each in stores.values():
            for store in each:
                stack.callback(recorder.close, store)
        stack.callback(recorder.stop)
