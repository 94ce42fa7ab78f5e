"""Random access into Blosc chunks: only the blocks that are touched are fetched and decoded."""

import os
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.errors import SchemaError
from raggedh5.kernels.blocks import Blocks, first_bad_range, header_ok

__all__ = ["BlockReader"]

Indices = NDArray[np.int64]

HEADER = 16
LARGEST_BLOCK = 1 << 24


class BlockReader:
    """The block starts of a dataset's chunks, and a bounded cache of decoded blocks.

    Parameters
    ----------
    nbytes
        Bytes of a chunk when decoded.
    address, stored, mask
        Where each chunk lies in the file, its stored size and its filter mask; shape (chunks,).
    cache_bytes
        Bytes of decoded blocks that are kept.

    Attributes
    ----------
    ready : ndarray of bool, shape (chunks,)
        True for the chunks that `learn` was told of, and can be read from.
    """

    def __init__(
        self,
        nbytes: int,
        address: Indices,
        stored: Indices,
        mask: NDArray[np.uint32],
        cache_bytes: int = 1 << 23,
    ) -> None:
        self.nbytes = nbytes
        self.cache_bytes = cache_bytes
        self.ready = np.zeros(len(address), np.bool_)
        self._address = address
        self._stored = stored
        self._mask = mask
        self._lock = threading.Lock()
        self._heads = np.zeros((len(address), HEADER), np.uint8)
        self._blocksize = 1
        self._blocks: Blocks | None = None

    def learn(self, descriptor: int, number: int) -> bool:
        """Read header and block starts of a chunk; return whether it can be read by blocks.

        It cannot where it was never stored, a filter was skipped, or its frame is of a kind that
        must be decoded whole.
        """
        address, stored = int(self._address[number]), int(self._stored[number])
        if address < 0 or self._mask[number] or stored < HEADER:
            return False
        head = os.pread(descriptor, HEADER, address)
        blocksize = int.from_bytes(head[8:12], "little")
        if len(head) < HEADER or not 0 < blocksize <= LARGEST_BLOCK:
            return False
        is_stored = bool(head[2] & 2)
        if not is_stored:
            wanted = HEADER + 4 * -(-self.nbytes // blocksize)
            if wanted > stored:
                return False
            head = os.pread(descriptor, wanted, address)
            if int.from_bytes(head[8:12], "little") != blocksize:
                return False  # somebody has just put something else there
        known = np.frombuffer(head, np.uint8)
        if not header_ok(known, stored, self.nbytes):
            return False
        with self._lock:
            if len(head) > self._heads.shape[1]:
                heads = np.zeros((len(self._heads), len(head)), np.uint8)
                heads[:, : self._heads.shape[1]] = self._heads
                self._heads = heads
                self._blocks = None
            self._heads[number, : len(head)] = known
            if not is_stored and blocksize > self._blocksize:
                self._blocksize = blocksize
                self._blocks = None
            if self._blocks is None:
                self._blocks = self._with_cache()
            self.ready[number] = True
        return True

    def read(
        self,
        descriptor: int,
        chunk: Indices,
        start: Indices,
        stop: Indices,
        place: Indices,
        scale: int,
        out: NDArray[Any],
    ) -> int | None:
        """Copy range i, items start[i]:stop[i] of chunk[i], to item place[i] of `out`.

        Parameters
        ----------
        descriptor
            File to read from, by position.
        chunk, start, stop, place
            The ranges, within chunks that are `ready`; shape (n,).
        scale
            Bytes of an item.
        out
            C-contiguous and writable.

        Returns
        -------
        int or None
            None when all is done, otherwise the number of a chunk that is damaged.

        Raises
        ------
        SchemaError
            If a range is not within a chunk that is ready, or has no place in `out`.
        """
        if not len(chunk) == len(start) == len(stop) == len(place):
            raise SchemaError("each range has a chunk, a start, a stop and a place")
        if not (out.flags.c_contiguous and out.flags.writeable):
            raise SchemaError("ranges go to an array that is C-contiguous and writable")
        if not scale:
            return None
        ready, length = self.ready.view(np.uint8), self.nbytes // scale
        bad = first_bad_range(chunk, start, stop, place, ready, length, out.nbytes // scale)
        if bad >= 0:
            raise SchemaError(
                f"range {bad}: items {start[bad]}:{stop[bad]} of chunk {chunk[bad]} do not go to "
                f"place {place[bad]} of {out.nbytes // scale}"
            )
        if len(chunk) > self.cache_bytes // self._blocksize:
            # More ranges than the cache has room for: only in order does it serve them.
            order = np.lexsort((start, chunk))
            chunk, start, stop, place = chunk[order], start[order], stop[order], place[order]
        with self._lock:
            blocks = self._blocks
            if blocks is None:
                return None if len(chunk) == 0 else int(chunk[0])
            bad = blocks.read_ranges(descriptor, chunk, start, stop, place, scale, out)
        return None if bad < 0 else int(chunk[bad])

    def items(
        self, descriptor: int, like: NDArray[Any], start: int, stop: int
    ) -> NDArray[Any] | None:
        """Return the items start:stop of the dataset as a new array.

        Parameters
        ----------
        descriptor
            File to read from, by position.
        like
            An array of the dataset's dtype and inner shape, which tells the bytes of an item.
        start, stop
            Counted from the first chunk's first item.

        Returns
        -------
        ndarray, shape (stop - start, *inner), or None
            None unless they are some that lie in one chunk that is `ready`, and for those that are
            damaged.
        """
        with self._lock:
            blocks = self._blocks
            items: NDArray[Any] | None = (
                None if blocks is None else blocks.items(descriptor, like, start, stop)
            )
        return items

    def _with_cache(self) -> Blocks:
        size = self._blocksize
        room = min(self.cache_bytes, self.nbytes * len(self.ready))
        # Chunks that are stored as they are need no cache; as yet there may be no others.
        slots = max(room // size, 2) if size > 1 else 2
        # A block's streams with their lengths, then its byte planes.
        work = np.zeros(2 * (size + 128), np.uint8)
        cache = np.empty((slots, size), np.uint8)
        tags = np.full(slots, -1, np.int64)
        return Blocks(
            self.nbytes,
            self._address,
            self._stored,
            self._heads,
            self.ready.view(np.uint8),
            cache,
            tags,
            work,
        )
