"""A file that survives: what `flush` returned for is there after a kill, or after a power cut.

HDF5 has to do with the file only at a *checkpoint*: chunks, tails and metadata go to it, and what
it makes of them gets into the file at one blow, by way of the journal. That costs milliseconds; so
most flushes write the rows that are new to the journal, as they are, and leave HDF5 alone.
"""

import contextlib
import errno
import os
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from h5py._objects import phil

from raggedh5.core.signals import deferred_signals
from raggedh5.errors import WriteError
from raggedh5.store.durable.descriptors import sync_folder
from raggedh5.store.durable.flusher import Flusher, Interval
from raggedh5.store.durable.forks import hold_at_fork
from raggedh5.store.durable.journal import Journal, Kind, fingerprint
from raggedh5.store.durable.paged_file import PagedFile
from raggedh5.store.durable.recovery import Recovery, replay
from raggedh5.store.durable.row_log import NewRows, RowLog
from raggedh5.store.handle import Handle
from raggedh5.store.shared import Writer

__all__ = ["Durability", "Level"]

Level = Literal["process", "disk"]
"""What rows survive: the death of the process, or a power cut as well."""

LARGEST_JOURNAL = 1 << 25
"""Bytes of rows that are logged before a checkpoint, and of chunks that wait for one."""

LARGEST_LED_TO = 1 << 27
"""Bytes of chunks in the file that only the journal leads to: recovery holds them in memory."""

LARGEST_PAGES = 1 << 26
"""Bytes of pages that HDF5 may have changed before a checkpoint."""

LONGEST_LAG = 1.0
"""Seconds after which what is in the journal alone gets into the file, where readers see it."""


