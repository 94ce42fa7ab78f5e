"""Opening files that survive: under their own name from the start, with a journal beside them."""

import os
from pathlib import Path
from typing import Any

import h5py

from raggedh5.core.file_object import file_object
from raggedh5.errors import FormatError, RaggedH5Error, WriteError
from raggedh5.store.durable.descriptors import lock, sync_folder
from raggedh5.store.durable.durability import Durability, Level
from raggedh5.store.durable.flusher import Interval
from raggedh5.store.durable.journal import Journal, fingerprint, has_journal, journal_of
from raggedh5.store.durable.paged_file import PagedFile
from raggedh5.store.durable.recovery import Recovery, recover_pages
from raggedh5.store.opening import NewFile

__all__ = ["open_durable"]

_FLAGS = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def open_durable(
    path: Path, mode: str, level: Level, interval: Interval, options: dict[str, Any]
) -> tuple[h5py.File, Durability]:
    """Open a file for writing so that what is flushed survives.

    A new file takes its place at once, and is whole from then on. One that was not closed is
    brought back to its last flush, when `Durability.attach` is called.

    Raises
    ------
    FileNotFoundError
        If there is no such file (``"r+"``).
    FormatError
        If it is no HDF5 file, a damaged one, or not the one that its journal is of.
    WriteError
        If it cannot be written to, or another writer has it.
    """
    if mode not in ("r+", "a", "w", "w-", "x"):
        raise ValueError(f"a durable file is opened with mode 'w', 'x', 'a' or 'r+', not {mode!r}")
    if level not in ("process", "disk"):
        raise ValueError(f"durable is 'process' or 'disk', not {level!r}")
    if "driver" in options:
        raise ValueError("a durable file has a driver of its own")
    # The file is locked in any case: a second writer would take the journal for a leftover.
    options = {key: value for key, value in options.items() if key != "locking"}
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise WriteError(f"{path} is no file")
    if mode in ("x", "w-") and target.exists():
        raise WriteError(f"{path} exists already; mode 'w' would replace it")
    if mode == "r+" and not target.exists():
        raise FileNotFoundError(f"{path} does not exist")
    opened = _Opened(target, level)
    try:
        if mode in ("r+", "a") and target.exists():
            file = opened.existing(options)
        else:
            file = opened.new(mode == "w", options)
        return file, opened.durability(interval)
    except BaseException as error:
        opened.close()
        if isinstance(error, PermissionError):
            raise WriteError(f"{path} cannot be opened with mode {mode!r}: {error}") from error
        if isinstance(error, OSError) and not isinstance(error, RaggedH5Error):
            raise WriteError(f"{path} cannot be written to: {error}") from error
        raise


class _Opened:
    """What has been opened so far."""

    def __init__(self, target: Path, level: Level) -> None:
        self.target = target
        self.sync = level == "disk"
        self.recovery: Recovery | None = None
        self.paged: PagedFile | None = None
        self.journal: Journal | None = None
        self._descriptor = -1

    def existing(self, options: dict[str, Any]) -> h5py.File:
        """Open a file that is there, as its journal says that it should be."""
        self._hold(self.target)
        descriptor = self._descriptor
        size = fixed = os.fstat(descriptor).st_size
        if has_journal(self.target):
            self.journal = Journal(journal_of(self.target), create=False, sync=self.sync)
            self.recovery = recover_pages(self.target, descriptor, self.journal)
            size, fixed = self.recovery.end, self.recovery.fixed
        paged = self.paged = PagedFile(descriptor, size, fixed)
        try:
            file = h5py.File(file_object(paged), "r+", **options)
        except (OSError, RuntimeError, ValueError) as error:
            raise FormatError(f"{self.target} cannot be opened as HDF5: {error}") from error
        paged.opened()
        try:
            if self.journal is None:
                self._begin(journal_of(self.target), size)
        except BaseException:
            file.close()
            raise
        return file

    def new(self, replace: bool, options: dict[str, Any]) -> h5py.File:
        """Make a file with its journal, and give both their names."""
        if self.target.exists():
            self._hold(self.target)  # nobody else must be writing to the old one
            os.close(self._descriptor)
            self._descriptor = -1
        made = NewFile(self.target, replace=replace)
        try:
            self._hold(made.temporary, os.O_CREAT | os.O_EXCL)
            paged = self.paged = PagedFile(self._descriptor, 0)
            file = h5py.File(file_object(paged), "w", **options)
            paged.opened()
            try:
                file.flush()
                paged.pages()
                paged.committed()
                journal = self._begin(journal_of(made.temporary), paged.end)
                made.publish()
                # From here on, a journal of the file that was replaced is that of another one.
                journal.rename(journal_of(self.target))
                if self.sync:
                    sync_folder(self.target.parent)
            except BaseException:
                file.close()
                raise
        except BaseException:
            made.discard()
            if self.journal is not None:
                self.journal.remove()
            raise
        return file

    def durability(self, interval: Interval) -> Durability:
        """Return what takes charge of the file from now on."""
        if self.paged is None or self.journal is None:
            raise ValueError("nothing was opened")
        level: Level = "disk" if self.sync else "process"
        return Durability(self.target, self.paged, self.journal, self.recovery, level, interval)

    def close(self) -> None:
        """Let go of everything."""
        if self.journal is not None:
            self.journal.close()
        if self.paged is not None:
            self.paged.release()
        elif self._descriptor >= 0:
            os.close(self._descriptor)

    def _begin(self, place: Path, end: int) -> Journal:
        journal = self.journal = Journal(place, create=True, sync=self.sync)
        try:
            journal.begin(end, fingerprint(self._descriptor, end))
            if self.sync:
                sync_folder(place.parent)
        except BaseException:
            journal.remove()
            raise
        return journal

    def _hold(self, path: Path, flags: int = 0) -> None:
        """Open a file and lock it, unless somebody else has."""
        self._descriptor = os.open(path, _FLAGS | flags, 0o666)
        if not lock(self._descriptor):
            raise WriteError(f"{self.target} is open elsewhere: another writer or reader holds it")
        if os.fstat(self._descriptor).st_ino != path.stat().st_ino:
            raise WriteError(f"{self.target} was replaced while it was being opened")
