"""Frames from their queues to the stores, in a thread in the background or in that of the caller.

Two locks: whoever writes holds `lock`; `_queues` guards the queues, and is held for moments only.
It is never the other way round: nobody waits for `lock` with `_queues` in hand.
"""

import os
import threading
import time
import weakref
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from raggedh5.core.frames import FrameBatch, FrameBlock, FrameField
from raggedh5.core.signals import deferred_signals
from raggedh5.errors import WriteError
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.formats.trajectory.writing.frame_queue import FrameQueue
from raggedh5.formats.trajectory.writing.recording import LOG, Recording
from raggedh5.formats.trajectory.writing.report import FormatFailure, WritingStatistics
from raggedh5.formats.trajectory.writing.store import Store
from raggedh5.store.durable.forks import hold_at_fork

__all__ = ["Recorder"]


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

    Attributes
    ----------
    lock : reentrant lock
        Held by whoever writes, or opens what is written.
    left : bool
        Whether this is a child of the process that writes: there is no thread, and files are not to
        be touched.
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
        self._recordings: dict[str, Recording] = {}
        self._queues = threading.Condition()
        self.lock = threading.RLock()
        self._statistics = WritingStatistics()
        self._taken_at = time.monotonic()
        self._error: BaseException | None = None
        self._stopping = False
        self._background = background
        self._thread: threading.Thread | None = None
        self.left = False
        _recorders.add(self)
        hold_at_fork(self, outer=True)  # so that a child finds files as they are between two calls

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
        filled = None if self._background else self.write
        self.check()
        queue = FrameQueue(traj_id, first, fields, self._frames, ragged, filled, self._queues)
        with self.lock, self._queues:
            self._recordings[traj_id] = Recording(
                queue,
                stores,
                output_dir,
                first,
                None if self.raises else self._metadata,
                self.failures,
                self._failed,
                self._stop_all,
            )
        if self._background and self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name="raggedh5-trajectories", daemon=True
            )
            self._thread.start()
        return queue

    def write(self) -> None:
        """Write what waits, and flush if it is time."""
        with self.lock, deferred_signals:
            due = self._flush_due()
            self._write_waiting(everything=due)
            if due or any(recording.is_due for recording in self._recordings.values()):
                self._flush()

    def flush(self) -> None:
        """Return when all frames so far are safe."""
        with self.lock, deferred_signals:
            self._write_waiting(everything=True)
            self._flush()
        self.check()

    def write_if_due(self) -> None:
        """Flush if it is time: for a recorder without a thread."""
        if self._flush_due():
            self.write()

    def write_together(self, traj_id: str, frames: Mapping[str, Any]) -> None:
        """Write frames that come together, behind those that wait."""
        self.check_owner()
        with self.lock, deferred_signals:
            recording = self._recordings[traj_id]
            self._write_waiting(everything=True)
            self._put(recording, [(None, recording.queue.together(frames))])
            self._flush()
        self.check()

    def finish(self, traj_id: str, status: str = "completed") -> int:
        """Write what is left of a trajectory, and complete it; return how many frames it has."""
        self.check_owner()
        with self.lock, deferred_signals:
            recording = self._recordings[traj_id]
            recording.queue.stop()
            self._write_waiting(everything=True)
            self._flush()
            recording.finish(status)
            with self._queues:
                del self._recordings[traj_id]
            self._statistics.waits += recording.queue.waits
            self._statistics.seconds_waited += recording.queue.waited
        self.check()
        return recording.queue.number

    def fail(self, traj_id: str, store: Store, error: Exception) -> None:
        """Give up a format that could not begin a trajectory."""
        with self.lock, deferred_signals:
            self._recordings[traj_id].fail(store, error)

    def check(self) -> None:
        """Raise what has ended writing."""
        if self._error is not None:
            raise self._error

    def leave_to_parent(self) -> None:
        """Take no more frames: another process writes them, of which this is the child."""
        self.left = True
        self._error = WriteError(
            "trajectories are written by another process, the parent of this one; begin others "
            "here, in files of their own"
        )
        # The thread that may have held them is not in this process.
        self._queues, self.lock = threading.Condition(), threading.RLock()
        recordings, self._recordings = self._recordings, {}
        for recording in recordings.values():
            recording.queue.leave_to_parent(self._error, self._queues)

    def close(self, store: Store) -> None:
        """Have a store close its files. What was flushed is in them, even where that fails."""
        try:
            store.close()
        except Exception as error:
            LOG.error("%s could not be closed: %s", store.format, error)
            if self.raises:
                raise
            self.failures.append(FormatFailure(store.format, "", 0, str(error)))

    def stop(self) -> None:
        """Write what waits and end the thread."""
        try:
            self.flush()
        finally:
            with self._queues:
                self._stopping = True
                self._queues.notify_all()
            if self._thread is not None and self._thread is not threading.current_thread():
                self._thread.join()

    def _run(self) -> None:
        while True:
            with self._queues:
                while not self._stopping and not self._is_work():
                    self._queues.wait(self._time_left())
                if self._stopping:
                    return
            try:
                self.write()
            except BaseException as error:  # whoever comes next raises it
                self._stop_all(error)
                return

    def _is_work(self) -> bool:
        recordings = list(self._recordings.values())
        return any(each.queue.waiting or each.is_due for each in recordings) or self._flush_due()

    def _time_left(self) -> float:
        return max(self._taken_at + self._flush_seconds - time.monotonic(), 0.0)

    def _flush_due(self) -> bool:
        return self._time_left() <= 0

    def _write_waiting(self, everything: bool) -> None:
        started = time.perf_counter()
        if everything:  # frames that come from here on are younger
            self._taken_at = time.monotonic()
        for recording in list(self._recordings.values()):
            # The next ones are coded while this one is stored; see `_put_full`.
            most = 1 if self._background and not everything else None
            blocks = recording.queue.take(everything, most)
            self._put(recording, [(block, recording.queue.batch(block)) for block in blocks])
        self._statistics.seconds_writing += time.perf_counter() - started

    def _put_full(self) -> None:
        """Have the formats begin with blocks that have become full meanwhile."""
        for recording in list(self._recordings.values()):
            if recording.queue.waiting:
                blocks = recording.queue.take()
                self._put(recording, [(block, recording.queue.batch(block)) for block in blocks])

    def _put(self, recording: Recording, new: list[tuple[FrameBlock | None, FrameBatch]]) -> None:
        recording.put(new)
        for _, batch in new:
            self._statistics.frames += batch.count
            self._statistics.nbytes += batch.nbytes

    def _flush(self) -> None:
        started = time.perf_counter()
        recordings = [each for each in self._recordings.values() if each.is_dirty]
        for recording in recordings:
            recording.flush(self._put_full)
        for recording in recordings:
            recording.settle()
        self._statistics.flushes += bool(recordings)
        self._statistics.seconds_writing += time.perf_counter() - started

    def _failed(self, recording: Recording, store: Store, error: Exception) -> None:
        """See to what goes with a format that has failed."""
        for other in list(self._recordings.values()):
            if store in other.stores and store.goes_with(recording.traj_id, other.traj_id):
                other.fail(store, error)
        if self.raises:
            self._stop_all(error)

    def _stop_all(self, error: BaseException) -> None:
        self._error = error
        for recording in list(self._recordings.values()):
            recording.queue.stop(error)

    def check_owner(self) -> None:
        """Refuse to go on in a child of the process that writes."""
        if self.left:
            self.check()


_recorders: weakref.WeakSet[Recorder] = weakref.WeakSet()


def _after_fork() -> None:
    for recorder in list(_recorders):
        recorder.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
