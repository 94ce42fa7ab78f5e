"""Positions wherever they are: fields of a trajectory and arrays, read block by block."""

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from raggedh5.core.arrays import as_numpy
from raggedh5.errors import SchemaError

__all__ = ["Positions", "frames_of", "positions_of", "species_of"]

Array = npt.NDArray[Any]

BLOCK_BYTES = 1 << 23


@runtime_checkable
class Positions(Protocol):
    """What a field of coordinates offers: its stored shape, and blocks (frames, species, 3)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Frames, and the shape in which one is stored: (n_species, 3) or (n_species * 3,)."""
        ...

    def blocks(
        self, start: int = 0, stop: int | None = None, step: int = 1, species: Any = None
    ) -> Iterator[Array]:
        """Yield frames from `start` to `stop`, every `step`-th, of some species or of all."""
        ...


class _ArrayPositions:
    """An array, or a memory map that is not read at once, with the face of a field."""

    def __init__(self, frames: Array) -> None:
        self._frames = frames

    @property
    def shape(self) -> tuple[int, ...]:
        return self._frames.shape

    def blocks(
        self, start: int = 0, stop: int | None = None, step: int = 1, species: Any = None
    ) -> Iterator[Array]:
        chosen = self._frames[start:stop:step]
        of_all = self._frames.nbytes // max(len(self._frames), 1)
        length = max(BLOCK_BYTES // max(of_all, 1), 1)
        for begin in range(0, len(chosen), length):
            block = chosen[begin : begin + length]
            yield block if species is None else block[:, species]


class _RowPositions:
    """A field that some frames lack, whose rows are counted as if they were frames."""

    def __init__(self, field: Any) -> None:
        self._field = field

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self._field.shape
        return shape

    def blocks(
        self, start: int = 0, stop: int | None = None, step: int = 1, species: Any = None
    ) -> Iterator[Array]:
        first, last, _ = slice(start, stop).indices(self.shape[0])
        row_bytes = self._field.dtype.itemsize * max(self.shape[1], 1)
        rows = max(BLOCK_BYTES // row_bytes, 1) * step
        for begin in range(first, last, rows):
            block = frames_of(self._field[begin : min(begin + rows, last) : step])
            yield block if species is None else block[:, species]


def positions_of(positions: Any) -> Positions:
    """Return a field of coordinates as it is, an array in the same guise.

    Of a field that some frames lack, a row counts as a frame.

    Raises
    ------
    SchemaError
        If the shape is neither (frames, n_species, 3) nor (frames, n_species * 3).
    """
    is_array = isinstance(positions, np.ndarray) or not isinstance(positions, Positions)
    source = _ArrayPositions(frames_of(positions)) if is_array else positions
    if getattr(positions, "frames", None) is not None:
        source = _RowPositions(positions)
    _check_shape(source.shape)
    return source


def frames_of(block: Any) -> Array:
    """Return coordinates in any of their two shapes as (frames, n_species, 3), a view if they can.

    Raises
    ------
    SchemaError
        If the shape is another one.
    """
    array = as_numpy(block)
    _check_shape(array.shape)
    return array.reshape(len(array), -1 if array.size else _count(array.shape), 3)


def species_of(positions: Positions, species: Any = None) -> npt.NDArray[np.int64]:
    """Return the numbers of the species that are asked for, of all by default.

    Raises
    ------
    SchemaError
        If `species` is no slice, mask or list of species that there are.
    """
    every = np.arange(_count(positions.shape))
    if species is None:
        return every
    try:
        chosen = every[species if isinstance(species, slice) else np.asarray(species)]
    except IndexError as error:
        raise SchemaError(f"there are {len(every)} species: {error}") from error
    return np.atleast_1d(chosen)


def _count(shape: tuple[int, ...]) -> int:
    return shape[1] if len(shape) == 3 else shape[1] // 3


def _check_shape(shape: tuple[int, ...]) -> None:
    flat = len(shape) == 2 and shape[1] % 3 == 0
    if not flat and (len(shape) != 3 or shape[2] != 3):
        raise SchemaError(
            "coordinates of shape (frames, n_species, 3) or (frames, n_species * 3) are wanted, "
            f"not {shape}"
        )
