"""The offsets of a table's rows: kept in memory while that is cheap, read piece by piece if not."""

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.kept import check_offsets
from raggedh5.errors import FormatError
from raggedh5.store.ranges import RangeReader
from raggedh5.store.reader import Reader

__all__ = ["RowOffsets"]

Offsets = NDArray[np.int64]

KEPT_ROWS = 1 << 22
"""Rows up to which the offsets stay in memory: 32 MiB of them."""


class RowOffsets:
    """Where the items of each row lie.

    Parameters
    ----------
    reader
        Reads the offsets, shape (rows + 1,) or longer.
    rows
        How many rows there are.
    """

    def __init__(self, reader: Reader, rows: int) -> None:
        self.rows = rows
        self._reader = reader
        self._ranges = RangeReader(reader)
        self._all: Offsets | None = None
        extent = reader.shape[0]
        if extent < rows + 1 and rows:
            raise FormatError(f"{reader.name}: {extent} offsets do not make {rows} rows")

    def bounds(self, start: int, stop: int) -> Offsets:
        """Return the offsets of rows start:stop, shape (stop - start + 1,), counted in the file."""
        if stop <= start:
            return np.zeros(1, np.int64)
        known = self._load()
        if known is not None:
            return known[start : stop + 1]
        offsets = self._read(start, stop + 1)
        if start == 0 and offsets[0] != 0:
            raise FormatError(f"{self._reader.name}: row 0: offsets do not start at 0")
        falls = np.flatnonzero(offsets[1:] < offsets[:-1])
        if len(falls) or offsets[0] < 0:
            row = start + int(falls[0]) if len(falls) else start
            raise FormatError(f"{self._reader.name}: row {row}: the offsets fall")
        return offsets

    def take(self, rows: Offsets) -> tuple[Offsets, Offsets]:
        """Return where the items of each of `rows` start and stop."""
        known = self._load()
        if known is not None:
            return known[rows], known[rows + 1]
        pairs = np.empty((len(rows), 2), self._reader.dtype)
        self._ranges.copy(rows, rows + 2, pairs.reshape(-1), np.arange(len(rows)) * 2)
        starts, stops = (pairs[:, i].astype(np.int64) for i in (0, 1))
        bad = np.flatnonzero((stops < starts) | (starts < 0))
        if len(bad):
            raise FormatError(f"{self._reader.name}: row {rows[bad[0]]}: the offsets fall")
        return starts, stops

    def _load(self) -> Offsets | None:
        if self._all is None and self.rows <= KEPT_ROWS:
            offsets = self._read(0, self.rows + 1) if self.rows else np.zeros(1, np.int64)
            try:
                check_offsets(offsets, int(offsets[-1]))
            except FormatError as error:
                raise FormatError(f"{self._reader.name}: {error}") from error
            self._all = offsets
        return self._all

    def _read(self, start: int, stop: int) -> Offsets:
        return self._reader.read((slice(start, stop),)).astype(np.int64, copy=False)
