"""Item ranges of one column as a padded array."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.ragged import Ragged
from raggedh5.store.field_readers import NumberReader

__all__ = ["padded_field"]

Indices = NDArray[np.int64]


def padded_field(field: Any, starts: Indices, stops: Indices, width: int, fill: Any) -> Any:
    """Return the items of ranges as rows of `width` places.

    Numbers are read straight to their places. Strings make an array of StringDType, values that
    may be missing a masked array, nested columns an array (rows, width, longest list, *inner)
    and its mask.
    """
    if isinstance(field, NumberReader):
        return field.padded(starts, stops, width, fill)
    flat = field.gather(starts, stops)
    mask = np.arange(width) < (stops - starts)[:, None]
    if isinstance(flat, Ragged):
        inner, inner_mask = flat.to_padded(fill=fill)
        out = np.full((*mask.shape, *inner.shape[1:]), fill, inner.dtype)
        out[mask] = inner
        there = np.zeros((*mask.shape, inner_mask.shape[1]), np.bool_)
        there[mask] = inner_mask
        return out, there
    if isinstance(flat, np.ma.MaskedArray):
        values = np.full((*mask.shape, *flat.shape[1:]), fill, flat.dtype)
        missing = np.zeros(values.shape, np.bool_)
        values[mask] = flat.data
        missing[mask] = flat.mask
        return np.ma.MaskedArray(values, missing)
    out = np.zeros(mask.shape, flat.dtype)  # empty strings, and many times sooner than by `full`
    if isinstance(fill, str) and fill:
        out[~mask] = fill
    out[mask] = flat
    return out
