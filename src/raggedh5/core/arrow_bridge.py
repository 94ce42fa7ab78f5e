"""Flat values and the offsets of their levels as Arrow arrays, and back. PyArrow is optional."""

from typing import Any

import numpy as np
import numpy.typing as npt

from raggedh5.core.flat import is_string, missing_items
from raggedh5.core.kept import Offsets
from raggedh5.errors import SchemaError

__all__ = ["from_arrow", "to_arrow"]

Array = npt.NDArray[Any]


def to_arrow(values: Array, levels: list[Offsets]) -> Any:
    """Return an Arrow array of large lists within large lists; levels come outermost first.

    Raises
    ------
    SchemaError
        If Arrow has no such dtype.
    """
    import pyarrow as pa

    array = _leaf(pa, values)
    for offsets in reversed(levels):
        array = pa.LargeListArray.from_arrays(pa.array(offsets), array)
    return array


def from_arrow(array: Any) -> tuple[Array, list[Offsets]]:
    """Return the values of an Arrow array of lists, and the offsets of its levels.

    Raises
    ------
    SchemaError
        If it is no array of lists, a list is null, or the items are neither numbers, strings nor
        lists.
    """
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if not isinstance(array, pa.Array):
        raise SchemaError(f"an Arrow array is wanted, not {type(array).__name__}")
    levels: list[Offsets] = []
    while True:
        kind = array.type
        if isinstance(array, pa.ExtensionArray):
            array = array.storage
        elif pa.types.is_fixed_size_list(kind) and not levels:
            _refuse_null(array)
            levels.append(np.arange(len(array) + 1, dtype=np.int64) * kind.list_size)
            array = array.flatten()
        elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
            _refuse_null(array)
            offsets = array.offsets.to_numpy().astype(np.int64, copy=False)
            if not len(offsets):  # what Arrow allows for no list at all
                offsets = np.zeros(1, np.int64)
            first = int(offsets[0])
            array = array.values.slice(first, int(offsets[-1]) - first)
            levels.append(offsets - first if first else offsets)
        else:
            break
    if not levels:
        raise SchemaError(f"an Arrow array of type {kind} has no rows of items")
    return _items(pa, array), levels


def _refuse_null(array: Any) -> None:
    if array.null_count:
        row = array.is_null().index(True).as_py()
        raise SchemaError(f"row {row} is null: only the items of a row may be missing")


def _leaf(pa: Any, values: Array) -> Any:
    missing = missing_items(values)
    values = np.ma.getdata(values)
    if is_string(values.dtype):
        kind = pa.large_binary() if values.dtype.kind == "S" else pa.large_string()
        return pa.array(values.tolist(), kind)
    if 0 in values.shape[1:]:
        raise SchemaError(f"Arrow has no items of shape {values.shape[1:]}")
    flat = np.ascontiguousarray(values).reshape(-1)
    try:
        if values.ndim == 1:
            return pa.array(flat, mask=missing)
        array = pa.array(flat)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise SchemaError(f"Arrow has no {values.dtype}: {error}") from error
    for axis in range(values.ndim - 1, 0, -1):
        nulls = None if missing is None or axis > 1 else pa.array(missing)
        array = pa.FixedSizeListArray.from_arrays(array, values.shape[axis], mask=nulls)
    return array


def _items(pa: Any, array: Any) -> Array:
    kind = array.type
    if pa.types.is_dictionary(kind):
        array = array.dictionary_decode()
        kind = array.type
    if pa.types.is_fixed_size_list(kind):
        size = kind.list_size
        inner = _items(pa, array.values.slice(array.offset * size, len(array) * size))
        values = inner.reshape(len(array), size, *inner.shape[1:])
        return _masked(values, array) if array.null_count else values
    if pa.types.is_null(kind) or any(
        name in str(kind).split("[")[0] for name in ("string", "binary")
    ):
        strings = np.empty(len(array), object)
        strings[:] = array.to_pylist()
        return strings
    if not pa.types.is_primitive(kind):
        raise SchemaError(
            f"items of Arrow type {kind} are neither numbers, strings nor lists; of a struct, take "
            "one field at a time"
        )
    if array.null_count:
        return _masked(array.fill_null(_zero(pa, kind)).to_numpy(zero_copy_only=False), array)
    numbers: Array = array.to_numpy(zero_copy_only=False)
    return numbers


def _zero(pa: Any, kind: Any) -> Any:
    return pa.scalar(False) if pa.types.is_boolean(kind) else pa.scalar(0).cast(kind)


def _masked(values: Array, array: Any) -> Array:
    null = array.is_null().to_numpy(zero_copy_only=False)
    mask = np.broadcast_to(null.reshape(len(values), *(1,) * (values.ndim - 1)), values.shape)
    return np.ma.MaskedArray(values, mask.copy())
