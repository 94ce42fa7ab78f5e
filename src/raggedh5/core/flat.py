"""What is done to flat values of every kind: numbers, strings, and masked arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from raggedh5.core.kept import Offsets
from raggedh5.core.scattering import gather, scatter
from raggedh5.errors import SchemaError

__all__ = [
    "empty_fill",
    "is_string",
    "join_values",
    "missing_items",
    "pad_values",
    "same_values",
    "take_values",
]

Array = npt.NDArray[Any]


def is_string(dtype: np.dtype[Any]) -> bool:
    """Whether values of a dtype are strings: object arrays hold nothing else here."""
    return dtype.kind in "OUST"


def empty_fill(dtype: np.dtype[Any], fill: Any) -> Any:
    """Return what to fill with: for strings, 0 stands for the empty one."""
    if is_string(dtype) and isinstance(fill, int) and fill == 0:
        return b"" if dtype.kind == "S" else ""
    return fill


def missing_items(values: Array) -> npt.NDArray[np.bool_] | None:
    """Return which items of a masked array are missing, shape (items,); None for other arrays.

    Raises
    ------
    SchemaError
        If only part of an item is missing.
    """
    if not isinstance(values, np.ma.MaskedArray):
        return None
    mask = np.ma.getmaskarray(values)
    inner = tuple(range(1, mask.ndim))
    missing = np.asarray(mask.any(axis=inner))
    partly = missing & ~mask.all(axis=inner)
    if partly.any():
        raise SchemaError(f"item {partly.argmax()}: only part of it is missing")
    return missing


def take_values(values: Array, starts: Offsets, stops: Offsets) -> tuple[Array, Offsets]:
    """Copy ranges of values, in any order; see `gather`."""
    if isinstance(values, np.ma.MaskedArray):
        mask, _ = gather(np.ma.getmaskarray(values), starts, stops)
        data, offsets = gather(values.data, starts, stops)
        return np.ma.MaskedArray(data, mask), offsets
    return gather(values, starts, stops)


def pad_values(
    values: Array, offsets: Offsets, width: int | None, fill: Any
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Copy values to padded rows; see `scatter`."""
    if isinstance(values, np.ma.MaskedArray):
        missing, _ = scatter(np.ma.getmaskarray(values), offsets, width=width, fill=False)
        padded, mask = scatter(values.data, offsets, width=width, fill=fill)
        return np.ma.MaskedArray(padded, missing), mask
    return scatter(values, offsets, width=width, fill=fill)


def join_values(parts: Sequence[Array]) -> Array:
    """Copy values one after the other."""
    inner = {part.shape[1:] for part in parts}
    if len(inner) > 1:
        raise SchemaError(f"items have different shapes: {sorted(inner)}")
    if any(isinstance(part, np.ma.MaskedArray) for part in parts):
        data = np.concatenate([np.ma.getdata(part) for part in parts])
        mask = np.concatenate([np.ma.getmaskarray(part) for part in parts])
        return np.ma.MaskedArray(data, mask)
    return np.concatenate(parts)


def same_values(a: Array, b: Array) -> bool:
    """Whether two arrays have the same dtype, shape and values; NaN equals NaN."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    hidden_a, hidden_b = np.ma.getmaskarray(a), np.ma.getmaskarray(b)
    if not np.array_equal(hidden_a, hidden_b):
        return False
    a, b = np.ma.getdata(a), np.ma.getdata(b)
    with np.errstate(invalid="ignore"):  # of signalling NaN
        same = a == b
    if a.dtype.kind in "fcmM":
        same |= np.isnan(a) & np.isnan(b)
    return bool(np.all(same | hidden_a))
