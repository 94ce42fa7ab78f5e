"""Numbers of 64 bits to half of that, where they fit."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.casting import to_dtype
from raggedh5.errors import SchemaError

__all__ = ["reduced_dtype", "reduced_values"]

Array = NDArray[Any]

HALVES = {"f8": "f4", "i8": "i4", "u8": "u4", "c16": "c8"}


def reduced_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of half the size; other dtypes as they are.

    Examples
    --------
    >>> reduced_dtype(np.dtype("f8")), reduced_dtype(np.dtype("i2"))
    (dtype('float32'), dtype('int16'))
    """
    return np.dtype(HALVES.get(dtype.str[1:], dtype))


def reduced_values(values: Array, kept: Array | None, name: str, first_row: int) -> Array:
    """Convert values to `reduced_dtype`.

    Parameters
    ----------
    values
        Shape (rows, ...).
    kept
        bool (rows, width) for padded values: what stands elsewhere may not fit.
    name
        What the values are called in an error.
    first_row
        Number of the first row.

    Raises
    ------
    SchemaError
        If a float would become infinite or an integer another number, naming the row.

    Examples
    --------
    >>> reduced_values(np.array([1.5, 2.5]), None, "energy", 0).dtype
    dtype('float32')
    """
    dtype = reduced_dtype(values.dtype)
    if dtype == values.dtype:
        return values
    converted, lost = to_dtype(values, dtype)
    if lost.any():
        if kept is not None:
            lost &= kept.reshape(kept.shape + (1,) * (lost.ndim - 2))
        at = np.argwhere(lost)
        if len(at):
            row = first_row + int(at[0][0])
            raise SchemaError(
                f"{name!r}, row {row}: {values[tuple(at[0])]} does not fit {dtype}; pack it "
                "without --reduce"
            )
    return converted
