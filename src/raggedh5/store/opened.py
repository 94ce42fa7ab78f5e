"""A file as it was opened: in place or made anew, durable, live, or by somebody else."""

import os
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from raggedh5.errors import FormatError, SchemaError, WriteError
from raggedh5.store.attachment import Attachment
from raggedh5.store.durable.descriptors import is_locked
from raggedh5.store.durable.durability import Durability, Level
from raggedh5.store.durable.flusher import Every, Interval
from raggedh5.store.durable.journal import has_journal, journal_of
from raggedh5.store.durable.live import Live
from raggedh5.store.durable.opening import open_durable
from raggedh5.store.handle import Handle, Verify
from raggedh5.store.opening import NewFile, open_file

__all__ = ["Opened", "open_any"]


@dataclass
class Opened:
    """What was opened, and what is to be done with it when it is closed.

    Attributes
    ----------
    root
        The open file, or a group in it.
    adopted
        Whether somebody else opened it, and will close it.
    buffered
        Whether rows stay in buffers although somebody else opened it.
    new, safety, live
        How it gets to its place, what makes it survive, what keeps it steady; None where it is not
        of that kind.
    attachment
        What its owner's flush and close do first, where rows stay in buffers.
    """

    root: h5py.File | h5py.Group
    adopted: bool = False
    buffered: bool = False
    new: NewFile | None = None
    safety: Durability | None = None
    live: Live | None = None
    attachment: Attachment | None = None

    def handle(self, threads: int | None, verify: Verify, read_only: bool) -> Handle:
        """Return what tables and arrays of the file use together.

        Raises
        ------
        FormatError
            If it is damaged.
        """
        try:
            made = Handle(
                self.root,
                threads=threads,
                verify=verify,
                adopted=self.adopted,
                immediate=self.adopted and not self.buffered,
                read_only=read_only and not self.adopted,
                durable=self.safety is not None,
                live=self.live,
            )
            # Messages, and pickles, speak of the file by the name that it has or will have.
            if self.new is not None:
                made.path = made.location = str(self.new.target)
                # A file that is never closed leaves nothing behind.
                made.on_loss = weakref.finalize(made, self.new.discard)
            if self.live is not None:
                made.path = made.location = str(self.live.path)
                made.descriptor = self.live.descriptor
                self.live.on_renewal(made.renew)
            if self.safety is not None:
                made.path = made.location = str(self.safety.path)
                made.safety = self.safety
                self.safety.attach(made)
        except BaseException as error:
            self.drop()
            if isinstance(error, RuntimeError):  # h5py's, where the root group is damaged
                name = self.root.file.filename if self.root else "the file"
                raise FormatError(f"{name} cannot be opened as HDF5: {error}") from error
            raise
        return made

    def drop(self) -> None:
        """Close the file without bringing anything to it."""
        if not self.adopted and self.root:
            self.root.file.close()
        if self.new is not None:
            self.new.discard()
        if self.safety is not None:
            self.safety.drop()
        if self.live is not None:
            self.live.close()


def open_any(
    path: str | os.PathLike[str] | h5py.File | h5py.Group,
    mode: str,
    durable: Level | None,
    flush_every: Every,
    live: bool,
    buffered: bool,
    options: dict[str, Any],
    recover: Callable[[Path], None],
) -> Opened:
    """Open a file, or take one that is open; see `raggedh5.File`.

    Parameters
    ----------
    recover
        Brings a file that was not closed back to its last flush.
    """
    interval = Interval.of(flush_every)
    if durable is None and flush_every is not None:
        raise ValueError("flush_every is for durable files: give durable='process' or 'disk'")
    if isinstance(path, h5py.Group):
        if not path:
            raise SchemaError("the h5py object is closed")
        if durable is not None or live:
            raise ValueError("a file that is open already cannot be made durable, or read live")
        if not buffered:
            return Opened(path, adopted=True)
        if not isinstance(path, h5py.File):
            raise ValueError("only an h5py.File can be buffered: a group is not what is closed")
        # One that is open for reading is closed without our doing.
        return Opened(path, adopted=True, buffered=path.mode == "r+")
    path = Path(path)
    if live:
        if mode != "r" or durable is not None:
            raise ValueError("a file is read live with mode 'r'")
        steady = Live(path, options)
        return Opened(steady.open(), live=steady)
    if durable is not None:
        root, safety = open_durable(path, mode, durable, interval, options)
        return Opened(root, safety=safety)
    if has_journal(path) and is_locked(path):  # also where HDF5's own locks are switched off
        if mode == "r":
            raise WriteError(
                f"{path} is being written to elsewhere, durably: read it with live=True"
            )
        raise WriteError(f"{path} is open elsewhere: it is being written to durably")
    if mode in ("r", "r+", "a") and has_journal(path):
        if mode == "r":  # rows that were flushed may be missing in it
            raise FormatError(
                f"{path} was not closed by its writer, and {journal_of(path).name} holds what is "
                f"missing in it: run 'raggedh5 recover {path}'"
            )
        recover(path)
    root, new = open_file(path, mode, options)
    return Opened(root, new=new)
