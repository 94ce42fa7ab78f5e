"""Chunks on their way to the file: coded by threads in any order, stored in the order of arrival.

Coding needs neither the GIL nor HDF5's lock. Storing takes both; it happens in the thread that
appends, and strictly in order, so that the file's bytes do not depend on the number of threads.
"""

import contextlib
from collections import deque
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.buffers import BufferPool
from raggedh5.core.checksum import UNKNOWN, checksum
from raggedh5.core.chunk_codecs import ChunkCodec, Work
from raggedh5.core.team import CodingThreads
from raggedh5.errors import CodecError, WriteError
from raggedh5.store.chunk_sums import ChunkSums
from raggedh5.store.coded import SMALL, Coded

__all__ = ["AppendedBatch", "Borrower", "Bytes", "ChunkSink", "Job", "Target"]

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

    def stored(self, row: int, coded: Coded | None) -> None:
        """Take note that a chunk of chunk row `row` is stored, and where, if that is known."""


class Borrower(Protocol):
    """What HDF5 writes to, where it may go on to write from a buffer that HDF5 is done with."""

    def lend(self, data: Bytes) -> None:
        """Take note of what HDF5 will write next: it stays as it is until `give_back`."""

    def lent(self) -> int | None:
        """Return where in the file HDF5 has put what was lent; None if it is not as it was."""

    def give_back(self, buffer: Bytes) -> None:
        """Give a buffer back as soon as nothing is written from it any more."""


class AppendedBatch(NamedTuple):
    """A batch, as messages speak of it: the table or array, its first row there, its rows."""

    name: str
    first: int
    rows: int

    def __str__(self) -> str:
        """Say which batch it is."""
        return f"the batch that became rows {self.first}:{self.first + self.rows} of {self.name}"


class Job:
    """A chunk that is being coded.

    Attributes
    ----------
    row, number, place
        Its index along axis 0, its number in the chunk grid, and its first item on every axis.
    source, stored
        Its bytes before and after.
    work
        The coding; None where HDF5 will do it.
    ours
        Whether `source` goes back to the buffers.
    batch
        The batch that filled it.
    filled
        Bytes of it behind which there are zeros; None for all.
    coded
        Bytes of `stored` once it is known that it is coded, 0 before.
    done
        Whether it has been stored, or given up.
    """

    __slots__ = (
        "batch",
        "coded",
        "done",
        "filled",
        "number",
        "ours",
        "place",
        "row",
        "source",
        "stored",
        "target",
        "work",
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
        batch: AppendedBatch | None,
        filled: int | None,
    ) -> None:
        self.target = target
        self.row = row
        self.number = number
        self.place = place
        self.source = source
        self.stored = stored
        self.ours = ours
        self.batch = batch
        self.filled = filled
        self.coded = 0
        self.done = False
        self.work: Work | None = None
        self.begin()

    def begin(self) -> None:
        """Have the chunk coded, or coded once more."""
        codec = self.target.codec
        self.work = None if codec is None else codec.work(self.source, self.stored, self.filled)

    def store(self, borrower: Borrower | None) -> None:
        """Store the chunk, once it is coded."""
        target, coded = self.target, None
        size = 0 if self.work is None else self.work.result()
        if self.work is not None and size <= 0:
            raise CodecError(
                f"{target.name}: chunk {self.number} could not be compressed; it was filled by "
                f"{self.batch or 'a flush'}. The next call tries again"
            )
        try:
            target.extend(self.row)
            if size:
                stored = self.stored[:size]
                if borrower is not None:
                    borrower.lend(stored)
                target.dataset_id.write_direct_chunk(self.place, stored)
                address = None if borrower is None else borrower.lent()
                digest = UNKNOWN if self.work is None else self.work.digest()
                digest = digest or checksum(stored)
                target.sums.put(self.number, digest)
                if address is not None:
                    few = stored.tobytes() if size < SMALL else None
                    coded = Coded(address, size, digest, few)
            else:
                target.store_by_hdf5(self)
        except (OSError, RuntimeError) as error:
            _look_elsewhere(target.dataset_id, self.place)
            raise WriteError(
                f"{target.name}: chunk {self.number} could not be written: {error}"
            ) from error
        target.stored(self.row, coded)


def _look_elsewhere(dataset: Any, place: tuple[int, ...]) -> None:
    """Make HDF5 look another chunk up after one could not be written.

    It remembers the address of the last chunk, written or not. Written again, such a one would be
    taken for one that the index has already, and be lost.
    """
    shape, length = dataset.shape, dataset.get_create_plist().get_chunk()[0]
    other = (0 if place[0] else length, *(0 for _ in place[1:]))
    grows = other[0] >= shape[0]
    # HDF5 reports a chunk that was never stored in one way or another.
    with contextlib.suppress(Exception):
        if grows:
            dataset.set_extent((other[0] + 1, *shape[1:]))
        dataset.read_direct_chunk(other)
    with contextlib.suppress(OSError, RuntimeError):
        if grows:
            dataset.set_extent(shape)


