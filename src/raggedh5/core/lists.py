"""Lists of Python objects to flat values and offsets, and back."""

from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from raggedh5.core.arrays import as_numpy
from raggedh5.core.flat import join_values
from raggedh5.core.kept import Offsets, kept_from_lengths
from raggedh5.errors import SchemaError

__all__ = ["flatten_lists", "split_lists"]

Array = npt.NDArray[Any]


def flatten_lists(
    rows: Sequence[Any], dtype: npt.DTypeLike | None, levels: int
) -> tuple[Array, list[Offsets]]:
    """Return the values of lists within lists, and the offsets of each level, outermost first.

    Raises
    ------
    SchemaError
        Naming the first row that is no list; or if the items have no common dtype and shape.
    """
    if levels < 1:
        raise SchemaError(f"rows of items have at least one level, not {levels}")
    offsets = []
    for _ in range(levels - 1):
        offsets.append(_offsets_of(rows))
        rows = list(chain.from_iterable(rows))
    offsets.append(_offsets_of(rows))
    if all(type(row) is list or type(row) is tuple for row in rows):
        values = _values_of(list(chain.from_iterable(rows)), dtype)
    else:
        values = _joined(rows, dtype)
    return values, offsets


def split_lists(flat: list[Any], levels: list[Offsets]) -> list[Any]:
    """Cut a flat list into lists within lists, by the offsets of each level, outermost first."""
    for offsets in reversed(levels):
        flat = [flat[start:stop] for start, stop in pairwise(offsets.tolist())]
    return flat


def _offsets_of(rows: Sequence[Any]) -> Offsets:
    for row, items in enumerate(rows):
        if isinstance(items, (str, bytes)) or not hasattr(items, "__len__"):
            raise SchemaError(f"row {row} is {type(items).__name__}, not a list of items")
    return kept_from_lengths(np.fromiter(map(len, rows), np.int64, len(rows))).offsets


def _values_of(items: list[Any], dtype: npt.DTypeLike | None) -> Array:
    """Return one array of items: an object array if they are strings."""
    if any(item is None or isinstance(item, (str, bytes)) for item in items):
        for item in items:
            if not (item is None or isinstance(item, (str, bytes))):
                raise SchemaError(f"{item!r} among strings")
        strings = np.empty(len(items), object)
        strings[:] = items
        return strings if dtype is None else strings.astype(dtype)
    try:
        values = np.asarray(items, dtype)
    except (ValueError, OverflowError, TypeError) as error:
        raise SchemaError(
            f"the items have no common dtype and shape ({error}); lists within rows take levels=2"
        ) from error
    if values.dtype.kind == "O" and dtype is None:
        raise SchemaError("the items have no common dtype: they are neither numbers nor strings")
    return values


def _joined(rows: Sequence[Any], dtype: npt.DTypeLike | None) -> Array:
    """Return the items of rows some of which are arrays."""
    arrays = [
        _values_of(list(row), None) if type(row) is list or type(row) is tuple else as_numpy(row)
        for row in rows
        if len(row) or hasattr(row, "dtype")
    ]
    # An array without items tells the shape of items only if it has more than one axis.
    telling = [array for array in arrays if len(array) or array.ndim > 1] or arrays[:1]
    if not telling:
        return np.empty(0, dtype)
    values = join_values(telling)
    return values if dtype is None else values.astype(dtype, copy=False)
