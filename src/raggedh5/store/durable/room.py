"""Room behind the end of a file, made by a thread while the one that appends is at other things.

For a file system to find pages and blocks for new data takes longer than to copy the data there.
Between two checkpoints nothing is written to a durable file; that is when this can be done.
"""

import contextlib
import os
from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["STEP", "Room"]

STEP = 1 << 22
"""Bytes that are asked for at once."""

PIECE = 1 << 19
"""Bytes that the system is asked for at once: a write has to wait for no longer than that takes."""


class Room:
    """Makes room in one file; not for use by several threads at once.

    Parameters
    ----------
    descriptor
        The file, open for writing. It may get longer, with zeros.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._thread: ThreadPoolExecutor | None = None
        self._under_way: Future[None] | None = None
        self._start = 0
        self._enough = False
        self.begin()

    def begin(self) -> None:
        """Begin anew with the file as it is: room that was made and not used is gone."""
        self._made = 0
        self._refused = not hasattr(os, "posix_fallocate")

    def make(self, start: int, stop: int) -> None:
        """Have room made for bytes `start` to `stop` of the file, and return at once.

        Where there is none, nothing happens: it is for the write to say so.
        """
        start = max(start, self._made)
        if stop - start < STEP or self._refused:
            return
        if self._under_way is not None and not self._under_way.done():
            return
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "raggedh5-room")
        self._enough = False
        with contextlib.suppress(RuntimeError):  # the interpreter is about to end
            self._under_way = self._thread.submit(self._allocate, start, stop)
            self._start, self._made = start, stop

    def wait(self, stop: int | None = None) -> None:
        """Return when nothing is under way, or nothing before byte `stop`.

        Where a file system cannot do this, the C library writes zeros, which must not get on top
        of anything else.
        """
        if self._under_way is not None and (stop is None or stop > self._start):
            self._enough = True
            self._under_way.result()
            self._under_way = None

    def close(self) -> None:
        """Wait, and let the thread end."""
        self.wait()
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None

    def _allocate(self, start: int, stop: int) -> None:
        for at in range(start, stop, PIECE):
            if self._enough:
                return
            try:
                os.posix_fallocate(self._descriptor, at, min(PIECE, stop - at))
            except OSError:  # a full disk, or one that cannot do it
                self._refused = True
                return
