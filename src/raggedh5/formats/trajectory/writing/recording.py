"""One trajectory while it is written: its formats, and backups of those that have failed."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from raggedh5.core.frames import FrameBatch, FrameBlock
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.formats.trajectory.writing.backup import Backup
from raggedh5.formats.trajectory.writing.frame_queue import FrameQueue
from raggedh5.formats.trajectory.writing.report import FormatFailure
from raggedh5.formats.trajectory.writing.store import Store

__all__ = ["LOG", "Recording"]

LOG = logging.getLogger("raggedh5.trajectory")

New = list[tuple[FrameBlock | None, FrameBatch]]


class Recording:
    """A trajectory on its way to its stores.

    What a store raises is a failure of that format alone. Its frames, those since the last flush
    included, go to a backup from then on.

    Parameters
    ----------
    queue
        Where its frames come from.
    stores
        What writes it, in this order.
    output_dir
        The folder of the output.
    safe
        Number of the first frame.
    metadata
        What is known of the simulation; None where no backup is wanted.
    failures
        Failures are added to these.
    failed
        Called with this, a store that has failed, and the error.
    lost
        Called with the error when frames get nowhere any more.

    Attributes
    ----------
    stores : list of Store
        Those that have not failed.
    safe : int
        Number of the first frame that was not flushed.
    """

    def __init__(
        self,
        queue: FrameQueue,
        stores: list[Store],
        output_dir: Path,
        safe: int,
        metadata: TrajectoryMetadata | None,
        failures: list[FormatFailure],
        failed: Callable[["Recording", Store, Exception], None],
        lost: Callable[[Exception], None],
    ) -> None:
        self.queue = queue
        self.stores = stores
        self.safe = safe
        self._output_dir = output_dir
        self._metadata = metadata
        self._failures = failures
        self._failed = failed
        self._lost = lost
        self._kept: New = []
        self._flushed = 0
        self._backups: list[Backup] = []

    @property
    def traj_id(self) -> str:
        """Name of the trajectory."""
        return self.queue.traj_id

    @property
    def is_due(self) -> bool:
        """Whether so much was written since the last flush that room is wanted again."""
        return self.queue.is_behind(len(self._kept))

    @property
    def is_dirty(self) -> bool:
        """Whether anything was written since the last flush."""
        return bool(self._kept)

    def put(self, new: New) -> None:
        """Write blocks, and the frames in them; they are kept until they are flushed."""
        self._kept += new
        batches = [batch for _, batch in new]
        backups = list(self._backups)
        # NumPy files come first: large writes go on in a thread of their own from then on.
        for store in reversed(list(self.stores)):
            for batch in batches:
                self._attempt(store, store.write, batch)
        for backup in backups:
            self._back_up(backup, backup.write, batches)

    def flush(self, between: Callable[[], None]) -> None:
        """Have every format flush what was written.

        Between two steps `between` may put more. That is for the next time.
        """
        self._flushed = len(self._kept)
        for store in list(self.stores):
            self._attempt(store, partial(_step_by_step, store, between))

    def settle(self) -> None:
        """Give blocks back, once their frames are safe in all formats, or in backups."""
        for backup in list(self._backups):
            self._back_up(backup, backup.flush)
        kept, self._kept = self._kept[: self._flushed], self._kept[self._flushed :]
        if kept:
            self.safe = kept[-1][1].stop
        for block, _ in kept:
            if block is not None:
                self.queue.give_back(block)

    def finish(self, status: str) -> None:
        """Complete it in all formats."""
        for store in list(self.stores):
            self._attempt(store, store.finish, status)
        for backup in list(self._backups):
            self._back_up(backup, backup.finish, status)

    def fail(self, store: Store, error: Exception) -> None:
        """Give up a format, unless that is done already."""
        if store not in self.stores:
            return
        LOG.error("%s, frame %d: %s failed: %s", self.traj_id, self.safe, store.format, error)
        self.stores.remove(store)
        store.abandon(self.traj_id)
        folder = ""
        if self._metadata is not None:
            try:
                backup = Backup(
                    self._output_dir, store.format, self.traj_id, self._metadata, self._batches
                )
            except Exception as of_backup:
                self._lack_backup(of_backup)
            else:
                self._backups.append(backup)
                folder = str(backup.folders[-1])
        self._note(store.format, str(error), folder)
        self._failed(self, store, error)

    @property
    def _batches(self) -> list[FrameBatch]:
        return [batch for _, batch in self._kept]

    def _attempt(self, store: Store, call: Callable[..., None], *args: Any) -> None:
        """Have a store do something; whatever it raises, only this format has failed."""
        if store not in self.stores:  # with another trajectory, meanwhile
            return
        try:
            call(self.traj_id, *args)
        except Exception as error:
            self.fail(store, error)

    def _back_up(self, backup: Backup, call: Callable[..., None], *args: Any) -> None:
        """Have a backup do something; that it goes on elsewhere, or not at all, is a failure."""
        folders, said = len(backup.folders), f"its backup could not go on in {backup.folders[-1]}"
        try:
            call(*args, self._batches)
        except Exception as error:
            self._backups.remove(backup)
            self._lack_backup(error)
        elsewhere = [str(folder) for folder in backup.folders[folders:]]
        if elsewhere or backup not in self._backups:
            self._note(backup.name, said, "".join(elsewhere[-1:]))

    def _lack_backup(self, error: Exception) -> None:
        """Go on without a backup, as long as frames get anywhere."""
        LOG.error("%s, frame %d: %s", self.traj_id, self.safe, error)
        if not self.stores and not self._backups:
            self._lost(error)

    def _note(self, name: str, error: str, folder: str) -> None:
        self._failures.append(FormatFailure(name, self.traj_id, self.safe, error, folder))


def _step_by_step(store: Store, between: Callable[[], None], traj_id: str) -> None:
    for _ in store.flushing(traj_id):
        between()
