"""Chunk-sized buffers that are used again: fresh memory costs a page fault every 4 KiB."""

import math
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BufferPool", "large_empty"]

Bytes = NDArray[np.uint8]

SLAB = 1 << 23
"""Bytes that small buffers are cut from: NumPy asks for huge pages for an array from 4 MiB on."""

ALIGNMENT = 64

HUGE_PAGE = 1 << 21

LARGE = 1 << 23
"""Bytes from which an array is worth up to one huge page more."""


def large_empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an array of any content, C-contiguous; a large one fills whole huge pages.

    The kernel clears memory when it is first touched, and an array that begins and ends in the
    middle of a huge page is given some hundred small ones there, each at the cost of a fault.
    """
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes < LARGE:
        return np.empty(shape, dtype)
    raw = np.empty(nbytes + -nbytes % HUGE_PAGE + HUGE_PAGE, np.uint8)
    start = -raw.ctypes.data % HUGE_PAGE
    return raw[start : start + nbytes].view(dtype).reshape(shape)


class BufferPool:
    """Free uint8 buffers, by size.

    Parameters
    ----------
    keep
        Bytes of free buffers that are kept; what is given back beyond that is let go.

    Examples
    --------
    >>> pool = BufferPool(keep=1 << 20)
    >>> buffer = pool.take(4096)
    >>> pool.give(buffer)
    >>> pool.take(4096) is buffer
    True
    """

    def __init__(self, keep: int = 1 << 26) -> None:
        self.keep = keep
        self._held = 0
        self._lock = threading.Lock()
        self._free: dict[int, list[Bytes]] = {}
        self._slab: Bytes = np.empty(0, np.uint8)

    def take(self, nbytes: int) -> Bytes:
        """Return a buffer (nbytes,) of any content."""
        with self._lock:
            free = self._free.get(nbytes)
            if free:
                self._held -= nbytes
                return free.pop()
            if nbytes > SLAB // 8:
                return np.empty(nbytes, np.uint8)
            if self._slab.size < nbytes:
                self._slab = np.empty(SLAB, np.uint8)
            buffer = self._slab[:nbytes]
            self._slab = self._slab[nbytes + -nbytes % ALIGNMENT :]
            return buffer

    def give(self, buffer: Bytes) -> None:
        """Give `buffer` back; the caller must hold no view of it that it still reads."""
        with self._lock:
            if self._held + buffer.size <= self.keep:
                self._held += buffer.size
                self._free.setdefault(buffer.size, []).append(buffer)
