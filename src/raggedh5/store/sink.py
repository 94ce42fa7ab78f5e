"""Chunks on their way to the file: coded by the pool in any order, stored in the order of arrival.

Only the storing takes HDF5's lock. Whichever thread is free when the first chunk of the queue is
coded stores it, so that the thread that appends need not wait for `write`; and always the first, so
that the file's bytes do not depend on the number of threads.
"""

from collections import deque
from typing import Any, Protocol

import numpy as np
from h5py._objects import phil  # the lock around every HDF5 call; h5py names it for other libraries
from numpy.typing import NDArray

from raggedh5.core.buffers import BufferPool
from raggedh5.core.checksum import UNKNOWN, checksum
from raggedh5.core.chunk_codecs import ChunkCodec
from raggedh5.core.pipeline import Pool, Task
from raggedh5.errors import CodecError, WriteError
from raggedh5.store.sums import ChunkSums

__all__ = ["Bytes", "ChunkSink", "Job", "Target"]

Bytes = NDArray[np.uint8]

IN_FLIGHT = 1 << 22
"""Bytes of chunks that may wait to be coded or stored."""

NOTHING = np.empty(0, np.uint8)


class Target(Protocol):
    """A dataset that chunks go to."""

    name: str
    dataset_id: Any
    codec: ChunkCodec | None
    sums: ChunkSums

    def extend(self, row: int) -> None:
        """Make the dataset reach over chunk row `row`."""

    def store_by_hdf5(self, job: "Job") -> None:
        """Write the chunk through HDF5's own pipeline."""


class Job:
    """A chunk that is being coded.

    Attributes
    ----------
    row, number, place
        Its index along axis 0, its number in the chunk grid, and its first item on every axis.
    source, stored
        Its bytes before and after.
    size, digest
        Length and checksum of what is to be stored, once `done`. A size of 0: HDF5 codes it, below
        0: it could not be coded.
    ours
        Whether `source` goes back to the buffers.
    """

    __slots__ = (
        "digest",
        "done",
        "number",
        "ours",
        "place",
        "row",
        "size",
        "source",
        "stored",
        "target",
        "task",
    )

    def __init__(
        self,
        target: Target,
        row: int,
        number: int,
        place: tuple[int, ...],
        source: Bytes,
        stored: Bytes,
        ours: bool,
    ) -> None:
        self.target = target
        self.row = row
        self.number = number
        self.place = place
        self.source = source
        self.stored = stored
        self.ours = ours
        self.size = -1
        self.digest = UNKNOWN
        self.done = False
        self.task: Task | None = None

    def code(self) -> None:
        """Compress the chunk."""
        codec = self.target.codec
        try:
            if codec is None:
                self.size = 0
            else:
                size = codec.encode(self.source, self.stored)
                if size > 0:
                    self.digest = checksum(self.stored[:size])
                    self.size = size
        finally:
            self.done = True

    def store(self) -> None:
        """Store the chunk; HDF5's lock is held."""
        target = self.target
        if self.size < 0:
            raise CodecError(f"{target.name}: chunk {self.number} could not be compressed")
        try:
            target.extend(self.row)
            if self.size:
                target.dataset_id.write_direct_chunk(self.place, self.stored[: self.size])
            else:
                target.store_by_hdf5(self)
        except (OSError, RuntimeError) as error:
            raise WriteError(
                f"{target.name}: chunk {self.number} could not be written: {error}"
            ) from error
        target.sums.put(self.number, self.digest)


class ChunkSink:
    """A queue of chunks, for one file.

    An error is raised by the next `advance` or `drain`, once. The chunk that it befell stays first
    in the queue, and is tried again by the call after that.
    """

    def __init__(self, pool: Pool, buffers: BufferPool) -> None:
        self.pool = pool
        self.buffers = buffers
        self.generation = 0
        self._jobs: deque[Job] = deque()
        # Two counters, each with one writer at a time: who appends, and who holds the lock.
        self._put = 0
        self._stored = 0
        self._error: BaseException | None = None

    def put(
        self,
        target: Target,
        row: int,
        number: int,
        place: tuple[int, ...],
        source: Bytes,
        ours: bool = True,
    ) -> None:
        """Queue one chunk.

        Parameters
        ----------
        target
            Where it goes. Without a codec, HDF5 codes the chunk when it stores it.
        row, number, place
            See `Job`.
        source
            The chunk, whole, as bytes (nbytes,).
        ours
            Whether `source` goes back to the buffers once the chunk is stored. Otherwise the caller
            keeps it as it is until `drain` has returned.
        """
        codec = target.codec
        stored = self.buffers.take(codec.room()) if codec else NOTHING
        job = Job(target, row, number, place, source, stored, ours)
        self._put += source.size
        self._jobs.append(job)
        job.task = self.pool.submit(lambda: self._work(job))

    def advance(self) -> None:
        """Wait while too much is under way; raise what went wrong since the last call."""
        while self._put - self._stored > IN_FLIGHT and len(self._jobs) > self.pool.threads:
            self._store_first()
        self._raise()

    def drain(self) -> None:
        """Store everything."""
        self._raise()
        while self._jobs:
            self._store_first()
            self._raise()

    def drop(self, target: Target, row: int) -> None:
        """Forget the queued chunks of `target` from chunk row `row` on."""
        with phil:
            dropped = [job for job in self._jobs if job.target is target and job.row >= row]
            for job in dropped:
                self._jobs.remove(job)
        for job in dropped:
            if job.task is not None:
                job.task.wait()
            with phil:
                self._finish(job)

    def _work(self, job: Job) -> None:
        job.code()
        # Never wait for the lock here: the thread that holds it may be waiting for this one.
        while self._first_is_coded() and self._error is None:
            if not phil.acquire(False):
                return
            try:
                self._store_done()
            except BaseException as error:
                self._error = error
            finally:
                phil.release()

    def _store_first(self) -> None:
        """Store the first chunk of the queue, and others that are coded."""
        job = self._jobs[0] if self._jobs else None
        if job is not None:
            if not job.done and job.task is not None:
                job.task.wait()
            with phil:
                self._store_done()

    def _store_done(self) -> None:
        jobs = self._jobs
        while self._first_is_coded() and self._error is None:
            job = jobs[0]
            job.store()
            jobs.popleft()
            self.generation += 1
            self._finish(job)

    def _first_is_coded(self) -> bool:
        try:
            return self._jobs[0].done
        except IndexError:
            return False

    def _finish(self, job: Job) -> None:
        self._stored += job.source.size
        self.buffers.give(job.stored)
        if job.ours:
            self.buffers.give(job.source)

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error
