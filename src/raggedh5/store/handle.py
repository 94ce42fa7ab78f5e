"""What the parts of one open file share: threads, buffers, checksums, the file descriptor."""

import threading
import weakref
from collections.abc import Callable
from typing import Any, Literal

import h5py

from raggedh5.core.buffers import BufferPool
from raggedh5.core.pipeline import Pool
from raggedh5.core.team import CodingThreads
from raggedh5.errors import ClosedError, WriteError
from raggedh5.store.sink import ChunkSink
from raggedh5.store.sums import FileSums

__all__ = ["Handle", "Verify"]

CACHE = 1 << 28
"""Bytes of decoded blocks that are kept for all datasets of a file."""

LARGEST_SHARE = 1 << 24
SMALLEST_SHARE = 1 << 20

Verify = Literal["first", "always", "never"]


class Handle:
    """An open HDF5 file and what its tables and arrays use together.

    Parameters
    ----------
    root
        The open file, or the group in it that names are looked up in.
    threads
        Worker threads; None: one for each core available.
    verify
        When a chunk's checksum is compared: ``"first"`` time that it is touched, ``"always"`` or
        ``"never"``.
    adopted
        Whether somebody else opened the file and may close it at any time: every append then
        leaves nothing in our hands.

    Attributes
    ----------
    writers : dict
        The writing ends that were opened so far, by path: `TableWriter` or `ArrayWriter`.
    reopen : callable
        ``reopen(path, name, verify)`` opens the file again, for pickles.
    on_loss : weakref.finalize or None
        Removes the temporary file of one that is never closed.
    """

    def __init__(
        self,
        root: h5py.File | h5py.Group,
        *,
        threads: int | None = None,
        verify: Verify = "first",
        adopted: bool = False,
    ) -> None:
        if verify not in ("first", "always", "never"):
            raise ValueError(f"verify is 'first', 'always' or 'never', not {verify!r}")
        self.root = root
        self.file = root.file
        self._file_id = self.file.id
        self.path = str(self.file.filename)
        self.verify = verify
        self.adopted = adopted
        self.writable = self.file.mode == "r+"
        self.lock = threading.RLock()
        self.pool = Pool(threads)
        self.buffers = BufferPool()
        self.coders = CodingThreads(self.pool.threads)
        self.descriptor = _descriptor(self.file)
        self.sink = ChunkSink(self.coders, self.buffers)
        self.cache_left = CACHE
        self.writers: dict[str, Any] = {}
        self.reopen: Callable[..., Any] | None = None
        self.on_loss: weakref.finalize[..., Any] | None = None
        self.sums = FileSums(self.file)

    @property
    def is_open(self) -> bool:
        """Whether the file is open still."""
        return bool(self._file_id)

    def check_open(self) -> None:
        """Refuse to go on with a closed file."""
        if not self._file_id:
            raise ClosedError(f"{self.path} is closed; open it again to go on")

    def check_writable(self) -> None:
        """Refuse to go on with a file that is closed, or was opened for reading."""
        self.check_open()
        if not self.writable:
            raise WriteError(f"{self.path} was opened for reading; open it with mode 'a' to append")

    def cache_share(self, returned: int = 0) -> int:
        """Return how many bytes of decoded blocks a dataset may keep; `returned` it had before.

        The first ones to be read by rows get most; what is left is never used up.
        """
        with self.lock:
            self.cache_left += returned
            share = min(LARGEST_SHARE, max(self.cache_left // 8, SMALLEST_SHARE))
            self.cache_left -= share
        return share

    def release(self) -> None:
        """Let go of threads, writers and checksums.

        Writers and handle hold each other. Left to the garbage collector, their HDF5 objects would
        wait for HDF5's lock in whatever thread it happens to run, which another may hold.
        """
        self.pool.close()
        self.coders.close()
        self.writers.clear()
        self.sums.clear()

    def forget(self, path: str) -> None:
        """Drop what is known of an object that was at `path` and is there no more."""
        for name in [n for n in self.writers if n == path or n.startswith(f"{path}/")]:
            del self.writers[name]
        self.sums.forget(path)


def _descriptor(file: h5py.File) -> int | None:
    """Return the file descriptor that chunk bytes can be read from, None where there is no such."""
    if file.driver != "sec2" or not hasattr(file.id, "get_vfd_handle"):
        return None
    try:
        return int(file.id.get_vfd_handle())
    except (OSError, RuntimeError, NotImplementedError, ValueError):
        return None