class ChunkSink:
    """A queue of chunks, for one file.

    Where a chunk cannot be stored, `advance` and `drain` raise; it stays first in the queue, and is
    tried again by the next call.

    Parameters
    ----------
    coders, buffers
        Threads to code the chunks, and buffers for them.

    Attributes
    ----------
    generation : int
        Counts up before anything in the file changes: what was read meanwhile may be neither the
        old nor the new.
    hold : int
        Bytes of chunks that are kept back rather than stored as soon as they are coded.
    stores : int
        How often that was for the storing of a chunk alone.
    waiting : int
        Bytes of chunks that are not stored yet.
    borrower : Borrower or None
        What HDF5 writes to, if that keeps buffers.
    batch : AppendedBatch or None
        The batch that is being appended.
    """

    def __init__(self, coders: CodingThreads, buffers: BufferPool) -> None:
        self.coders = coders
        self.buffers = buffers
        self.generation = 0
        self.stores = 0
        self.hold = 0
        self.borrower: Borrower | None = None
        self.batch: AppendedBatch | None = None
        self.waiting = 0
        self._jobs: deque[Job] = deque()
        self._uncoded: deque[Job] = deque()
        self._coded = 0

    def put(
        self,
        target: Target,
        row: int,
        number: int,
        place: tuple[int, ...],
        source: Bytes,
        ours: bool = True,
        filled: int | None = None,
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
        filled
            See `raggedh5.core.chunk_codecs.ChunkCodec.work`.
        """
        codec = target.codec
        stored = self.buffers.take(codec.room()) if codec else NOTHING
        job = Job(target, row, number, place, source, stored, ours, self.batch, filled)
        # First this: a queued job that nobody codes would be waited for without end.
        if job.work is not None:
            self.coders.put(job.work)
        self._jobs.append(job)
        if self.hold and job.work is not None:
            self._uncoded.append(job)
        self.waiting += source.size

    def advance(self) -> None:
        """Store what is coded; wait only while too much is under way."""
        jobs = self._jobs
        if self.waiting <= self.hold:
            return
        while jobs and (
            (self.waiting > IN_FLIGHT and len(jobs) > self.coders.threads)
            or jobs[0].work is None
            or jobs[0].work.ready()
        ):
            self._store_first()

    def free_sources(self) -> int:
        """Give back what chunks that wait to be stored were coded from, where that is done.

        Nobody else may need it: what has not been logged is read from there.

        Returns
        -------
        int
            Bytes of the chunks that are coded.
        """
        uncoded = self._uncoded
        while uncoded and (work := uncoded[0].work) is not None and work.ready():
            job = uncoded.popleft()
            job.coded = max(work.result(), 0)
            self._coded += job.coded
            if job.coded and job.ours:
                self.buffers.give(job.source)
                job.ours = False
        return self._coded

    def wait(self) -> None:
        """Wait until everything is coded, so that no source is needed any more."""
        for job in self._jobs:
            if job.work is not None:
                self.coders.result(job.work)

    def drain(self) -> None:
        """Store everything."""
        while self._jobs:
            self._store_first()

    @property
    def last(self) -> Job | None:
        """The chunk that was queued last, None where all are stored."""
        return self._jobs[-1] if self._jobs else None

    def store_up_to(self, last: Job) -> None:
        """Store chunks, up to `last` or one that is not coded yet, but at least one."""
        while not last.done and self._jobs:
            self._store_first()
            work = self._jobs[0].work if self._jobs else None
            if work is not None and not work.ready():
                return

    def drop(self, target: Target, row: int) -> None:
        """Forget the queued chunks of `target` from chunk row `row` on."""
        for job in [job for job in self._jobs if job.target is target and job.row >= row]:
            self._jobs.remove(job)
            if job.work is not None:
                self.coders.result(job.work)
            self._finish(job)

    def _store_first(self) -> None:
        job = self._jobs[0]
        if job.work is not None:
            self.coders.result(job.work)
        self.generation += 1
        self.stores += 1
        try:
            job.store(self.borrower)
        except CodecError:
            job.begin()
            if job.work is not None:
                self.coders.put(job.work)
            raise
        self._jobs.popleft()
        self._finish(job)

    def _finish(self, job: Job) -> None:
        job.done = True
        self.waiting -= job.source.size
        self._coded -= job.coded
        if not job.coded and job in self._uncoded:
            self._uncoded.remove(job)
        if self.borrower is None:
            self.buffers.give(job.stored)
        else:
            self.borrower.give_back(job.stored)
        if job.ours:
            self.buffers.give(job.source)
