"""Hyperslabs of one dataset: chunks fetched and decoded in parallel, outside HDF5's lock."""

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.buffers import large_empty
from raggedh5.core.checksum import in_kernels
from raggedh5.core.chunk_codecs import PlainChunks, scratch
from raggedh5.errors import FormatError
from raggedh5.store.chunkmap import ChunkMap
from raggedh5.store.facts import Facts
from raggedh5.store.filters import codec_of, explain
from raggedh5.store.handle import Handle
from raggedh5.store.virtual import virtual_parts

__all__ = ["Call", "Reader"]

Array = NDArray[Any]
Box = tuple[slice, ...]
Call = Callable[[], Any]
Result = TypeVar("Result")


class Reader:
    """Reads a dataset of a file that its caller knows to be open; several threads may share it.

    Parameters
    ----------
    handle
        The open file.
    facts
        Any dataset of fixed-size items. Chunks that one known filter made are decoded here, all
        others, and other layouts, by HDF5. What a virtual dataset is made of is read where it lies.
    """

    def __init__(self, handle: Handle, facts: Facts) -> None:
        self.handle = handle
        self.facts = facts
        self.dataset = facts.dataset
        self.name = facts.name
        self.dtype = facts.dtype
        self.inner = facts.inner
        self.itembytes = self.dtype.itemsize * math.prod(self.inner)
        self.codec = codec_of(facts)
        self.chunks = facts.chunks
        self.virtual = virtual_parts(handle, facts, Reader) if facts.virtual else None
        if self.chunks:
            handle.sums.of(facts).check_fingerprint()
        self._descriptor = -1 if handle.descriptor is None else handle.descriptor
        self._map: ChunkMap | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the dataset now."""
        if self._map is not None and not self.handle.changing:
            return self._map.shape
        shape: tuple[int, ...] = self.dataset.shape
        return shape

    def read(self, box: Box | None = None) -> Array:
        """Return a hyperslab as a new array.

        Parameters
        ----------
        box
            One slice with start and stop, step 1, for each axis; None for everything.
        """
        calls, finish = self.plan_all(box)
        self.handle.pool.map(calls)
        return finish()

    def read_all(self, shape: tuple[int, ...]) -> Array:
        """Return everything of a dataset of that shape, as a new array."""
        return self.read(tuple(slice(0, n) for n in shape))

    def plan_all(self, box: Box | None = None) -> tuple[list[Call], Callable[[], Array]]:
        """Return the calls that read a hyperslab, see `plan`, and one that returns it then."""
        shape = self.shape
        box = tuple(slice(0, n) for n in shape) if box is None else box
        if self.virtual is None:
            if self.codec is None or not shape:
                return [], lambda: self._read_by_hdf5(box)
            self.chunk_map()  # refuses a shape that the file has no chunks for
        out = large_empty(tuple(s.stop - s.start for s in box), self.dtype)
        return self.plan(out, box), lambda: out

    def plan(self, out: Array, box: Box) -> list[Call]:
        """Return the calls that together fill `out` with a hyperslab, in any order and thread.

        Parameters
        ----------
        out
            C-contiguous, of the box's shape.
        box
            One slice with start and stop, step 1, for each axis.
        """
        chunks = self.chunks
        if self.virtual is not None:
            return self.virtual.plan(out, box)
        if self.codec is None or chunks is None:
            return [functools.partial(self._fill_by_hdf5, out, box)]
        if not out.size:
            return []
        chunk_map = self.chunk_map()
        spans = [
            range(s.start // c, (s.stop - 1) // c + 1) for s, c in zip(box, chunks, strict=True)
        ]
        threads = self.handle.pool.threads
        whole, tail = self._whole_chunks(chunk_map, box)
        rest = [
            job for job in itertools.product(*spans) if job[0] not in whole and job[0] not in tail
        ]
        reads: list[Callable[[ChunkMap], None]] = [
            functools.partial(self._fetch, part=part, out=out, first=box[0].start)
            for part in _shares(whole, threads)
        ]
        if tail:
            wanted = (box[0].stop - tail.start * chunks[0]) * self.itembytes
            reads.append(
                functools.partial(
                    self._fetch, part=tail, out=out, first=box[0].start, nbytes=wanted
                )
            )
        reads += [
            functools.partial(self._read_chunks, jobs=part, out=out, box=box)
            for part in _shares(rest, threads)
        ]
        return [functools.partial(self.steadily, chunk_map, read) for read in reads]

    def chunk_map(self) -> ChunkMap:
        """Return the chunk map, made anew where the file was written to since."""
        found = self._map
        if found is None or not found.is_current:
            with self.handle.lock:
                found = self._map
                self.handle.check_open()
                if found is None or not found.is_current:  # no other thread was quicker
                    if self.handle.changing:
                        self.dataset.id.flush()
                    found = self._map = ChunkMap(self.handle, self.facts, self.codec is None)
        return found

    def steadily(self, chunk_map: ChunkMap, read: Callable[[ChunkMap], Result]) -> Result:
        """Return ``read(chunk_map)``, or what it returns while nobody can write.

        Chunks are read outside the lock. A thread that appends meanwhile may move one, and have
        other bytes put in its place.
        """
        try:
            result = read(chunk_map)
        except (FormatError, OSError, RuntimeError, ValueError) as error:
            self.handle.check_open()  # that another thread has closed it says more
            if chunk_map.is_current or not isinstance(error, FormatError):
                raise
        else:
            if chunk_map.is_current:
                return result
        with self.handle.lock:
            return read(self.chunk_map())

    def _whole_chunks(self, chunk_map: ChunkMap, box: Box) -> tuple[range, range]:
        """Return the chunks that fill one piece of memory each, and need nothing but decoding.

        The second range is of the one chunk, or none, of which only the beginning is wanted.
        """
        length = chunk_map.chunks[0]
        rows = box[0]
        first, last = -(-rows.start // length), rows.stop // length
        codec = self.codec
        usable = (
            self.handle.descriptor is not None
            and in_kernels()
            and chunk_map.chunks[1:] == self.inner
            and all(s.start == 0 and s.stop == n for s, n in zip(box[1:], self.inner, strict=True))
        )
        among = slice(first, last + 1)
        if (
            not usable
            or last < first
            or codec is None
            or chunk_map.mask[among].any()
            or (chunk_map.address[among] < 0).any()
        ):
            return range(0), range(0)
        cut = rows.stop % length and codec.decodes_beginnings
        return range(first, last), range(last, last + 1 if cut else last)

    def _fetch(
        self,
        chunk_map: ChunkMap,
        part: range,
        out: Array,
        first: int,
        nbytes: int | None = None,
    ) -> None:
        """Decode a run of chunks to their places in `out`, which begins with item `first`.

        Of each, only the first `nbytes` bytes are wanted; None: all.
        """
        codec = self.codec
        if codec is None:
            return
        numbers = np.arange(part.start, part.stop)
        digest = chunk_map.due(numbers)
        place = (numbers * chunk_map.chunks[0] - first) * self.itembytes
        bad, why = codec.fetch(
            self._descriptor,
            chunk_map.address[part.start : part.stop],
            chunk_map.stored[part.start : part.stop],
            digest,
            place,
            out,
            nbytes,
        )
        if why:
            raise chunk_map.failed(int(numbers[bad]), why)
        chunk_map.verified[numbers[digest != 0]] = True

    def _read_chunks(
        self, chunk_map: ChunkMap, jobs: list[tuple[int, ...]], out: Array, box: Box
    ) -> None:
        """Decode chunks and put what lies in the box to its place."""
        chunks = chunk_map.chunks
        for job in jobs:
            number = 0
            for index, n in zip(job, chunk_map.grid, strict=True):
                number = number * n + index
            low = [i * c for i, c in zip(job, chunks, strict=True)]
            source, target = [], []
            for at, c, s in zip(low, chunks, box, strict=True):
                first, last = max(at, s.start), min(at + c, s.stop)
                source.append(slice(first - at, last - at))
                target.append(slice(first - s.start, last - s.start))
            place = out[tuple(target)]
            if place.nbytes == chunk_map.nbytes and place.flags.c_contiguous:
                self.decode(chunk_map, number, place.reshape(-1).view(np.uint8))
            else:
                decoded = scratch("decoded", chunk_map.nbytes)[: chunk_map.nbytes]
                self.decode(chunk_map, number, decoded)
                place[...] = decoded.view(self.dtype).reshape(chunks)[tuple(source)]

    def decode(self, chunk_map: ChunkMap, number: int, into: NDArray[np.uint8]) -> None:
        """Fill `into` with the decoded bytes of a chunk."""
        codec = self.codec
        plain = isinstance(codec, PlainChunks) or bool(chunk_map.mask[number])
        stored = chunk_map.fetch(number, into if plain else None)
        if stored is None:
            into.view(self.dtype)[:] = self.dataset.fillvalue
        elif stored is into:
            return
        elif plain or codec is None or not codec.decode(stored, stored.size, into):
            raise chunk_map.damaged(number)

    def _fill_by_hdf5(self, out: Array, box: Box) -> None:
        out[...] = self._read_by_hdf5(box)

    def _read_by_hdf5(self, box: Box) -> Array:
        if self.chunks and self.handle.sums.of(self.facts).known:
            self._verify_box(box)
        try:
            values: Array = self.dataset[box] if self.dataset.shape else self.dataset[()]
        except (OSError, RuntimeError) as error:
            if self.facts.pipeline:
                raise explain(self.name, self.facts.pipeline, error) from error
            raise FormatError(f"{self.name} cannot be read: {error}") from error
        return values

    def _verify_box(self, box: Box) -> None:
        chunk_map = self.chunk_map()
        if any(s.stop <= s.start for s in box):
            return
        spans = [
            np.arange(s.start // c, (s.stop - 1) // c + 1)
            for s, c in zip(box, chunk_map.chunks, strict=True)
        ]
        grid = np.meshgrid(*spans, indexing="ij")
        numbers = np.asarray(np.ravel_multi_index(grid, chunk_map.grid), np.int64).ravel()
        self.steadily(chunk_map, lambda current: current.verify(numbers))


def _shares(jobs: Any, threads: int) -> Iterator[Any]:
    """Deal the jobs out in runs: long ones keep a thread busy, several a thread level the load."""
    step = max(1, -(-len(jobs) // (threads * 4))) if threads > 1 else max(1, len(jobs))
    for first in range(0, len(jobs), step):
        yield jobs[first : first + step]
