"""What happens to items on their way from one dataset into another."""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.casting import check_castable, to_dtype
from raggedh5.errors import FormatError, SchemaError
from raggedh5.store.copying.assembly import Change, Target
from raggedh5.store.reader import Reader

__all__ = ["cast", "recode", "shift", "turn"]

Array = NDArray[Any]


def cast(source: np.dtype[Any], target: np.dtype[Any], name: str, rounding: bool) -> Change | None:
    """Return the change from one dtype to another, None where they are the same.

    Raises
    ------
    SchemaError
        If values of the one cannot be stored as the other; or, by the change, if a value does not
        fit, or would be rounded without `rounding`.
    """
    if source.newbyteorder("=") == target.newbyteorder("="):
        return None
    check_castable(source, target, name)
    return partial(_cast, dtype=target, name=name, rounding=rounding)


def recode(codes: NDArray[np.int32], name: str) -> Change:
    """Return the change to the codes of another dictionary, by what each code becomes there."""
    return partial(_recode, codes=codes, name=name)


def turn(values: Array, first: int) -> Array:
    """Return a mask with the opposite meaning."""
    return np.asarray(values == 0, np.int8)


def shift(
    target: Target, source: Reader | None, start: int, stop: int, by: int, last: bool
) -> None:
    """Append the ends of the lists start:stop of a source, counted from `by` further on.

    The first offset of all, 0, goes before them. Where nothing changes, chunks are copied.
    """
    dtype = target.dtype.newbyteorder("=")
    if target.count == 0 and (source is None or start or by or stop <= start):
        target.put(np.zeros(1, dtype))
    if source is None or stop <= start:
        return
    same = dtype == source.dtype.newbyteorder("=")
    change = None if by == 0 and same else partial(_shift, by=by, dtype=dtype, name=source.name)
    # Without a shift the 0 at the beginning is one of the offsets that are copied.
    target.append(source, start if target.count == 0 else start + 1, stop + 1, change, last)


def _shift(values: Array, first: int, by: int, dtype: np.dtype[Any], name: str) -> Array:
    ends = values.astype(np.int64)
    falls = np.flatnonzero(ends[1:] < ends[:-1])
    if len(falls):
        raise FormatError(f"{name}: offset {first + int(falls[0])}: the offsets fall")
    ends += by
    if len(ends) and int(ends[-1]) > np.iinfo(dtype).max:
        raise SchemaError(f"{name}: offset {ends[-1]} does not fit {dtype}")
    return ends.astype(dtype, copy=False)


def _cast(values: Array, first: int, dtype: np.dtype[Any], name: str, rounding: bool) -> Array:
    converted, lost = to_dtype(values, dtype)
    why = f"does not fit {dtype}"
    if not rounding and not lost.any() and dtype.kind in "fc":
        # Integers are compared as such: a float has too few digits for the largest.
        wide = values.dtype if values.dtype.kind in "biu" else np.result_type(values, dtype)
        with np.errstate(invalid="ignore"):
            lost = (converted.astype(wide) != values) & (values == values)
        why = f"would be rounded in {dtype}; allow rounding if that is meant"
    if lost.any():
        at = tuple(int(i) for i in np.argwhere(lost)[0])
        raise SchemaError(f"column {name!r}, item {first + at[0]}: {values[at]} {why}")
    return converted


def _recode(values: Array, first: int, codes: NDArray[np.int32], name: str) -> Array:
    known = np.asarray(values, np.int64)
    wrong = np.flatnonzero((known < -1) | (known >= len(codes)))
    if len(wrong):
        at = int(wrong[0])
        raise FormatError(
            f"{name}: item {first + at} has code {values[at]}, but the dictionary {len(codes)}"
        )
    if not len(codes):
        return known.astype(np.int32)
    return np.where(known < 0, np.int32(-1), codes[known])
