"""What of a field is drawn: its components, or what they are like together."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from raggedh5.core.ragged import Ragged
from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory.reading.field import TrajectoryField
from raggedh5.formats.trajectory.reading.ragged_field import RaggedField

__all__ = ["MOST_LINES", "FieldLines", "Piece"]

Floats = npt.NDArray[np.float64]
Piece = tuple[npt.NDArray[np.int64], Floats]
"""Numbers of frames, and the values of each line there: (rows,) and (rows, lines)."""

MOST_LINES = 12
BLOCK_BYTES = 1 << 23
AXES = ("x", "y", "z")
TOGETHER = ("mean", "lowest", "highest")


class FieldLines:
    """The lines that a field is drawn as.

    Few components are a line each. Of many, coordinates are the mean position of their species,
    and any other field is the mean, the lowest and the highest of its components.

    Parameters
    ----------
    field
        The field.
    species
        Which species of coordinates, by default all.

    Attributes
    ----------
    labels : tuple of str
        What the lines are; empty strings where there is only one.

    Raises
    ------
    SchemaError
        If `species` are asked for of another field, or there are no such.
    """

    def __init__(self, field: TrajectoryField | RaggedField, species: Any = None) -> None:
        self._field = field
        self._columns: npt.NDArray[np.int64] | None = None
        self._vectors = field.name.startswith("coordinates/")
        self._together = True
        if isinstance(field, RaggedField) or not self._vectors:
            if species is not None:
                raise SchemaError(f"{field.name} has no species that could be chosen")
            shape = field.inner if isinstance(field, RaggedField) else field.shape[1:]
        else:
            chosen = _chosen(field, species)
            shape = (len(chosen), 3)
            if species is not None:
                self._columns = (3 * chosen[:, None] + np.arange(3)).ravel()
        count = int(np.prod(shape, dtype=np.int64))
        if isinstance(field, TrajectoryField) and count <= MOST_LINES:
            self._together = False
            self.labels = _labels(shape, chosen if self._vectors else None)
        elif self._vectors:
            self.labels = tuple(f"mean {axis}" for axis in AXES)
        else:
            self.labels = TOGETHER

    def pieces(self, start: int, stop: int) -> Iterator[tuple[int, int, Piece]]:
        """Read the frames start:stop piece by piece: first and last frame, and the values."""
        frames = 16
        while start < stop:
            end = min(start + frames, stop)
            nbytes, piece = self._read(start, end)
            yield start, end, piece
            frames = min(max(BLOCK_BYTES * (end - start) // max(nbytes, 1), 1), 64 * frames)
            start = end

    def _read(self, start: int, stop: int) -> tuple[int, Piece]:
        if isinstance(self._field, RaggedField):
            rows, numbers = self._field.rows_of(start, stop)
            return rows.values.nbytes, (numbers, _of_particles(rows, self._vectors))
        values, numbers = self._field.rows_of(start, stop)
        nbytes = values.nbytes
        flat = _real(values).reshape(len(values), -1 if values.size else 0)
        if self._columns is not None and values.size:
            flat = flat[:, self._columns]
        if not self._together:
            return nbytes, (numbers, flat.reshape(len(values), len(self.labels)))
        if self._vectors:
            parts = flat.reshape(len(values), -1, 3).transpose(0, 2, 1)
            means = _statistics(parts.reshape(3 * len(values), -1))[:, 0]
            return nbytes, (numbers, means.reshape(len(values), 3))
        return nbytes, (numbers, _statistics(flat))


def _chosen(field: TrajectoryField, species: Any) -> npt.NDArray[np.int64]:
    every = np.arange(field.n_species or 0)
    if species is None:
        return every
    try:
        return np.atleast_1d(every[species])
    except IndexError as error:
        raise SchemaError(f"{field.name} has {len(every)} species: {error}") from error


def _labels(shape: tuple[int, ...], species: npt.NDArray[np.int64] | None) -> tuple[str, ...]:
    if species is not None:
        return tuple(f"{number} {axis}" for number in species for axis in AXES)
    if int(np.prod(shape, dtype=np.int64)) == 1:
        return ("",)
    return tuple(", ".join(map(str, place)) for place in np.ndindex(*shape))


def _real(values: npt.NDArray[Any]) -> Floats:
    """Return numbers as they are drawn: of complex ones, their magnitude."""
    return np.asarray(np.abs(values) if values.dtype.kind == "c" else values, np.float64)


def _statistics(flat: Floats) -> Floats:
    """Return mean, minimum and maximum of the finite values of each row, NaN where none is."""
    lengths = np.full(len(flat), flat.shape[1], np.int64)
    return _of_rows(flat.reshape(-1), lengths)


def _of_particles(rows: Ragged, vectors: bool) -> Floats:
    """Return the mean position of the particles of each row, or statistics of their values."""
    offsets = rows.offsets
    values = _real(rows.values[offsets[0] : offsets[-1]])
    flat = values.reshape(len(values), -1 if values.size else int(np.prod(values.shape[1:])))
    if vectors:
        return np.stack([_of_rows(flat[:, axis], rows.lengths)[:, 0] for axis in range(3)], axis=1)
    return _of_rows(flat.reshape(-1), rows.lengths * flat.shape[1])


def _of_rows(values: Floats, lengths: Sequence[int] | npt.NDArray[np.int64]) -> Floats:
    """Return mean, minimum and maximum of rows that follow each other, of these lengths."""
    counts = np.asarray(lengths, np.int64)
    out = np.full((len(counts), 3), np.nan)
    some = counts > 0
    starts = (np.cumsum(counts) - counts)[some]
    if len(starts):
        finite = np.isfinite(values)
        known = np.add.reduceat(finite.astype(np.int64), starts)
        with np.errstate(invalid="ignore", over="ignore"):
            means = np.add.reduceat(np.where(finite, values, 0.0), starts) / known
        lowest = np.minimum.reduceat(np.where(finite, values, np.inf), starts)
        highest = np.maximum.reduceat(np.where(finite, values, -np.inf), starts)
        found = np.stack([means, lowest, highest], axis=1)
        out[some] = np.where(known[:, None] > 0, found, np.nan)
    return out
