"""Flat values and the offsets of their levels as Awkward arrays, and back. Awkward is optional."""

from typing import Any

import numpy as np
import numpy.typing as npt

from raggedh5.core.flat import is_string, missing_items
from raggedh5.core.kept import Offsets
from raggedh5.errors import SchemaError

__all__ = ["from_awkward", "to_awkward"]

Array = npt.NDArray[Any]


def to_awkward(values: Array, levels: list[Offsets]) -> Any:
    """Return an Awkward array of lists within lists; levels come outermost first."""
    import awkward as ak

    layout = _leaf(ak, values)
    for offsets in reversed(levels):
        layout = ak.contents.ListOffsetArray(ak.index.Index64(offsets), layout)
    return ak.Array(layout)


def from_awkward(array: Any) -> tuple[Array, list[Offsets]]:
    """Return the values of an Awkward array of lists, and the offsets of its levels.

    Raises
    ------
    SchemaError
        If it is no array of lists, a list is missing, or the items are records or unions.
    """
    import awkward as ak

    layout = ak.to_layout(array)
    levels: list[Offsets] = []
    while True:
        if layout.is_indexed and not layout.is_option:
            layout = layout.project()
        elif layout.is_numpy and layout.purelist_depth > 1 and not levels:
            layout = layout.to_RegularArray()
        elif _is_list(layout) and ((layout.is_list and not layout.is_regular) or not levels):
            lists = layout.to_ListOffsetArray64(True)
            offsets = np.asarray(lists.offsets.data)
            levels.append(offsets)
            layout = lists.content[: int(offsets[-1])]
        else:
            break
    if not levels:
        raise SchemaError(f"an Awkward array of type {layout.form.type} has no rows of items")
    return _items(ak, layout), levels


def _is_list(layout: Any) -> bool:
    return bool(layout.is_list) and not _is_string(layout)


def _is_string(layout: Any) -> bool:
    return layout.parameter("__array__") in ("string", "bytestring")


def _leaf(ak: Any, values: Array) -> Any:
    missing = missing_items(values)
    values = np.ma.getdata(values)
    if is_string(values.dtype):
        # One more string, taken away again: no strings at all would have no type.
        empty = b"" if values.dtype.kind == "S" else ""
        return ak.from_iter([*values.tolist(), empty], highlevel=False)[:-1]
    layout = ak.contents.NumpyArray(np.ascontiguousarray(values))
    if missing is None:
        return layout
    return ak.contents.ByteMaskedArray(
        ak.index.Index8(missing.view(np.int8)), layout, valid_when=False
    )


def _items(ak: Any, layout: Any) -> Array:
    if _is_string(layout.content if layout.is_option else layout):
        strings = np.empty(len(layout), object)
        strings[:] = ak.to_list(layout)
        return strings
    try:
        values: Array = ak.to_numpy(layout)
    except (ValueError, TypeError) as error:
        raise SchemaError(
            f"items of Awkward type {layout.form.type} are neither numbers, strings nor lists"
        ) from error
    if values.dtype.names is not None:
        raise SchemaError("the items are records: take one field at a time")
    return values
