"""Frames from their queues to the stores, in a thread in the background or in that of the caller.

Two locks: whoever writes holds `_writing`; `_lock` guards the queues, and is held for moments only.
It is never the other way round: nobody waits for `_writing` with `_lock` in hand.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from raggedh5.core.frames import FrameBatch, FrameBlock, FrameField
from raggedh5.errors import RaggedH5Error
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.formats.trajectory.writing.backup import Backup
from raggedh5.formats.trajectory.writing.frame_queue import BLOCKS, FrameQueue
from raggedh5.formats.trajectory.writing.report import FormatFailure, WritingStatistics
from raggedh5.formats.trajectory.writing.store import Store

__all__ = ["Recorder"]

LOG = logging.getLogger("raggedh5.trajectory")


@dataclass
class _Recording:
    """One trajectory that is being written.

    Attributes
    ----------
    kept
        Blocks, and the frames in them, that were written since the last flush.
    """

    queue: FrameQueue
    stores: list[Store]
    output_dir: Path
    kept: list[tuple[FrameBlock | None, FrameBatch]] = field(default_factory=list)
    backups: list[Backup] = field(default_factory=list)

    @property
    def batches(self) -> list[FrameBatch]:
        """The frames that were written since the last flush."""
        return [batch for _, batch in self.kept]


class Recorder:
    """Writes the frames of all trajectories of a run.

    Parameters
    ----------
    metadata
        What is known of the simulation, for backups.
    frames
        How many frames of a trajectory may be in memory, or not safe yet.
    flush_seconds
        Seconds after which frames are made safe, however few there are.
    background
        Whether a thread of its own writes.
    on_error
        ``"continue"`` or ``"raise"``.
    """

    def __init__(
        self,
        metadata: TrajectoryMetadata,
        frames: int,
        flush_seconds: float,
        background: bool,
        on_error: str,
    ) -> None:
        self.failures: list[FormatFailure] = []
        self._metadata = metadata
        self._frames = frames
        self._flush_seconds = flush_seconds
        self.raises = on_error == "raise"
        self._recordings: dict[str, _Recording] = {}
        self._lock = threading.Condition()
        self._writing = threading.RLock()
        self._statistics = WritingStatistics()
        self._flushed_at = time.monotonic()
        self._error: BaseException | None = None
        self._stopping = False
        self._background = background
        self._thread: threading.Thread | None = None

    @property
    def statistics(self) -> WritingStatistics:
        """What it has cost so far."""
        queues = [recording.queue for recording in list(self._recordings.values())]
        return replace(
            self._statistics,
            waits=self._statistics.waits + sum(queue.waits for queue in queues),
            seconds_waited=self._statistics.seconds_waited + sum(queue.waited for queue in queues),
        )

    def begin(
        self,
        traj_id: str,
        stores: list[Store],
        output_dir: Path,
        first: int,
        fields: Mapping[str, FrameField],
        ragged: bool,
    ) -> FrameQueue:
        """Take frames of a trajectory from now on, whose stores have begun it."""
        filled = _nothing if self._background else self.write
        queue = FrameQueue(traj_id, first, fields, self._frames, ragged, filled, self._lock)
        with self._writing, self._lock:
            self._recordings[traj_id] = _Recording(queue, stores, output_dir)
        if self._background and self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name="raggedh5-trajectories", daemon=True
            )
            self._thread.start()
        return queue

    def write(self) -> None:
        """Write what waits, and flush if it is time."""
        with self._writing:
            due = self._flush_due()
            self._write_waiting(everything=due)
            if due or any(len(each.kept) >= BLOCKS // 2 for each in self._recordings.values()):
                self._flush()

    def flush(self) -> None:
        """Return when all frames so far are safe."""
        with self._writing:
            self._write_waiting(everything=True)
            self._flush()
        self._raise_error()

    def write_if_due(self) -> None:
        """Flush if it is time: for a recorder without a thread."""
        if self._flush_due():
            self.write()

    def write_together(self, traj_id: str, frames: Mapping[str, Any]) -> None:
        """Write frames that come together, behind those that wait."""
        with self._writing:
            recording = self._recordings[traj_id]
            self._write_waiting(everything=True)
            self._put(recording, [(None, recording.queue.together(frames))])
            self._flush()
        self._raise_error()

    def finish(self, traj_id: str, status: str = "completed") -> int:
        """Write what is left of a trajectory, and complete it; return how many frames it has."""
        with self._writing:
            recording = self._recordings[traj_id]
            recording.queue.stop()
            self._write_waiting(everything=True)
            self._flush()
            for store in list(recording.stores):
                try:
                    store.finish(traj_id, status)
                except (RaggedH5Error, OSError) as error:
                    self._fail(recording, store, error)
            for backup in recording.backups:
                backup.finish(status)
            with self._lock:
                del self._recordings[traj_id]
            self._statistics = replace(
                self._statistics,
                waits=self._statistics.waits + recording.queue.waits,
                seconds_waited=self._statistics.seconds_waited + recording.queue.waited,
            )
        self._raise_error()
        return recording.queue.number

    def fail(self, traj_id: str, store: Store, error: Exception) -> None:
        """Give up a format that could not begin a trajectory."""
        with self._writing:
            self._fail(self._recordings[traj_id], store, error)

    def stop(self) -> None:
        """Write what waits and end the thread."""
        try:
            self.flush()
        finally:
            with self._lock:
                self._stopping = True
                self._lock.notify_all()
            if self._thread is not None and self._thread is not threading.current_thread():
                self._thread.join()

    def _run(self) -> None:
        while True:
            with self._lock:
                while not self._stopping and not self._is_work():
                    self._lock.wait(self._time_left())
                if self._stopping:
                    return
            try:
                self.write()
            except BaseException as error:  # whoever comes next raises it
                self._stop_all(error)
                return

    def _is_work(self) -> bool:
        queues = [recording.queue for recording in self._recordings.values()]
        return any(queue.waiting for queue in queues) or self._flush_due()

    def _time_left(self) -> float:
        return max(self._flushed_at + self._flush_seconds - time.monotonic(), 0.0)

    def _flush_due(self) -> bool:
        return self._time_left() <= 0

    def _write_waiting(self, everything: bool) -> None:
        started = time.perf_counter()
        for recording in list(self._recordings.values()):
            blocks = recording.queue.take(everything)
            self._put(recording, [(block, recording.queue.batch(block)) for block in blocks])
        taken = time.perf_counter() - started
        now = self._statistics
        self._statistics = replace(now, seconds_writing=now.seconds_writing + taken)

    def _put(self, recording: _Recording, new: list[tuple[FrameBlock | None, FrameBatch]]) -> None:
        recording.kept += new
        batches = [batch for _, batch in new]
        backups = list(recording.backups)
        # One format takes everything before the next does: HDF5 comes first, and compresses in
        # threads of its own while the others are written.
        for store in list(recording.stores):
            try:
                for batch in batches:
                    store.write(recording.queue.traj_id, batch)
            except (RaggedH5Error, OSError) as error:
                self._fail(recording, store, error)
        for backup in backups:
            backup.write(batches, recording.batches)
        now = self._statistics
        self._statistics = replace(
            now,
            frames=now.frames + sum(batch.count for batch in batches),
            nbytes=now.nbytes + sum(batch.nbytes for batch in batches),
        )

    def _flush(self) -> None:
        started = time.perf_counter()
        recordings = [each for each in self._recordings.values() if each.kept]
        stores = {id(store): store for each in recordings for store in each.stores}
        for store in stores.values():
            try:
                store.flush()
            except (RaggedH5Error, OSError) as error:
                for recording in recordings:
                    if store in recording.stores:
                        self._fail(recording, store, error)
        for recording in recordings:
            for backup in recording.backups:
                backup.flush(recording.batches)
            for block, _ in recording.kept:
                if block is not None:
                    recording.queue.give_back(block)
            recording.kept.clear()
        self._flushed_at = time.monotonic()
        now = self._statistics
        self._statistics = replace(
            now,
            flushes=now.flushes + bool(recordings),
            seconds_writing=now.seconds_writing + time.perf_counter() - started,
        )

    def _fail(self, recording: _Recording, store: Store, error: Exception) -> None:
        """Give up a format of a trajectory; its frames go to a backup from now on."""
        traj_id = recording.queue.traj_id
        first = recording.kept[0][1].first if recording.kept else recording.queue.number
        LOG.error("%s, frame %d: %s failed: %s", traj_id, first, store.format, error)
        others = [
            other
            for other in self._recordings.values()
            if other is not recording
            and store in other.stores
            and store.goes_with(traj_id, other.queue.traj_id)
        ]
        recording.stores.remove(store)
        store.abandon(traj_id)
        folder = ""
        if not self.raises:
            backup = Backup(
                recording.output_dir, store.format, traj_id, self._metadata, recording.batches
            )
            recording.backups.append(backup)
            folder = str(backup.folder)
        self.failures.append(FormatFailure(store.format, traj_id, first, str(error), folder))
        for other in others:
            self._fail(other, store, error)
        if self.raises:
            self._stop_all(error)

    def _stop_all(self, error: BaseException) -> None:
        self._error = error
        for recording in list(self._recordings.values()):
            recording.queue.stop(error)

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error


def _nothing() -> None:
    """Leave it to the thread."""
