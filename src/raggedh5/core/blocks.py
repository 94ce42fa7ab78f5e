"""Random access into Blosc chunks: only the blocks that are touched are fetched and decoded."""

import os
import threading

import numpy as np
from numpy.typing import NDArray

from raggedh5.kernels import blosc

__all__ = ["BlockReader"]

Indices = NDArray[np.int64]

HEADER = 16
CACHE_BYTES = 1 << 20
LARGEST_BLOCK = 1 << 24
UNKNOWN, KNOWN, OPAQUE = 0, 1, 2


class BlockReader:
    """The block starts of a dataset's chunks, and a bounded cache of decoded blocks.

    Parameters
    ----------
    nbytes
        Bytes of a chunk when decoded.
    count
        How many chunks there are.
    """

    def __init__(self, nbytes: int, count: int) -> None:
        self.nbytes = nbytes
        self._lock = threading.Lock()
        self._state = np.zeros(count, np.uint8)
        self._heads = np.zeros((count, HEADER), np.uint8)
        self._resize_cache(1)

    def read(
        self,
        descriptor: int,
        address: Indices,
        stored: Indices,
        mask: NDArray[np.uint32],
        chunk: Indices,
        start: Indices,
        stop: Indices,
        place: Indices,
        out: NDArray[np.uint8],
    ) -> int | None:
        """Copy byte ranges of chunks to `out`.

        Parameters
        ----------
        descriptor
            File to read from, by position.
        address, stored, mask
            Where each chunk lies, its stored size, and its filter mask; shape (chunks,).
        chunk, start, stop, place
            Range i is bytes start[i]:stop[i] of chunk[i] and goes to ``out[place[i]:]``.

        Returns
        -------
        int or None
            None when all is done; -1 where some chunk is of a kind that must be decoded whole;
            otherwise the number of a chunk that is damaged.
        """
        if len(chunk) == 0:
            return None
        if len(chunk) > 1:
            order = np.lexsort((start, chunk))
            chunk, start, stop, place = chunk[order], start[order], stop[order], place[order]
        with self._lock:
            if not (self._state[chunk] == KNOWN).all():
                for number in dict.fromkeys(chunk.tolist()):
                    if self._state[number] == UNKNOWN:
                        self._learn(descriptor, address, stored, mask, number)
                if (self._state[chunk] == OPAQUE).any():
                    return -1
            bad = blosc.read_ranges(
                descriptor,
                address,
                stored,
                self.nbytes,
                self._heads,
                chunk,
                start,
                stop,
                place,
                out,
                self._slots,
                self._tags,
                self._work,
            )
        return None if bad < 0 else int(chunk[bad])

    def _learn(
        self,
        descriptor: int,
        address: Indices,
        stored: Indices,
        mask: NDArray[np.uint32],
        number: int,
    ) -> None:
        """Read header and block starts of a chunk, and see whether the kernel can follow them."""
        self._state[number] = OPAQUE
        if address[number] < 0 or mask[number] or stored[number] < HEADER:
            return
        head = os.pread(descriptor, HEADER, int(address[number]))
        blocksize = int.from_bytes(head[8:12], "little")
        if len(head) < HEADER or not 0 < blocksize <= LARGEST_BLOCK:
            return
        if not head[2] & 2:
            wanted = HEADER + 4 * -(-self.nbytes // blocksize)
            if wanted > stored[number]:
                return
            head = os.pread(descriptor, wanted, int(address[number]))
        if not blosc.header_ok(np.frombuffer(head, np.uint8), int(stored[number]), self.nbytes):
            return
        if len(head) > self._heads.shape[1]:
            heads = np.zeros((len(self._heads), len(head)), np.uint8)
            heads[:, : self._heads.shape[1]] = self._heads
            self._heads = heads
        self._heads[number, : len(head)] = np.frombuffer(head, np.uint8)
        if not head[2] & 2 and blocksize > self._slots.shape[1]:
            self._resize_cache(blocksize)
        self._state[number] = KNOWN

    def _resize_cache(self, blocksize: int) -> None:
        slots = min(max(CACHE_BYTES // blocksize, 2), 64)
        self._slots = np.zeros((slots, blocksize), np.uint8)
        self._tags = np.full(slots, -1, np.int64)
        # A block's streams with their lengths, then its byte planes.
        self._work = np.zeros(2 * (blocksize + 128), np.uint8)
