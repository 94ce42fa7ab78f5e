"""A field with a value for each particle, where their number varies."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.ragged import Ragged
from raggedh5.formats.trajectory.reading.field_of_frames import FieldOfFrames
from raggedh5.formats.trajectory.reading.frames import Frames

__all__ = ["RaggedField"]

Numbers = NDArray[np.int64]

BLOCK = 1 << 10
"""Frames that are read at once."""


class RaggedField(FieldOfFrames):
    """A field of the particles.

    Attributes
    ----------
    name : str
        Its name, as ``"coordinates/unwrapped"``.
    units : str or None
        What its values are measured in.
    precision : float or None
        The absolute error with which it was stored, None where there is none.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[Any], Ragged],
        frames: Frames,
        n_frames: int,
        dtype: np.dtype[Any],
        inner: tuple[int, ...],
        units: str | None,
        precision: float | None = None,
    ) -> None:
        super().__init__(name, frames, n_frames, units, precision)
        self._read = read
        self._dtype = dtype
        self._inner = inner

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy dtype."""
        return self._dtype

    @property
    def inner(self) -> tuple[int, ...]:
        """Shape of the value of a particle."""
        return self._inner

    def __repr__(self) -> str:
        """Say what the field is."""
        return f"<raggedh5 trajectory field {self.name!r}: {len(self)} rows of particles>"

    def __getitem__(self, rows: Any) -> Any:
        """Read rows: of one row an array (n, *inner), of several a `Ragged`."""
        if isinstance(rows, int | np.integer):
            row = int(rows) + (len(self) if rows < 0 else 0)
            if not 0 <= row < len(self):
                raise IndexError(f"{self.name} has {len(self)} rows, and no row {rows}")
            return self._read(slice(row, row + 1))[0]
        return self._read(np.arange(len(self))[rows])

    def read(self, start: int = 0, stop: int | None = None, step: int = 1) -> Ragged:
        """Read the frames ``range(start, stop, step)``, as far as they have the field.

        Parameters
        ----------
        start, stop
            Numbers of frames; from the end if they are negative.
        step
            Which of them, 1 or more.
        """
        rows = self._frames.selected(*self._bounds(start, stop, step), step)
        return self._read(rows if isinstance(rows, np.ndarray) or step == 1 else _numbers(rows))

    def blocks(self, start: int = 0, stop: int | None = None, step: int = 1) -> Iterator[Ragged]:
        """Read the same piece by piece."""
        first, last = self._bounds(start, stop, step)
        for begin in range(first, last, BLOCK * step):
            rows = self.read(begin, min(begin + BLOCK * step, last), step)
            if len(rows):
                yield rows

    def scaled(self, factor: float, units: str | None) -> "RaggedField":
        """Return the field with its values multiplied when they are read, as float64."""

        def read(rows: Any) -> Ragged:
            found = self._read(rows)
            return Ragged(np.multiply(found.values, factor, dtype=np.float64), found.offsets)

        precision = None if self.precision is None else self.precision * factor
        dtype = np.dtype(np.float64)
        return RaggedField(
            self.name, read, self._frames, self._n_frames, dtype, self._inner, units, precision
        )

    def rows_of(self, start: int, stop: int) -> tuple[Ragged, Numbers]:
        """Return the rows of the frames start:stop, and their numbers."""
        first, last = self._frames.first_row(start), self._frames.first_row(stop)
        return self._read(slice(first, last)), self._frames.numbers(first, last)


def _numbers(rows: slice) -> Numbers:
    return np.arange(rows.start, rows.stop, rows.step)
