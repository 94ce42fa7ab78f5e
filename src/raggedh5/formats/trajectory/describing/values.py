"""Values of single entries: of the system, of the time, of the program."""

import math
import numbers
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory.configuring.values import shown

__all__ = [
    "LARGEST",
    "axes",
    "check_size",
    "count",
    "counts",
    "matrix",
    "moment",
    "periodic",
    "quantity",
    "seed",
    "text",
    "wrong",
]

LARGEST = 1 << 16
"""Values of an array at the most: the description is kept as JSON, too."""

SEEDS = range(-(2**63), 2**64)
"""Whole numbers that HDF5 has a type for."""


def wrong(name: str, value: object, wanted: str) -> SchemaError:
    """Return the error for an entry that does not fit."""
    return SchemaError(f"{name} is {shown(value)}; it is to be {wanted}")


def check_size(name: str, value: Any) -> None:
    """Refuse an array, a dataset or a list of too many values before it is read or copied.

    Lists may be in each other, and the same one twice: counting ends where there are too many.
    """
    size = getattr(value, "size", 0)
    found = int(size) if isinstance(size, numbers.Integral) else 0
    pending = [value]
    while pending and found <= LARGEST:
        item = pending.pop()
        if isinstance(item, list | tuple):
            found += len(item)
            pending.extend(item)
    if found > LARGEST:
        raise SchemaError(f"{name} has more than {LARGEST} values; it is to be a smaller array")


def text(name: str, value: object) -> str:
    """Return a text that HDF5 and JSON can keep."""
    if not isinstance(value, str) or "\0" in value:
        raise wrong(name, value, "a text without a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise wrong(name, value, "a text without lone surrogates") from error
    return str(value)


def moment(name: str, value: object) -> str:
    """Return a moment in ISO 8601; one of datetime gets the local UTC offset where it has none."""
    if isinstance(value, datetime):
        return (value if value.tzinfo is not None else value.astimezone()).isoformat()
    wanted = "a date and time in ISO 8601, such as 2026-01-31T12:00:00+00:00"
    if not isinstance(value, str):
        raise wrong(name, value, wanted)
    try:
        datetime.fromisoformat(value)
    except ValueError as error:
        raise wrong(name, value, wanted) from error
    return text(name, value)


def quantity(name: str, value: object) -> float:
    """Return a finite number that is not negative."""
    wanted = "a finite number, not negative"
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise wrong(name, value, wanted)
    try:
        found = float(value)
    except OverflowError as error:
        raise wrong(name, value, wanted) from error
    if not math.isfinite(found) or found < 0:
        raise wrong(name, value, wanted)
    return found


def seed(name: str, value: object) -> int:
    """Return a whole number of 64 bits."""
    if not isinstance(value, bool) and isinstance(value, numbers.Integral):
        found = int(value)
        if found in SEEDS:
            return found
    raise wrong(
        name, value, "a whole number of 64 bits; keep a longer one as a text, by another name"
    )


def count(name: str, value: object) -> int:
    """Return a whole number that is not negative."""
    if not isinstance(value, bool) and isinstance(value, numbers.Integral):
        found = int(value)
        if 0 <= found < 2**63:
            return found
    raise wrong(name, value, "a whole number, not negative")


def matrix(name: str, value: object) -> NDArray[np.float64]:
    """Return finite numbers, float64 of shape (3, 3)."""
    wanted = "finite numbers of shape (3, 3), one lattice vector a row"
    array = _array(name, value, "iuf", wanted)
    with np.errstate(over="ignore"):  # of longer floats; they are infinite then
        array = array.astype(np.float64)
    if array.shape != (3, 3) or not np.isfinite(array).all():
        raise _misshapen(name, array, value, wanted)
    return _kept(array, np.float64)


def periodic(name: str, value: object) -> NDArray[np.bool_]:
    """Return true or false for three axes, bool of shape (3,); a single one is for all of them."""
    wanted = "true or false for each of three axes"
    array = _array(name, value, "biu", wanted)
    if array.shape not in ((), (3,)) or not np.isin(array, (0, 1)).all():
        raise _misshapen(name, array, value, wanted)
    return _kept(np.broadcast_to(array, 3), np.bool_)


def axes(name: str, value: object) -> NDArray[np.int64]:
    """Return a whole number of 1 or more for three axes, int64 of shape (3,)."""
    wanted = "three whole numbers of 1 or more"
    array = _array(name, value, "iu", wanted)
    if array.shape != (3,) or array.min() < 1 or array.max() >= 2**63:
        raise _misshapen(name, array, value, wanted)
    return _kept(array, np.int64)


def counts(name: str, value: object) -> NDArray[np.int64]:
    """Return a whole number for each kind, int64 of shape (kinds,); a single one is of one kind."""
    wanted = "a whole number for each kind of species, not negative"
    array = _array(name, value, "iu", wanted)
    array = array.reshape(1) if array.ndim == 0 else array
    if array.ndim != 1 or array.min(initial=0) < 0 or array.max(initial=0) >= 2**63:
        raise _misshapen(name, array, value, wanted)
    return _kept(array, np.int64)


def _array(name: str, value: object, kinds: str, wanted: str) -> NDArray[Any]:
    check_size(name, value)
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise wrong(name, value, wanted) from error
    if array.size and array.dtype.kind not in kinds:
        raise wrong(name, value, wanted)
    return array if array.size else array.astype(np.int64)


def _misshapen(name: str, array: NDArray[Any], value: object, wanted: str) -> SchemaError:
    return wrong(f"{name} (of shape {array.shape})", value, wanted)


def _kept(array: NDArray[Any], dtype: type[Any]) -> NDArray[Any]:
    """Return a copy that nobody changes."""
    copy = np.array(array, dtype)
    copy.flags.writeable = False
    return copy
