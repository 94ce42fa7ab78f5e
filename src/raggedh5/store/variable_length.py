"""Datasets of variable-length values: one array or list of strings for each element."""

from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from raggedh5.errors import FormatError, WriteError

__all__ = [
    "create_variable",
    "element_dtype",
    "element_of",
    "read_variable",
    "variable_dtype",
    "write_variable",
]

TEXT = h5py.string_dtype("utf-8")


def variable_dtype(dtype: Any, *, nested: bool = True) -> np.dtype[Any]:
    """Return the dtype that h5py has for such a dataset.

    Parameters
    ----------
    dtype
        Of the values: a NumPy dtype, or ``"str"``.
    nested
        Whether an element holds a list of these; otherwise it is one string.
    """
    kind = TEXT if dtype == "str" else np.dtype(dtype)
    found: np.dtype[Any] = h5py.vlen_dtype(kind) if nested else kind
    return found


def element_dtype(dataset: Any) -> str | np.dtype[Any] | None:
    """Return the dtype of the values in each element, ``"str"`` for strings; None without such."""
    return element_of(dataset.dtype) if isinstance(dataset, h5py.Dataset) else None


def element_of(dtype: np.dtype[Any]) -> str | np.dtype[Any] | None:
    """Return the same for the dtype that h5py has for a dataset."""
    base = h5py.check_vlen_dtype(dtype)
    if base is str or base is bytes:  # one string
        return None
    if base is None:
        return None
    found: np.dtype[Any] = np.dtype(base)
    return "str" if found.kind == "O" else found


def create_variable(group: h5py.Group, name: str, rows: int, dtype: Any) -> h5py.Dataset:
    """Create a dataset (rows,) of lists of values.

    Raises
    ------
    WriteError
        If it cannot be created.
    """
    try:
        return group.create_dataset(name, (rows,), dtype=variable_dtype(dtype))
    except (OSError, RuntimeError, ValueError) as error:
        raise WriteError(f"{name!r} could not be created: {error}") from error


def read_variable(dataset: h5py.Dataset, first: int, stop: int) -> list[NDArray[Any]]:
    """Return the elements first:stop, an array each; strings as objects of bytes.

    Raises
    ------
    FormatError
        If they cannot be read.
    """
    try:
        return list(dataset[first:stop])
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        raise FormatError(f"{dataset.name}: elements {first}:{stop}: {error}") from error


def write_variable(dataset: h5py.Dataset, first: int, rows: list[Any]) -> None:
    """Write elements from `first` on, an array or a list of strings each.

    Raises
    ------
    WriteError
        If they cannot be written.
    """
    try:
        if element_dtype(dataset) == "str":  # h5py takes lists of strings one by one
            for number, row in enumerate(rows):
                dataset[first + number] = np.array(row, object)
            return
        if len(set(map(len, rows))) == 1:  # h5py takes them for one array of two axes
            for number, row in enumerate(rows):
                dataset[first + number] = row
            return
        elements = np.empty(len(rows), object)
        for number, row in enumerate(rows):
            elements[number] = row
        dataset[first : first + len(rows)] = elements
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        raise WriteError(f"{dataset.name} could not be written: {error}") from error
