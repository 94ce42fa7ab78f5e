"""Work on file descriptors: writes that are whole, locks, and getting names onto the disk."""

import contextlib
import errno
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

if sys.platform != "win32":
    import fcntl

__all__ = ["is_locked", "lock", "pread_all", "pwrite_all", "sync_folder", "unlock"]

MOST_PIECES = 512
"""Buffers in one system call; POSIX promises 16, Linux and macOS take 1,024."""

POLL = 0.002
"""Seconds between two tries to get a lock."""


def pwrite_all(descriptor: int, pieces: Sequence[Any], address: int) -> int:
    """Write buffers one behind the other, and return how many bytes that were.

    Raises
    ------
    OSError
        If not all could be written. Some of it may have been.
    """
    start, left = address, list(pieces)
    while left:
        some = left[:MOST_PIECES]
        done = os.pwritev(descriptor, some, address)
        if done == 0 and any(memoryview(piece).nbytes for piece in some):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        address += done
        left = _behind(some, done) + left[MOST_PIECES:]
    return address - start


def _behind(pieces: Sequence[Any], done: int) -> list[Any]:
    """Return what is left of buffers, the first `done` bytes taken away."""
    for at, piece in enumerate(pieces):
        view = memoryview(piece)
        if view.nbytes > done:
            return [view.cast("B")[done:], *pieces[at + 1 :]]
        done -= view.nbytes
    return []


def pread_all(descriptor: int, count: int, address: int) -> bytes:
    """Read so many bytes, fewer where the file ends before."""
    pieces = []
    while count > 0:
        piece = os.pread(descriptor, count, address)
        if not piece:
            break
        pieces.append(piece)
        count -= len(piece)
        address += len(piece)
    return b"".join(pieces)


def lock(descriptor: int, *, shared: bool = False, patience: float = 0.0) -> bool:
    """Lock a file as HDF5 does, by ``flock``, and return whether that succeeded.

    Parameters
    ----------
    shared
        Whether others may have such a lock, too.
    patience
        Seconds to wait while another holds it.

    Returns
    -------
    bool
        True where the system has no such locks, too: then there is nothing to wait for.
    """
    if sys.platform == "win32":
        return True
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(POLL)
        except OSError as error:
            if error.errno in (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK):
                return True
            raise
        else:
            return True


def unlock(descriptor: int) -> None:
    """Let go of a lock, also for children of a fork, which have it too."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def is_locked(path: Path) -> bool:
    """Whether a writer in this process or another holds a file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return False
    try:
        return not lock(descriptor, shared=True)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """See names that were given or taken away in a folder onto the disk."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
