"""Buffers for a file that somebody else has opened, emptied before that one flushes or closes it.

An h5py file is closed by a method of the very object that its owner has. So this object gets
methods of its own, which bring what is buffered to the file first.
"""

import atexit
import contextlib
import os
import threading
from collections.abc import Callable
from typing import Any

import h5py

from raggedh5.core.signals import deferred_signals
from raggedh5.errors import WriteError
from raggedh5.store.handle import Handle
from raggedh5.store.hdf5_lock import without_hdf5_lock

__all__ = ["Attachment"]

PATIENCE = 60.0
"""Seconds for which a close amid a call into HDF5 waits for another thread that appends."""


class Attachment:
    """One of the files on top of an h5py object, and how it is flushed and closed.

    Parameters
    ----------
    handle
        The file.
    owner
        The h5py object, as its owner has it.
    flush, close
        What is called before its owner's flush and close.
    """

    def __init__(
        self,
        handle: Handle,
        owner: h5py.File,
        flush: Callable[[], None],
        close: Callable[[], None],
    ) -> None:
        self.handle = handle
        self.flush = flush
        self.close = close
        with _lock:
            found = _caught.get(id(owner))
            if found is None:
                found = _caught[id(owner)] = _Caught(owner)
            elif not found.is_ours:
                raise WriteError(f"{handle.path} is buffered by another process, the parent")
            self._caught = found
            found.attached.append(self)

    def detach(self) -> None:
        """Call nothing any more: what was buffered is in the file, and what comes gets there."""
        self.handle.immediate = True
        self._caught.detach(self)


class _Caught:
    """An h5py object whose `flush` and `close` do something else first.

    Parameters
    ----------
    owner
        The object.
    """

    def __init__(self, owner: h5py.File) -> None:
        self.attached: list[Attachment] = []
        self._owner = owner
        self._process = os.getpid()
        self._methods = {"flush": self.flush, "close": self.close}
        self._before: dict[str, Any] = {name: owner.__dict__.get(name) for name in self._methods}
        self._then = {name: getattr(owner, name) for name in self._methods}
        owner.__dict__.update(self._methods)

    @property
    def is_ours(self) -> bool:
        """Whether it was this process that opened it, and not the parent of a fork."""
        return self._process == os.getpid()

    def detach(self, attachment: Attachment) -> None:
        """Forget a file; with the last one, let the object be as it was."""
        with _lock:
            if attachment not in self.attached:
                return
            self.attached.remove(attachment)
            if self.attached:
                return
            del _caught[id(self._owner)]
        now = self._owner.__dict__
        for name, method in self._methods.items():
            if now.get(name) == method:
                del now[name]
                if self._before[name] is not None:
                    now[name] = self._before[name]
        self._methods.clear()

    def flush(self) -> None:
        """Bring what is buffered, and flush."""
        if self.is_ours:
            for attachment in self.attached.copy():
                attachment.flush()
        self._then["flush"]()

    def close(self) -> None:
        """Close all files on top of the object, and then the object itself.

        Ctrl-C comes after that.
        """
        if not self.attached or not self.is_ours:
            self._then["close"]()
            return
        with deferred_signals, without_hdf5_lock() as free:
            if free:
                self._close_all()
            else:
                self.close_alone()

    def close_alone(self) -> None:
        """Close all with no help from other threads, which may wait for HDF5's lock with ours."""
        handle = self.attached[-1].handle
        if not handle.lock.acquire(timeout=PATIENCE):
            raise WriteError(
                f"{handle.path}: another thread is appending; let it end, then close the file"
            )
        try:
            with contextlib.ExitStack() as pools:
                for attachment in self.attached:
                    pools.enter_context(attachment.handle.pool.alone())
                self._close_all()
        finally:
            handle.lock.release()

    def _close_all(self) -> None:
        failed: BaseException | None = None
        handle = self.attached[-1].handle
        while self.attached:
            last = self.attached[-1]
            try:
                last.close()
            except BaseException as error:
                failed = failed or error
                if last in self.attached:  # an append to it is under way
                    raise
        with handle.lock:
            try:
                self._then["close"]()
                handle.file.close()  # where the owner has let go of nothing but its identifier
            except (OSError, RuntimeError):
                if failed is None:
                    raise
        if failed is not None:
            raise failed


_caught: dict[int, _Caught] = {}
"""By the number of the object. They keep files with something in their buffers."""

_lock = threading.Lock()


@atexit.register
def _end() -> None:
    """Close the files that their owners have left open when the program ends."""
    failed: BaseException | None = None
    for caught in list(_caught.values()):
        if caught.is_ours:
            try:
                caught.close_alone()  # no thread starts any more
            except BaseException as error:
                failed = failed or error
    if failed is not None:
        raise failed
