"""Chunks on their way to the file: coded by the pool in any order, stored in the order of arrival.

Only the storing takes HDF5's lock. It happens in the thread that appends, and strictly in order, so
that the file's bytes do not depend on the number of threads.
"""

from collections import deque
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.buffers import BufferPool
from raggedh5.core.checksum import UNKNOWN, checksum
from raggedh5.core.chunk_codecs import ChunkCodec
from raggedh5.core.pipeline import Pool, Task
from raggedh5.errors import CodecError, WriteError
from raggedh5.store.sums import ChunkSums

__all__ = ["ChunkSink", "Target"]

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


class Job(NamedTuple):
    """A chunk that is being coded."""

    target: Target
    row: int
    number: int
    place: tuple[int, ...]
    source: Bytes
    stored: Bytes
    task: Task
    ours: bool


class ChunkSink:
    """A queue of chunks, for one file."""

    def __init__(self, pool: Pool, buffers: BufferPool) -> None:
        self.pool = pool
        self.buffers = buffers
        self.generation = 0
        self._jobs: deque[Job] = deque()
        self._waiting = 0

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
            Its index along axis 0, its number in the chunk grid, and its first item on every axis.
        source
            The chunk, whole, as bytes (nbytes,).
        ours
            Whether `source` goes back to the buffers once the chunk is stored. Otherwise the caller
            keeps it as it is until `drain` has returned.
        """
        codec = target.codec
        stored = self.buffers.take(codec.room()) if codec else NOTHING
        task = self.pool.submit(lambda: _encode(codec, source, stored))
        self._jobs.append(Job(target, row, number, place, source, stored, task, ours))
        self._waiting += source.size

    def advance(self) -> None:
        """Store what is coded; wait only while too much is under way."""
        jobs = self._jobs
        while jobs and (self._waiting > IN_FLIGHT or jobs[0].task.ready()):
            self._store()

    def drain(self) -> None:
        """Store everything."""
        while self._jobs:
            self._store()

    def drop(self, target: Target, row: int) -> None:
        """Forget the queued chunks of `target` from chunk row `row` on."""
        kept: deque[Job] = deque()
        for job in self._jobs:
            if job.target is target and job.row >= row:
                self._finish(job)
            else:
                kept.append(job)
        self._jobs = kept

    def _store(self) -> None:
        job = self._jobs[0]
        size, digest = job.task.result()
        if size < 0:
            raise CodecError(f"{job.target.name}: chunk {job.number} could not be compressed")
        try:
            job.target.extend(job.row)
            if size:
                job.target.dataset_id.write_direct_chunk(job.place, job.stored[:size])
            else:
                job.target.store_by_hdf5(job)
        except (OSError, RuntimeError) as error:
            # The chunk stays first in the queue: when there is room again, it is tried again.
            raise WriteError(
                f"{job.target.name}: chunk {job.number} could not be written: {error}"
            ) from error
        self._jobs.popleft()
        job.target.sums.put(job.number, digest)
        self.generation += 1
        self._finish(job)

    def _finish(self, job: Job) -> None:
        self._waiting -= job.source.size
        job.task.wait()
        self.buffers.give(job.stored)
        if job.ours:
            self.buffers.give(job.source)


def _encode(codec: ChunkCodec | None, source: Bytes, stored: Bytes) -> tuple[int, int]:
    """Return length and checksum of the stored chunk: 0 where HDF5 codes it, -1 where it failed."""
    if codec is None:
        return 0, UNKNOWN
    size = codec.encode(source, stored)
    return (size, checksum(stored[:size])) if size > 0 else (-1, UNKNOWN)
