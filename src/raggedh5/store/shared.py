"""What all who use one open HDF5 file share, so that none undoes what another writes."""

import threading
import weakref
from collections.abc import Sequence
from typing import Any, Protocol

import h5py

from raggedh5.core.buffers import BufferPool
from raggedh5.core.team import CodingThreads
from raggedh5.store.sink import ChunkSink
from raggedh5.store.sums import FileSums

__all__ = ["Shared", "Writer", "shared_by"]


class Writer(Protocol):
    """The writing end of a table or an array.

    Attributes
    ----------
    handle
        The open file.
    h5
        The group or dataset.
    name
        Its path in the file.
    is_table
        Whether it is a table.
    """

    handle: Any
    h5: Any
    name: str
    is_table: bool

    @property
    def rows(self) -> int:
        """Rows appended so far, on disk or not."""

    @property
    def is_saved(self) -> bool:
        """Whether all of them are in the file."""

    @property
    def streams(self) -> Sequence[Any]:
        """The streams of its buffers."""

    def complete(self) -> None:
        """Let the streams hold all that the rows need."""

    def queue(self, sync_only: bool = False) -> None:
        """Have the last chunks coded, unless `sync_only`; `flush` stores them."""

    def flush(self, sync_only: bool = False) -> None:
        """Bring every row to the file; leave the last chunks to HDF5 if `sync_only`."""

    def settle(self) -> None:
        """Store the last chunks that `flush` has left to HDF5."""

    def renewed(self) -> "Writer":
        """Return another one that goes on from what is in the file."""

    def create(self) -> None:
        """Create what does not depend on rows to come, unless it is there."""

    def conclude(self) -> None:
        """Do what is left to do before the file is closed."""


class Shared:
    """An open HDF5 file.

    Attributes
    ----------
    lock
        Held while anything is written.
    buffers, coders, sink
        What chunks go through on their way to the file.
    sums
        The checksums of its chunks.
    writers : dict
        The writing ends that were opened so far, by the address of group or dataset: it may be
        reached by several names, and be given another.
    users : set
        The handles that have not been released.
    """

    def __init__(self, file: h5py.File, threads: int) -> None:
        self.file_id = file.id
        self.lock = threading.RLock()
        self.buffers = BufferPool()
        self.coders = CodingThreads(threads)
        self.sink = ChunkSink(self.coders, self.buffers)
        self.sums = FileSums(file)
        self.writers: dict[int, Any] = {}
        self.users: weakref.WeakSet[Any] = weakref.WeakSet()

    def clear(self) -> None:
        """Let go of threads, writers and checksums.

        Writers and handles hold each other. Left to the garbage collector, their HDF5 objects would
        wait for HDF5's lock in whatever thread it happens to run, which another may hold.
        """
        self.coders.close()
        self.writers.clear()
        self.sums.clear()

    def go_on_with(self, file: h5py.File) -> None:
        """Take another h5py object of the file where the one in use has been closed."""
        with self.lock:
            if not self.file_id:
                self.clear()
                self.file_id = file.id
                self.sums.file = file


_open: weakref.WeakValueDictionary[int, Shared] = weakref.WeakValueDictionary()
_lock = threading.Lock()


def shared_by(file: h5py.File, threads: int) -> Shared:
    """Return what the users of an open file share, made by the first of them.

    HDF5 opens a file once in a process: all h5py objects on it have the same file number, which is
    never used again.

    Parameters
    ----------
    file
        The file.
    threads
        Threads to code chunks, if this is the first.
    """
    if file.mode == "r":  # nothing changes that others would have to know of
        return Shared(file, threads)
    number = h5py.h5o.get_info(file.id).fileno
    with _lock:
        found = _open.get(number)
        if found is None:
            found = _open[number] = Shared(file, threads)
    found.go_on_with(file)
    return found