class Durability:
    """What makes an open file survive.

    Parameters
    ----------
    path
        The file.
    paged
        What HDF5 writes to.
    journal
        Its journal, at the beginning of an epoch, or behind the records of the last one.
    recovery
        What was found in the journal of a file that was not closed.
    level
        What is to be survived.
    interval
        When rows are flushed without being asked for.
    """

    def __init__(
        self,
        path: Path,
        paged: PagedFile,
        journal: Journal,
        recovery: Recovery | None,
        level: Level,
        interval: Interval,
    ) -> None:
        self.path = path
        self.recovery = recovery
        self._paged = paged
        self._journal = journal
        self._sync = level == "disk"
        self._log = RowLog()
        self._handle: weakref.ref[Handle] | None = None
        self._generation = 0
        self._unapplied = False
        self._failure: Exception | None = None
        self._interval = interval
        self._flusher: Flusher | None = None
        self._new: dict[Writer, None] = {}
        self._known: set[Writer] = set()
        self._changes = 0
        self._led_to = 0
        self._checkpoints = 0
        self._unsure = False
        self._broken = False
        self._unflushed = 0
        self._since = 0.0
        self._logged = False
        self._checkpoint_at = float("-inf")
        self._owner = os.getpid()

    def attach(self, handle: Handle) -> None:
        """Take charge of an open file, and bring back what its last writer had flushed."""
        self._handle = weakref.ref(handle)
        hold_at_fork(handle)  # for the thread that flushes may have the lock
        self._paged.give = handle.buffers.give
        handle.sink.borrower = self._paged
        if self.recovery is not None and self.recovery.rows:
            replay(handle, self.recovery)
            self.checkpoint()
            # These know nothing of the strings that came back to their dictionaries.
            handle.writers.clear()
        handle.sink.hold = LARGEST_JOURNAL

    def appended(self, writer: Writer, rows: int) -> None:
        """Take note of rows that were appended, and flush if it is time."""
        self._new[writer] = None
        if not self._unflushed:
            self._since = time.monotonic()
        self._unflushed += rows
        if self._flusher is None:
            self._flusher = Flusher(self, self._interval.period(LONGEST_LAG))
        if self._interval.rows is not None and self._unflushed >= self._interval.rows:
            # The rows are appended. That they are not safe is for the next call to say.
            with self._kept_for_later():
                self.flush()
        elif self._paged.kept > LARGEST_PAGES:  # what HDF5 changed must not fill the memory
            with self._kept_for_later():
                self.checkpoint()

    def check(self) -> None:
        """Raise, once, what went wrong where nobody could be told, unless it has been made good.

        Raises
        ------
        WriteError
            If rows that were appended before could not be flushed.
        """
        failure, self._failure = self._failure, None
        if failure is not None:
            raise WriteError(
                f"{self.path}: rows that were appended before are not safe yet; flush tries "
                f"again: {failure}"
            ) from failure

    def flush(self) -> None:
        """Return when everything that was appended survives.

        Raises
        ------
        WriteError
            If there is no room for it; what was flushed before is safe, and the next call tries
            again.
        """
        handle = self._attached()
        with handle.lock, deferred_signals:
            self._check_owner()
            handle.flush_hdf5()
            new = self._new_rows()
            sink = handle.sink
            changed = self._paged.touched or sink.generation != self._generation
            full = sink.waiting > LARGEST_JOURNAL
            if changed or full or self._is_due() or not self._write_rows(new):
                self.checkpoint()
            else:
                self._paged.expect(sink.free_sources())
            self._unflushed = 0
            self._failure = None

    def flushing(self) -> Iterator[None]:
        """Make the rows that were appended so far survive, chunk by chunk, and nothing else.

        More may be appended between two steps. They are not what this is about.

        Raises
        ------
        WriteError
            As `flush`.
        """
        handle = self._attached()
        with handle.lock, deferred_signals:
            self._check_owner()
            new = self._new_rows()
            if self._is_due() or not self._known.issuperset(rows.writer for rows in new):
                self.checkpoint()
                return
            last, checkpoints = handle.sink.last, self._checkpoints
        while last is not None:
            yield  # also before all is written, so that there is something to be coded meanwhile
            if last.done:
                break
            with handle.lock, deferred_signals:
                handle.check_open()
                self._check_owner()
                handle.sink.store_up_to(last)
        with handle.lock, deferred_signals:
            handle.check_open()
            self._check_owner()
            # Where there was a checkpoint meanwhile, they are safe already.
            if self._checkpoints == checkpoints and (self._is_due() or not self._write_rows(new)):
                self.checkpoint()
            self._unflushed = self._unflushed if self._new else 0
            self._failure = None

    def checkpoint(self) -> None:
        """Bring everything into the file.

        Raises
        ------
        WriteError
            See `flush`.
        """
        handle = self._attached()
        self._check_owner()
        # Nobody else may let HDF5 write between what is flushed and what is committed; a reader in
        # this process needs HDF5 until it is done.
        with handle.lock, deferred_signals, self._journal.without_readers(), phil:
            for writer in handle.writers_now():
                writer.create()  # what was declared is to survive as well
            handle.store()
            self._commit()
            for writer in handle.writers_now():
                for stream in writer.streams:
                    stream.settle()
            self._new.clear()
            self._unsure = False
            self._known = {writer for writer in handle.writers_now() if writer.streams}
            self._generation = handle.sink.generation
            self._changes = self._generation - handle.sink.stores
            self._unflushed = 0
            self._failure = None

    def tick(self) -> None:
        """Do what is due; called now and then by a thread of its own."""
        handle = None if self._handle is None else self._handle()
        if handle is None or os.getpid() != self._owner:
            return
        seconds = self._interval.seconds
        with self._kept_for_later(), handle.lock:
            if not handle.is_open:  # it may have been closed while this thread waited
                return
            now = time.monotonic()
            if seconds is not None and self._unflushed and now - self._since >= seconds:
                self.flush()
            if self._logged and now - self._checkpoint_at >= LONGEST_LAG:
                self.checkpoint()

    def finish(self) -> None:
        """Bring what HDF5 wrote when it closed the file to its place, and end the journal.

        Raises
        ------
        WriteError
            If there is no room; file and journal are left for `recover`.
        """
        try:
            if os.getpid() == self._owner:
                with self._journal.without_readers():
                    self._commit()
                with self._in_own_words("its journal could not be deleted"):
                    self._journal.remove()
                    if self._sync:
                        sync_folder(self.path.parent)
        finally:
            self.release()

    def drop(self) -> None:
        """Let go of a file that could not be opened, and of its journal, unless that has rows."""
        if self.recovery is None or not self.recovery.rows:
            self._journal.remove()
        self.release()

    def release(self) -> None:
        """Let go of file, journal and lock, as they are."""
        if self._flusher is not None:
            self._flusher.stop()
        self._journal.close()
        self._paged.release()

    def _new_rows(self) -> list[NewRows]:
        """Return what was appended and is not safe."""
        writers = [writer for writer in self._new if writer.h5]
        for writer in writers:
            writer.complete()
        return [NewRows.of(writer) for writer in writers]

    def _write_rows(self, new: list[NewRows]) -> bool:
        """Write rows that are new to the journal; False where they are not at hand."""
        new = [rows for rows in new if not rows.are_safe]  # another flush may have come first
        if not new:
            return True
        fixed = 0
        if self._paged.touched:
            with self._in_own_words("it could not be written"):
                fixed = self._paged.fix()
                self._sync_file()
        made = self._log.record(new, fixed, self._read_back)
        if made is None:
            return False
        record, led_to = made
        self._unsure = True  # whether it is there, if this is interrupted
        with self._in_own_words("the journal could not be written"):
            self._journal.append(Kind.ROWS, record)
        self._log.written(new)
        for writer, rows, _ in new:
            if writer.rows == rows:
                self._new.pop(writer, None)
        self._unsure = False
        self._led_to += led_to
        self._logged = True
        return True

    def _read_back(self, address: int, size: int) -> bytes:
        """Read what HDF5 has written since the last commit."""
        raw = bytearray(size)
        self._paged.read_at(address, raw)
        return bytes(raw)

    def _is_due(self) -> bool:
        """Whether the rows alone will not do, or are too many."""
        sink = self._attached().sink
        return (
            time.monotonic() - self._checkpoint_at >= LONGEST_LAG
            or self._unapplied
            or self._unsure
            or sink.generation - sink.stores != self._changes
            or self._journal.size > LARGEST_JOURNAL
            or self._led_to > LARGEST_LED_TO
        )

    def _commit(self) -> None:
        """Get all that HDF5 wrote into the file: all of it is there afterwards, or nothing."""
        descriptor = self._paged.descriptor
        with self._in_own_words("it could not be written"):
            pages = self._paged.pages()
            pages.clear_marks()
            self._sync_file()
            self._unapplied = True  # from the moment on that the record may be there
            # Of several such records in an epoch the last one counts; it has all pages, too.
            self._journal.append(Kind.PAGES, pages.pieces())
            with self._journal.changing():
                pages.apply(descriptor, self._sync_file)
            self._sync_file()
            self._journal.begin(pages.end, fingerprint(descriptor, pages.end))
        self._unapplied = False
        self._paged.committed()
        self._log.clear()
        self._checkpoints += 1
        self._led_to = 0
        self._logged = False
        self._checkpoint_at = time.monotonic()

    def _sync_file(self) -> None:
        """See the file onto the disk, where that is asked for.

        After an error other than of a full disk nobody knows what has got there: the kernel takes
        what it could not write for written. So there is no going on from that.
        """
        if not self._sync:
            return
        if self._broken:
            raise OSError(errno.EIO, "the disk failed before; close the file, and recover it")
        try:
            os.fsync(self._paged.descriptor)
        except OSError as error:
            self._broken = error.errno not in (errno.ENOSPC, errno.EDQUOT)
            raise

    def _attached(self) -> Handle:
        handle = None if self._handle is None else self._handle()
        if handle is None:
            raise WriteError(f"{self.path} is not open")
        return handle

    def _check_owner(self) -> None:
        if os.getpid() != self._owner:
            raise WriteError(f"{self.path} was opened by another process, the parent of this one")

    @contextlib.contextmanager
    def _in_own_words(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise WriteError(f"{self.path}: {what}: {error}") from error

    @contextlib.contextmanager
    def _kept_for_later(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._failure = error
