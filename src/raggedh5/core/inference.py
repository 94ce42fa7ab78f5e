"""What column a batch's values would make, where nobody has said it."""

from typing import Any

import numpy as np

from raggedh5.core.arrays import as_numpy
from raggedh5.core.ragged import Ragged
from raggedh5.core.schema import STRING, Column
from raggedh5.errors import SchemaError

__all__ = ["infer_column", "is_ragged_list", "is_strings"]


def infer_column(
    name: str,
    value: Any,
    ragged: bool,
    lists: tuple[int, ...] | None = None,
    nested: bool = False,
) -> Column:
    """Say what column the values would make.

    Parameters
    ----------
    name
        The column, for messages.
    value
        Values of a batch.
    ragged
        Whether a row holds items.
    lists
        Shape (rows, groups, items) of the batch's mask, where it has three axes.
    nested
        Whether the column has such a mask of its own.

    Raises
    ------
    SchemaError
        If the values have too few axes.
    """
    depth = 2 if ragged else 1
    if is_strings(value):
        return Column(STRING, nullable=_has_null(value))
    if isinstance(value, Ragged):
        if isinstance(value.values, Ragged):
            inner = value.values.values
            return Column(inner.dtype, inner.shape[1:], nested=True)
        nullable = isinstance(value.values, np.ma.MaskedArray)
        return Column(value.values.dtype, value.values.shape[1:], nullable=nullable)
    if isinstance(value, np.ma.MaskedArray):
        return Column(value.dtype, value.shape[depth:], nullable=True)
    if ragged and is_ragged_list(value):
        values = Ragged.from_lists(value).values
        return Column(values.dtype, values.shape[1:])
    array = as_numpy(value)
    if array.ndim < depth:
        wanted = "(rows, width, ...)" if ragged else "(rows, ...)"
        raise SchemaError(f"column {name!r}: shape {array.shape} is not {wanted}")
    if nested or (lists is not None and array.shape[:3] == lists):
        return Column(array.dtype, array.shape[3:], nested=True)
    return Column(array.dtype, array.shape[depth:])


def is_strings(value: Any) -> bool:
    """Whether the values of a column are strings, told by the first that is found."""
    if isinstance(value, Ragged):
        return not isinstance(value.values, Ragged) and value.values.dtype.kind in "UOTS"
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "UOTS"
    if not isinstance(value, (list, tuple)):
        return False
    for row in value:
        if isinstance(row, np.ndarray):
            return is_strings(row)
        for item in row if isinstance(row, (list, tuple)) else (row,):
            if item is not None:
                return isinstance(item, (str, bytes))
    return False


def is_ragged_list(value: Any) -> bool:
    """Whether a value is a list of rows, each a list or an array of its own."""
    return isinstance(value, (list, tuple)) and any(
        isinstance(row, (list, tuple, np.ndarray)) for row in value
    )


def _has_null(value: Any) -> bool:
    if isinstance(value, Ragged):
        value = value.values
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "T":
            return hasattr(value.dtype, "na_object")
        return value.dtype.kind == "O" and any(item is None for item in value.ravel())
    return any(
        item is None
        for row in value
        for item in (row if isinstance(row, (list, tuple)) else (row,))
    )
