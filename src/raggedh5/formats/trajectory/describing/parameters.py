"""Entries that a simulation adds of its own: numbers, texts and small arrays of them."""

import math
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.formats.trajectory.describing.values import LARGEST, check_size, text, wrong

__all__ = ["Parameter", "parameter", "parameter_name", "plain", "same"]

Parameter = bool | int | float | str | NDArray[Any]

_WANTED = f"a number, a text, or an array of at most {LARGEST} of one kind of them"


def parameter_name(name: object) -> str:
    """Return the name of an entry, which HDF5 can have for an attribute or a dataset."""
    checked = text("the name of an entry", name)
    if not checked or "/" in checked or checked in (".", ".."):
        raise wrong("the name of an entry", name, "a text without '/', other than '', '.' and '..'")
    return checked


def parameter(name: str, value: object) -> Parameter:
    """Return a value in the one form that JSON and HDF5 give back alike.

    Whole numbers are of 64 bits, others float64; an array without values is float64 of shape (0,).
    Arrays of texts are arrays of objects. Arrays are copies.

    Raises
    ------
    SchemaError
        If it is nothing of the kind.
    """
    if isinstance(value, np.ndarray | list | tuple):
        array = _array(name, value)
        return array if array.ndim else parameter(name, array.item())
    if isinstance(value, str):
        return text(name, value)
    if isinstance(value, bool | np.bool_):
        return bool(value)
    try:
        if isinstance(value, numbers.Integral):
            found = int(value)
            if -(2**63) <= found < 2**64:
                return found
        elif isinstance(value, numbers.Real):
            return float(value)
    except OverflowError as error:
        raise wrong(name, value, _WANTED) from error
    raise wrong(name, value, _WANTED)


def _array(name: str, value: Any) -> NDArray[Any]:
    check_size(name, value)
    try:
        # Objects keep what each value was: NumPy makes 1.0 of True beside 0.5, and texts of all.
        objects = np.array(value, dtype=object)
    except ValueError as error:  # arrays that only begin alike
        raise wrong(name, value, _WANTED) from error
    flat = [parameter(name, _scalar(name, item)) for item in objects.flat]
    if len({_kind(item) for item in flat}) > 1:
        raise wrong(name, value, _WANTED)
    try:
        array = np.array(flat, _dtype(flat))
    except OverflowError as error:  # some are below zero, others above int64
        raise wrong(name, value, _WANTED) from error
    array = array.reshape(objects.shape if flat else (0,))
    array.flags.writeable = False
    return array


def _scalar(name: str, item: object) -> object:
    if isinstance(item, np.ndarray | list | tuple):
        raise wrong(name, item, _WANTED)
    return item


def _kind(item: object) -> type[Any]:
    return float if isinstance(item, int) and not isinstance(item, bool) else type(item)


def _dtype(flat: list[Any]) -> type[Any]:
    kinds = {type(item) for item in flat}
    if kinds == {int}:
        return np.int64 if max(flat) < 2**63 else np.uint64
    return object if kinds == {str} else np.bool_ if kinds == {bool} else np.float64


def plain(name: str, value: Any) -> Any:
    """Return what HDF5 holds as NumPy and Python have it: texts for bytes, scalars for 0-d arrays.

    Parameters
    ----------
    name, value
        An attribute, an array or a dataset. What is none of what a description has stays as it is,
        to be refused.

    Raises
    ------
    SchemaError
        If there are too many values, which are not read then.
    """
    check_size(name, value)
    if getattr(value, "shape", None) is not None and not np.isscalar(value):
        array = np.asarray(value)
        if array.ndim == 0:
            return plain(name, array.item())
        if array.dtype.kind in "SO":
            texts = np.empty(array.size, object)
            texts[:] = [plain(name, item) for item in array.flat]
            return texts.reshape(array.shape)
        return array
    if isinstance(value, bytes):
        return value.decode(errors="surrogateescape")  # refused as a text, by its name
    return value


def same(left: Any, right: Any) -> bool:
    """Return whether two values have one type, dtype and shape, and are equal, as NaN is to NaN."""
    if type(left) is not type(right):
        return False
    if isinstance(left, np.ndarray):
        return (
            left.dtype == right.dtype
            and left.shape == right.shape
            and all(same(*pair) for pair in zip(left.flat, right.flat, strict=True))
        )
    if isinstance(left, Mapping):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, float) and math.isnan(left):
        return math.isnan(right)
    return bool(left == right)
