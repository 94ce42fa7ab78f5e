"""Where the chunks of a dataset lie in the file, and their bytes, fetched and verified."""

import math
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.checksum import UNKNOWN, checksum
from raggedh5.core.chunk_codecs import scratch
from raggedh5.errors import FormatError
from raggedh5.store.facts import Facts
from raggedh5.store.handle import Handle

__all__ = ["ChunkMap"]

Bytes = NDArray[np.uint8]

NOT_STORED = -1
LARGEST_EXCESS = 1 << 20
"""A stored chunk is never much larger than the chunk; this much more is believed of a filter."""


class ChunkMap:
    """Address, size and filter mask of every chunk, in the row-major order of the chunk grid.

    Parameters
    ----------
    handle, facts
        The open file, and the dataset.
    by_hdf5
        Whether HDF5 decodes the chunks. Their bytes are then had from HDF5, too: what is verified
        is what it finds. Where an index is damaged, it may find nothing in a place that is listed.

    Attributes
    ----------
    address, stored : ndarray of int64, shape (chunks,)
        Where a chunk's bytes start in the file, -1 where it was never stored (and no matter what
        otherwise, where bytes are not read by position), and their number.
    mask : ndarray of uint32, shape (chunks,)
        Bit i is set where filter i was skipped.
    generation : int
        That of the file when this was read.
    """

    def __init__(self, handle: Handle, facts: Facts, by_hdf5: bool = False) -> None:
        self.handle = handle
        self._descriptor = None if by_hdf5 else handle.descriptor
        self.generation = handle.sink.generation
        self.dataset_id = facts.id
        self.name = facts.name
        self.sums = handle.sums.of(facts)
        self.shape: tuple[int, ...] = facts.id.shape
        self.chunks: tuple[int, ...] = facts.chunks or ()
        self.grid = tuple(-(-n // c) for n, c in zip(self.shape, self.chunks, strict=True))
        count = math.prod(self.grid)
        self._check_count(count)
        self.nbytes = facts.dtype.itemsize * math.prod(self.chunks)
        self.address = np.full(count, NOT_STORED, np.int64)
        self.stored = np.zeros(count, np.int64)
        self.mask = np.zeros(count, np.uint32)
        self.verified = np.zeros(count, np.bool_)
        self._fill()

    @property
    def is_current(self) -> bool:
        """Whether the chunks lie where they did."""
        return not self.handle.changing or self.generation == self.handle.sink.generation

    def fetch(self, number: int, into: Bytes | None = None) -> Bytes | None:
        """Read the stored bytes of a chunk and compare their checksum.

        Parameters
        ----------
        number
            The chunk, in the row-major order of the grid.
        into
            Where the bytes go if they are exactly as many; otherwise, and by default, they go to
            this thread's scratch buffer, which the next call overwrites.

        Returns
        -------
        ndarray of uint8, shape (stored,), or None
            None where the chunk was never stored.

        Raises
        ------
        FormatError
            If the file ends before the chunk does, or the bytes changed since they were written.
        """
        size = int(self.stored[number])
        address = int(self.address[number])
        if address < 0:
            if self.sums.get(number) != UNKNOWN:
                raise FormatError(f"{self._where(number)} was written, but is not in the file")
            return None
        descriptor = self._descriptor
        target = into if into is not None and into.size == size else None
        if target is None:
            target = scratch("stored", size)[:size]
        if descriptor is None:
            raw = self._found_by_hdf5(number)
            if len(raw) != size:
                raise self.failed(number, 2)
            target[:] = np.frombuffer(raw, np.uint8)
        elif os.preadv(descriptor, [target.data], address) != size:
            raise self.failed(number, 1)
        if self.handle.verify != "never" and not (
            self.verified[number] and self.handle.verify == "first"
        ):
            self._compare(number, target)
        return target

    def _found_by_hdf5(self, number: int) -> bytes:
        try:
            raw: bytes = self.dataset_id.read_direct_chunk(self._place(number))[1]
        except (OSError, RuntimeError, ValueError) as error:
            raise FormatError(f"{self._where(number)} cannot be read: {error}") from error
        return raw

    def due(self, numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Return the checksums that are to be compared, 0 for chunks that are not."""
        digest = np.zeros(len(numbers), np.uint64)
        if self.handle.verify != "never":
            known = numbers < len(self.sums.values)
            digest[known] = self.sums.values[numbers[known]]
            if self.handle.verify == "first":
                digest[self.verified[numbers]] = UNKNOWN
        return digest

    def failed(self, number: int, why: int) -> FormatError:
        """Return the error for a chunk that `ChunkCodec.fetch` failed on."""
        if why == 1:
            return FormatError(f"{self._where(number)} lies beyond the end of the file")
        if why == 2:
            return FormatError(
                f"{self._where(number)} is damaged, or was changed without raggedh5: its bytes do "
                "not match their checksum"
            )
        return self.damaged(number)

    def verify(self, numbers: NDArray[np.int64]) -> None:
        """Compare the checksums of those chunks that `verify=` asks for."""
        verify = self.handle.verify
        if verify == "never" or not self.sums.known:
            return
        due = numbers if verify == "always" else numbers[~self.verified[numbers]]
        for number in dict.fromkeys(due.tolist()):
            self.fetch(number)

    def _compare(self, number: int, stored: Bytes) -> None:
        expected = self.sums.get(number)
        if expected != UNKNOWN and checksum(stored) != expected:
            raise self.failed(number, 2)
        self.verified[number] = True

    def damaged(self, number: int) -> FormatError:
        """Return the error for a chunk that does not decode."""
        return FormatError(f"{self._where(number)} is damaged: it does not decode")

    def _where(self, number: int) -> str:
        first = self._place(number)[0]
        last = min(first + self.chunks[0], self.shape[0])
        return f"{self.name}: chunk {number} (rows {first}:{last} of the dataset)"

    def _place(self, number: int) -> tuple[int, ...]:
        at = np.unravel_index(number, self.grid)
        return tuple(int(i) * c for i, c in zip(at, self.chunks, strict=True))

    def _check_count(self, count: int) -> None:
        """Refuse a grid larger than the file could hold, before anything is allocated for it."""
        if count > 1 << 20 and count > self.dataset_id.get_num_chunks() * 4 + (1 << 20):
            raise FormatError(
                f"{self.name}: shape {self.shape} in chunks of {self.chunks} has {count} chunks, "
                f"but the file holds {self.dataset_id.get_num_chunks()}"
            )

    def _fill(self) -> None:
        found: list[Any] = []
        try:
            self.dataset_id.chunk_iter(found.append)
        except (OSError, RuntimeError, ValueError) as error:
            raise FormatError(f"{self.name}: its chunk index cannot be read: {error}") from error
        if not found:
            return
        offsets, masks, addresses, sizes = zip(*found, strict=True)
        strides = [math.prod(self.grid[axis + 1 :]) for axis in range(len(self.grid))]
        numbers = np.array(offsets, np.uint64).astype(np.int64) // self.chunks @ np.array(strides)
        address = np.array(addresses, np.uint64).astype(np.int64)
        if self.handle.descriptor is None:  # some drivers count from wherever they like
            address[:] = 0
        stored = np.array(sizes, np.uint64).astype(np.int64)
        inside = (numbers >= 0) & (numbers < len(self.address))
        # Of values that are objects in memory, the file holds more bytes than memory does.
        nbytes = max(self.nbytes, self.dataset_id.get_type().get_size() * math.prod(self.chunks))
        largest = nbytes + nbytes // 8 + LARGEST_EXCESS
        if (stored > largest).any() or (stored < 0).any() or (address < 0).any():
            raise FormatError(f"{self.name}: its chunk index holds impossible sizes or addresses")
        numbers = numbers[inside]
        self.address[numbers] = address[inside]
        self.stored[numbers] = stored[inside]
        self.mask[numbers] = np.array(masks, np.uint32)[inside]
