"""Buffers for a file that somebody else has opened, emptied before that one flushes or closes it.

An h5py file is closed by a method of the very object that its owner has. So this object gets
methods of its own, which bring what is buffered to the file first.
"""

import atexit
import contextlib
from collections.abc import Callable

import h5py

from raggedh5.errors import WriteError
from raggedh5.store.handle import Handle

__all__ = ["Attachment"]

PATIENCE = 60.0
"""Seconds for which a close waits for another thread that appends."""


class Attachment:
    """What `flush` and `close` of an owner's h5py object do first.

    Parameters
    ----------
    owner
        The file as its owner has it.
    """

    def __init__(self, owner: h5py.File) -> None:
        self._owner = owner
        self._then_close: Callable[[], None] = owner.close
        self._then_flush: Callable[[], None] = owner.flush
        self._handle: Handle | None = None
        self._bring: Callable[[], None] = _nothing
        self._finish: Callable[[], None] = _nothing

    def attach(self, handle: Handle, bring: Callable[[], None], finish: Callable[[], None]) -> None:
        """Have `bring` called before the owner's flush, and `finish` before the owner's close."""
        self._handle, self._bring, self._finish = handle, bring, finish
        self._owner.flush = self._flush
        self._owner.close = self._close
        _attached.add(self)

    def detach(self) -> None:
        """Call nothing any more: what was buffered is in the file."""
        self._handle, self._bring, self._finish = None, _nothing, _nothing
        _attached.discard(self)

    def end(self) -> None:
        """Close a file that its owner has left open when the program ends."""
        self._owner.close()

    def _flush(self) -> None:
        if self._owner:
            self._bring()
        self._then_flush()

    def _close(self) -> None:
        handle = self._handle
        if handle is None or not self._owner:
            self.detach()
            self._then_close()
            return
        # The owner may hold HDF5's lock here, which a thread that appends waits for with ours.
        if not handle.lock.acquire(timeout=PATIENCE):
            raise WriteError(
                f"{handle.path}: another thread is appending; let it end, then close the file"
            )
        try:
            with handle.pool.alone():
                self._finish()
        finally:
            handle.lock.release()
            self.detach()
            self._then_close()


_attached: set[Attachment] = set()
"""Keeps files with something in their buffers from the garbage collector."""


@atexit.register
def _end() -> None:
    for attachment in list(_attached):
        with contextlib.suppress(ValueError):  # closed in some way that nobody could notice
            attachment.end()


def _nothing() -> None:
    pass
