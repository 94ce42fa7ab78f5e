"""Rows of numbers in either format: what reads them."""

import math
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from raggedh5.errors import FormatError
from raggedh5.store.array import Array

__all__ = ["HDF5Rows", "NPYRows", "RowReader", "ScaledRows", "check_rows", "open_npy"]

Values = NDArray[Any]
Rows = slice | NDArray[np.int64]

WINDOW = 1 << 25
"""Bytes of rows that are decoded at once where only some of them are wanted."""


class RowReader(Protocol):
    """Rows of a dataset."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Their dtype."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a row."""

    def read(self, rows: Rows, columns: slice = slice(None)) -> Values:
        """Return rows, a slice of them or by number, or columns of theirs; a new array."""

    def select(self, selection: Any, count: int) -> Any:
        """Return what stands in brackets, of the first `count` rows; a new array."""


class HDF5Rows:
    """Rows of an array in an HDF5 file."""

    def __init__(self, array: Array) -> None:
        self._array = array
        self.dtype = array.dtype
        self.shape = array.shape[1:]

    def read(self, rows: Rows, columns: slice = slice(None)) -> Values:
        """See `RowReader`."""
        if not isinstance(rows, slice):
            values: Values = self._array[rows]
            return values if columns == slice(None) else values[:, columns]
        if rows.step == 1:
            return self._run(rows.start, rows.stop, columns)
        chunks = self._array.chunks
        if chunks is not None and rows.step >= chunks[0]:  # there is no need of every chunk
            return self.read(np.arange(rows.start, rows.stop, rows.step), columns)
        return self._every(rows, columns)

    def _run(self, start: int, stop: int, columns: slice) -> Values:
        rows = slice(start, stop)
        values: Values = self._array[rows if columns == slice(None) else (rows, columns)]
        return values

    def _every(self, rows: slice, columns: slice) -> Values:
        """Read some rows of every chunk: to decode whole runs is quicker than to pick them."""
        count = len(range(rows.start, rows.stop, rows.step))
        row_bytes = self.dtype.itemsize * math.prod(self.shape)
        window = max(WINDOW // max(row_bytes * rows.step, 1), 1) * rows.step
        shape = self._run(rows.start, rows.start, columns).shape[1:]
        out = np.empty((count, *shape), self.dtype)
        at = 0
        for first in range(rows.start, rows.stop, window):
            part = self._run(first, min(first + window, rows.stop), columns)[:: rows.step]
            out[at : at + len(part)] = part
            at += len(part)
        return out

    def select(self, selection: Any, count: int) -> Any:
        """See `RowReader`."""
        if count < len(self._array):  # of some, a kill has left no frame number
            return self._array[:count][selection]
        return self._array[selection]


class NPYRows:
    """Rows of a ``.npy`` file.

    Parameters
    ----------
    path
        The file.
    flat
        Whether rows of vectors, (n, 3), are made flat, (n * 3,), as coordinates are.
    """

    def __init__(self, path: Path, flat: bool = False) -> None:
        self._path = path
        self._values = open_npy(path)
        self.dtype = self._values.dtype
        self.shape = self._values.shape[1:]
        self._flat = flat and len(self.shape) == 2 and self.shape[1] == 3
        if self._flat:
            self.shape = (3 * self.shape[0],)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._values)

    def read(self, rows: Rows, columns: slice = slice(None)) -> Values:
        """See `RowReader`."""
        values = self._flattened(self._values[rows])
        return np.array(values if columns == slice(None) else values[:, columns])

    def select(self, selection: Any, count: int) -> Any:
        """See `RowReader`."""
        return np.array(self._flattened(self._values[:count])[selection])[()]

    def _flattened(self, values: Values) -> Values:
        return values.reshape(len(values), *self.shape) if self._flat else values


class ScaledRows:
    """Rows of another reader, multiplied by a factor: float64."""

    dtype: np.dtype[Any] = np.dtype(np.float64)

    def __init__(self, rows: RowReader, factor: float) -> None:
        self._rows = rows
        self._factor = factor
        self.shape = rows.shape

    def read(self, rows: Rows, columns: slice = slice(None)) -> Values:
        """See `RowReader`."""
        return np.multiply(self._rows.read(rows, columns), self._factor, dtype=np.float64)

    def select(self, selection: Any, count: int) -> Any:
        """See `RowReader`."""
        return np.multiply(self._rows.select(selection, count), self._factor, dtype=np.float64)


def check_rows(path: str, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    """Refuse what cannot be the rows of a field.

    Raises
    ------
    FormatError
        If these are no numbers, or coordinates that are no vectors of three.
    """
    if dtype.kind not in "biufc":
        raise FormatError(f"{path} is no field of frames: it holds {dtype}, and not numbers")
    if name.startswith("coordinates/"):
        flat = len(shape) == 1 and shape[0] % 3 == 0
        if not flat and (len(shape) != 2 or shape[1] != 3):
            raise FormatError(
                f"{path} holds no coordinates: rows are (n_species * 3,) or (n_species, 3), not "
                f"{shape}"
            )
        if dtype.kind not in "iuf":
            raise FormatError(f"{path} holds no coordinates, but {dtype}")


def open_npy(path: Path) -> Values:
    """Return the array of a ``.npy`` file, mapped into memory.

    Raises
    ------
    FormatError
        If it is none, holds objects, or ends too early.
    """
    try:
        with path.open("rb") as file:  # NumPy reads archives and pickles by the same function
            np.lib.format.read_magic(file)
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, OverflowError) as error:
        raise FormatError(f"{path} cannot be read: {error}") from error
    if values.ndim == 0:
        raise FormatError(f"{path} holds no rows")
    found: Values = values.view(np.ndarray)
    return found
