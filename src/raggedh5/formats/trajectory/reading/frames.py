"""The numbers of the frames that rows are of."""

from bisect import bisect_left
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.errors import FormatError

__all__ = ["Frames"]

Numbers = NDArray[np.int64]


class Frames:
    """The numbers of the frames that the rows of something are of.

    Parameters
    ----------
    rows
        How many rows there are.
    stored
        Their numbers, indexable; None where there is a row for every frame from 0 on.
    where
        What has these rows, for messages.
    """

    def __init__(self, rows: int, stored: Any = None, where: str = "") -> None:
        self._where = where
        self.rows = rows if stored is None else min(rows, len(stored))
        self._stored = stored

    def behind(self, frame: int, rows: int) -> int | None:
        """Return the number of the frame behind so many rows from a frame on, None at the end."""
        row = self.first_row(frame) + rows
        if row >= self.rows:
            return None
        found = row if self._stored is None else int(self._stored[row])
        if found <= frame:
            raise self._fallen()
        return found

    @property
    def every(self) -> bool:
        """Whether there is a row for every frame."""
        return self._stored is None

    @property
    def stop(self) -> int:
        """The number behind the last one."""
        if self._stored is None or not self.rows:
            return self.rows
        return int(self._stored[self.rows - 1]) + 1

    @property
    def start(self) -> int:
        """The first number; 0 where there is none."""
        return int(self._stored[0]) if self._stored is not None and self.rows else 0

    def first_row(self, frame: int) -> int:
        """Return the first row of a frame of this number or a later one."""
        if self._stored is None:
            return min(max(frame, 0), self.rows)
        return bisect_left(self._stored, frame, 0, self.rows)

    def numbers(self, start: int = 0, stop: int | None = None) -> Numbers:
        """Return the numbers of the rows start:stop."""
        end = self.rows if stop is None else min(stop, self.rows)
        if self._stored is None:
            return np.arange(start, max(end, start), dtype=np.int64)
        found = np.asarray(self._stored[start:end], np.int64)
        if len(found) and (found[0] < 0 or (found[1:] <= found[:-1]).any()):
            raise self._fallen()
        return found

    def selected(self, start: int, stop: int, step: int) -> slice | Numbers:
        """Return the rows of the frames ``range(start, stop, step)``: a slice, or their numbers."""
        if self._stored is None:
            return slice(start, max(min(stop, self.rows), start), step)
        first, last = self.first_row(start), self.first_row(stop)
        if step == 1:
            return slice(first, last, 1)
        numbers = self.numbers(first, last)
        return first + np.flatnonzero((numbers - start) % step == 0)

    def _fallen(self) -> FormatError:
        return FormatError(f"{self._where}: the numbers of the frames of its rows do not rise")
