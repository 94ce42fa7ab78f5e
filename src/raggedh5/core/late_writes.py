"""Writes to files that other threads make while the one that asks for them goes on."""

import os

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.team import CodingThreads
from raggedh5.kernels.coder import Work
from raggedh5.kernels.late_write import writer, writes_late

__all__ = ["LateWrites", "writes_late"]

Bytes = NDArray[np.uint8]

_WRITER = writer()


class LateWrites:
    """Writes to one file that are under way; not for several threads at once.

    Parameters
    ----------
    descriptor
        The file, open for writing until `finish` has returned.
    threads
        Who writes, beside whoever waits.

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     writes = LateWrites(file.fileno(), CodingThreads(2))
    ...     writes.put(3, np.frombuffer(b"late", np.uint8))
    ...     writes.finish()
    ...     os.pread(file.fileno(), 4, 3)
    b'late'
    """

    def __init__(self, descriptor: int, threads: CodingThreads) -> None:
        self.descriptor = descriptor
        self._threads = threads
        self._owner = os.getpid()
        self._under_way: list[Work] = []

    def put(self, address: int, data: Bytes) -> None:
        """Have bytes written, which stay as they are until `finish` has returned.

        What is under way goes to other places in the file. In the child of a fork nobody writes it.
        """
        if self._owner != os.getpid():
            return
        params = np.zeros(7, np.int64)
        params[:2] = self.descriptor, address
        work = Work(_WRITER, data, data, params, 0)
        self._under_way.append(work)
        self._threads.put(work)

    def finish(self) -> None:
        """Wait for all that is under way, and make what nobody has begun.

        Raises
        ------
        OSError
            If something could not be written; everything else has been.
        """
        if self._owner != os.getpid():  # the parent writes it, and waits for it
            return
        failed = min([self._threads.result(work) for work in self._under_way], default=0)
        self._under_way.clear()
        if failed < 0:
            raise OSError(-failed, os.strerror(-failed))
