"""A dataset in pieces of some MiB, and which chunks of a piece cannot be read."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.chunk_codecs import scratch
from raggedh5.errors import FormatError
from raggedh5.store.chunkmap import ChunkMap
from raggedh5.store.damage import PROBLEMS
from raggedh5.store.facts import Facts
from raggedh5.store.handle import Handle
from raggedh5.store.reader import Box, Reader

__all__ = ["Piece", "Pieces"]

PIECE = 1 << 22
"""Bytes of values that a piece aims at."""


@dataclass(frozen=True)
class Piece:
    """A box of a dataset: whole chunks (numbered in the grid), or rows of one without chunks."""

    box: Box
    chunks: range


class Pieces:
    """The pieces of a dataset of fixed-size items.

    Parameters
    ----------
    handle
        The open file.
    facts
        The dataset.

    Raises
    ------
    FormatError
        If the dataset's metadata contradict each other, its fingerprint, or the file's size.
    """

    def __init__(self, handle: Handle, facts: Facts) -> None:
        self.facts = facts
        self.reader = Reader(handle, facts)
        self.map: ChunkMap | None = self.reader.chunk_map() if facts.chunks else None
        self.shape = facts.shape
        # What other files hold is not this file's: it may name any file at all.
        self.external = facts.id.get_create_plist().get_external_count() > 0
        if self.map is not None:
            self.stored = self.map.address != -1
            self.nbytes = int(self.map.stored.sum())
        else:
            self.stored = np.zeros(0, np.bool_)
            self.nbytes = int(facts.id.get_storage_size())
            self._check_contiguous(handle)

    def all(self, start: int = 0) -> Iterator[Piece]:
        """Go through the pieces that the file holds something of, from chunk `start` on.

        Chunks that were never stored are left out, and so is a dataset without chunks that has
        no room in the file.
        """
        if self.map is None:
            yield from self._runs_of_rows()
            return
        chunks = self.map.chunks
        if self.map.chunks[1:] == self.shape[1:]:
            step = max(1, PIECE // max(self.map.nbytes, 1))
            for first, last in _runs(self.stored, start, step):
                rows = slice(first * chunks[0], min(last * chunks[0], self.shape[0]))
                yield Piece((rows, *(slice(0, n) for n in self.shape[1:])), range(first, last))
            return
        for number in np.flatnonzero(self.stored[start:]).tolist():
            yield self.chunk(number + start)

    def chunk(self, number: int) -> Piece:
        """Return the piece that one chunk is."""
        if self.map is None:
            raise ValueError("the dataset has no chunks")
        at = np.unravel_index(number, self.map.grid)
        low = [int(i) * c for i, c in zip(at, self.map.chunks, strict=True)]
        ends = (min(a + c, n) for a, c, n in zip(low, self.map.chunks, self.shape, strict=True))
        return Piece(tuple(map(slice, low, ends)), range(number, number + 1))

    def whole(self) -> Piece:
        """Return everything as one piece."""
        return Piece(tuple(slice(0, n) for n in self.shape), range(len(self.stored)))

    def unstored(self, stop: int) -> list[int]:
        """Return the first rows of all chunks before row `stop` that were never stored."""
        if self.map is None or len(self.shape) != 1:
            return []
        length = self.map.chunks[0]
        starts: list[int] = (np.flatnonzero(~self.stored) * length).tolist()
        return [start for start in starts if start < stop]

    def read(self, piece: Piece) -> NDArray[Any]:
        """Return the values of a piece, in memory of this thread that the next call writes over.

        Raises
        ------
        FormatError, CodecError
            If it cannot be read, or a checksum differs.
        """
        shape = tuple(s.stop - s.start for s in piece.box)
        nbytes = self.reader.dtype.itemsize * math.prod(shape)
        if self.reader.codec is None or not shape:
            return self.reader.read(piece.box)
        out = scratch("piece", max(nbytes, 1))[:nbytes].view(self.reader.dtype).reshape(shape)
        for call in self.reader.plan(out, piece.box):
            call()
        return out

    def damaged(self, piece: Piece) -> list[tuple[Piece, str]]:
        """Return the chunks of a piece that cannot be read, each with why."""
        if self.map is None or len(piece.chunks) == 1:
            parts = [piece]
        else:
            parts = [self.chunk(number) for number in piece.chunks]
        found = []
        for part in parts:
            try:
                self.read(part)
            except PROBLEMS as error:
                found.append((part, _named(self.facts.name, error)))
        return found

    def missing(self) -> list[Piece]:
        """Return the chunks that have a checksum, so were written, but are not in the file."""
        if self.map is None:
            return []
        known = self.map.sums.values[: len(self.stored)] != 0
        return [self.chunk(n) for n in np.flatnonzero(known & ~self.stored[: len(known)]).tolist()]

    def _runs_of_rows(self) -> Iterator[Piece]:
        if self.external:
            return
        if not self.shape:
            if self.nbytes:
                yield Piece((), range(0))
            return
        rest = tuple(slice(0, n) for n in self.shape[1:])
        row_bytes = max(self.reader.itembytes, 1)
        if not self.nbytes and not self.facts.virtual:
            return
        step = max(1, PIECE // row_bytes)
        rows = self._mapped_rows() if self.facts.virtual else self.shape[0]
        for first in range(0, rows, step):
            yield Piece((slice(first, min(first + step, rows)), *rest), range(0))

    def _mapped_rows(self) -> int:
        """Return up to which row a virtual dataset has sources; behind it there is only fill."""
        ends = [0]
        for source in self.facts.dataset.virtual_sources():
            bounds = source.vspace.get_select_bounds()
            ends.append(int(bounds[1][0]) + 1)
        return min(max(ends), self.shape[0])

    def _check_contiguous(self, handle: Handle) -> None:
        facts = self.facts
        offset = facts.id.get_offset() if not facts.virtual else None
        if offset is None or handle.descriptor is None:
            return
        size = int(handle.file.id.get_filesize())
        if offset + self.nbytes > size:
            raise FormatError(
                f"{facts.name}: {self.nbytes} bytes at {offset} lie beyond the end of the file"
            )


def _runs(stored: NDArray[np.bool_], start: int, step: int) -> Iterator[tuple[int, int]]:
    """Cut what is stored into runs of at most `step` chunks."""
    edges = np.flatnonzero(np.diff(stored[start:], prepend=False, append=False)) + start
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        for low in range(first, last, step):
            yield low, min(low + step, last)


def _named(name: str, error: BaseException) -> str:
    return str(error) if name in str(error) else f"{name}: {str(error) or type(error).__name__}"
