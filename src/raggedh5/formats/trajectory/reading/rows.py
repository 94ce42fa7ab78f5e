"""Rows of numbers in either format: what reads them."""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from raggedh5.errors import FormatError
from raggedh5.store.array import Array

__all__ = ["HDF5Rows", "NPYRows", "RowReader", "check_rows", "open_npy"]

Values = NDArray[Any]
Rows = slice | NDArray[np.int64]

SPARSE = 4
"""From one row in so many on, rows are read one by one."""


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
        everything = columns == slice(None)
        if isinstance(rows, slice) and rows.step >= SPARSE and self.shape:
            rows = np.arange(rows.start, rows.stop, rows.step)
        if everything:
            values: Values = self._array[rows]
        elif isinstance(rows, slice):
            values = self._array[rows, columns]
        else:
            values = self._array[rows][:, columns]
        return values

    def select(self, selection: Any, count: int) -> Any:
        """See `RowReader`."""
        if count < len(self._array):  # of some, a kill has left no frame number
            return self._array[:count][selection]
        return self._array[selection]


class NPYRows:
    """Rows of a ``.npy`` file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values = open_npy(path)
        self.dtype = self._values.dtype
        self.shape = self._values.shape[1:]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._values)

    def read(self, rows: Rows, columns: slice = slice(None)) -> Values:
        """See `RowReader`."""
        values = self._values[rows]
        return np.array(values if columns == slice(None) else values[:, columns])

    def select(self, selection: Any, count: int) -> Any:
        """See `RowReader`."""
        return np.array(self._values[:count][selection])[()]


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
