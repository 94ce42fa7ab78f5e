"""Items of a damaged dataset: those that can be read, and which these are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.store.damage import PROBLEMS
from raggedh5.store.facts import Facts
from raggedh5.store.handle import Handle
from raggedh5.store.reader import Reader

__all__ = ["PartialReader"]

Array = NDArray[Any]
Flags = NDArray[np.bool_]

STEP = 1 << 10
"""Rows that are read at once where there are no chunks, and some cannot be read."""


class PartialReader:
    """Reads items along axis 0; those in chunks that cannot be read are 0, and told apart.

    Parameters
    ----------
    handle
        The open file.
    facts
        The dataset.

    Raises
    ------
    FormatError
        If its metadata do not match its fingerprint, or its chunk index cannot be read.
    """

    def __init__(self, handle: Handle, facts: Facts) -> None:
        self.facts = facts
        self.reader = Reader(handle, facts)
        if facts.chunks:
            self.reader.chunk_map()
        self.native = self.reader.dtype.newbyteorder("=")
        self._step = facts.chunks[0] if facts.chunks else STEP
        self._bad: set[int] = set()

    @property
    def extent(self) -> int:
        """Items along axis 0."""
        return self.facts.shape[0]

    def read(self, start: int, stop: int) -> tuple[Array, Flags]:
        """Return items start:stop in native byte order, and which of them could be read.

        What lies beyond the extent cannot.
        """
        inside = min(stop, self.extent)
        fine = np.zeros(stop - start, np.bool_)
        if inside <= start:
            return np.zeros((stop - start, *self.facts.inner), self.native), fine
        first, last = start // self._step, -(-inside // self._step)
        if inside == stop and self._bad.isdisjoint(range(first, last)):
            try:
                values = self.reader.read(self._box(start, stop))
            except PROBLEMS:
                pass
            else:
                fine[:] = True
                return values.astype(self.native, copy=False), fine
        out = np.zeros((stop - start, *self.facts.inner), self.native)
        for number in range(first, last):
            low, high = max(number * self._step, start), min((number + 1) * self._step, inside)
            if number in self._bad:
                continue
            try:
                out[low - start : high - start] = self.reader.read(self._box(low, high))
                fine[low - start : high - start] = True
            except PROBLEMS:
                self._bad.add(number)
        return out, fine

    def _box(self, start: int, stop: int) -> tuple[slice, ...]:
        return (slice(start, stop), *(slice(0, n) for n in self.facts.inner))
