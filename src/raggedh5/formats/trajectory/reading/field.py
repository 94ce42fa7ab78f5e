"""One field of a trajectory: rows of numbers, read when they are asked for."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.frames import FieldRows
from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory.reading.field_of_frames import FieldOfFrames
from raggedh5.formats.trajectory.reading.frames import Frames
from raggedh5.formats.trajectory.reading.rows import RowReader, ScaledRows

__all__ = ["TrajectoryField"]

Values = NDArray[Any]
Numbers = NDArray[np.int64]


class TrajectoryField(FieldOfFrames):
    """A field of fixed shape.

    Nothing is read before it is indexed. Only the chunks that hold what is asked for are
    decompressed, on all cores.

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
        rows: RowReader,
        frames: Frames,
        n_frames: int,
        units: str | None,
        precision: float | None = None,
    ) -> None:
        super().__init__(name, frames, n_frames, units, precision)
        self._rows = rows

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy dtype."""
        return self._rows.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape as it is stored: coordinates are (rows, n_species * 3)."""
        return (self._frames.rows, *self._rows.shape)

    @property
    def n_species(self) -> int | None:
        """Number of species of coordinates; None for any other field."""
        vectors = self.name.startswith("coordinates/")
        return math.prod(self._rows.shape) // 3 if vectors else None

    def __repr__(self) -> str:
        """Say what the field is."""
        unit = f" in {self.units}" if self.units else ""
        return (
            f"<raggedh5 trajectory field {self.name!r}: {self.dtype} of shape {self.shape}{unit}>"
        )

    def __getitem__(self, selection: Any) -> Any:
        """Read rows, as h5py does; a new array."""
        return self._rows.select(selection, self._frames.rows)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Values:
        """Read everything, for `numpy.asarray`."""
        if copy is False:
            raise ValueError("a field in a file cannot be had without a copy")
        values: Values = np.asarray(self[:])
        return values.astype(dtype or self.dtype, copy=False)

    def read(
        self,
        start: int = 0,
        stop: int | None = None,
        step: int = 1,
        species: int | Sequence[int] | slice | NDArray[Any] | None = None,
    ) -> Values:
        """Read the frames ``range(start, stop, step)``, as far as they have the field.

        Parameters
        ----------
        start, stop
            Numbers of frames; from the end if they are negative.
        step
            Which of them, 1 or more.
        species
            Which species of coordinates: numbers, a slice, or bool (n_species,).

        Returns
        -------
        ndarray
            Coordinates ``(rows, n_species, 3)``; anything else ``(rows, *shape)``. A new array.

        Raises
        ------
        SchemaError
            If `species` are asked for of another field, or there are no such.
        """
        start, stop = self._bounds(start, stop, step)
        return self._read(self._frames.selected(start, stop, step), self._species(species))

    def blocks(
        self,
        start: int = 0,
        stop: int | None = None,
        step: int = 1,
        species: int | Sequence[int] | slice | NDArray[Any] | None = None,
        block_bytes: int = 1 << 23,
    ) -> Iterator[Values]:
        """Read the same piece by piece: arrays as `read` returns, of about `block_bytes` each."""
        start, stop = self._bounds(start, stop, step)
        chosen = self._species(species)
        row_bytes = self.dtype.itemsize * int(np.prod(self._rows.shape, dtype=np.int64))
        frames = max(block_bytes // max(row_bytes, 1), 1) * step
        first = start
        while first < stop:
            end = min(first + frames, stop)
            values = self._read(self._frames.selected(first, end, step), chosen)
            if len(values):
                yield values
            first = end

    def rows_of(self, start: int, stop: int) -> FieldRows:
        """Return the rows of the frames start:stop as they are stored, and their numbers."""
        first, last = self._frames.first_row(start), self._frames.first_row(stop)
        return FieldRows(self._rows.read(slice(first, last, 1)), self._frames.numbers(first, last))

    def scaled(self, factor: float, units: str | None) -> "TrajectoryField":
        """Return the field with its values multiplied when they are read, as float64.

        Parameters
        ----------
        factor
            What they are multiplied by, above zero.
        units
            What they are measured in then.
        """
        precision = None if self.precision is None else self.precision * factor
        return TrajectoryField(
            self.name,
            ScaledRows(self._rows, factor),
            self._frames,
            self._n_frames,
            units,
            precision,
        )

    def _species(self, species: Any) -> Any:
        if species is None:
            return None
        count = self.n_species
        if count is None:
            raise SchemaError(f"{self.name} has no species")
        try:
            return np.atleast_1d(np.arange(count)[species])
        except IndexError as error:
            raise SchemaError(f"{self.name} has {count} species: {error}") from error

    def _read(self, rows: slice | Numbers, species: Any) -> Values:
        count = self.n_species
        if count is None:
            return self._rows.read(rows)
        if species is None:
            values = self._rows.read(rows)
            return values.reshape(len(values), count, 3)
        if not len(species):
            return np.empty((len(self._rows.read(rows)), 0, 3), self.dtype)
        low, high = int(species.min()), int(species.max()) + 1
        each = 3 if len(self._rows.shape) == 1 else 1  # others store (rows, n_species, 3)
        values = self._rows.read(rows, slice(each * low, each * high))
        values = values.reshape(len(values), high - low, 3)
        if np.array_equal(species, np.arange(low, high)):
            return values
        return values[:, species - low]
