"""The values of one field of a batch, as a table takes them."""

from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.arrays import as_numpy
from raggedh5.core.inference import infer_column, is_strings
from raggedh5.core.joined_strings import Joined, text_of
from raggedh5.core.ragged import Ragged
from raggedh5.core.row_messages import where
from raggedh5.core.schema import Column
from raggedh5.errors import SchemaError
from raggedh5.formats.crystal.schema import Field
from raggedh5.formats.crystal.writing.counting import Counts, is_list_of_rows, lengths_of_rows

__all__ = [
    "array_or_lists",
    "column_of",
    "fits_as_it_is",
    "fitted",
    "has_nulls",
    "is_text",
    "rectangular",
    "with_nulls",
]


def array_or_lists(name: str, value: Any) -> Any:
    """Return lists as they are, and everything else as an array on the CPU.

    Raises
    ------
    SchemaError
        If it is neither.
    """
    if type(value) is np.ndarray and value.dtype.kind != "O":
        return value
    if isinstance(value, (list, tuple)):
        return _plain_rows(name, value)
    try:
        array = as_numpy(value)
    except SchemaError as error:
        raise SchemaError(f"{where(name)}{error}") from error
    if array.ndim == 0:
        raise SchemaError(f"{where(name)}one value for each structure is wanted, not {value!r}")
    if array.dtype == np.dtype(object) and array.ndim == 1 and any(map(_is_row, array)):
        return _plain_rows(name, array.tolist())
    return array


PLAIN = {list, tuple, str, int, float, bool, bytes, type(None), np.ndarray}
"""What is taken as it is, as a row or as the value of a structure."""


def _is_row(value: Any) -> bool:
    return isinstance(value, (list, tuple)) or getattr(value, "ndim", 0) > 0


def _plain_rows(name: str, rows: Any) -> Any:
    """Return lists whose rows are no tensors or series, but arrays."""
    if PLAIN.issuperset(map(type, rows)):
        return rows
    try:
        return [
            row if isinstance(row, (list, tuple)) or not _is_row(row) else as_numpy(row)
            for row in rows
        ]
    except SchemaError as error:
        raise SchemaError(f"{where(name)}{error}") from error


def is_text(value: Any) -> bool:
    """Whether these are strings."""
    return is_strings(value)


def fits_as_it_is(field: Field, value: Any) -> bool:
    """Whether a padded array can be stored under a field of items without a look at it."""
    if type(value) is not np.ndarray or field.is_string or field.nested:
        return False
    shape = value.shape
    if len(shape) < 2 or shape[2:] != field.shape:
        return False
    return field.dtype != "?" or value.dtype == np.bool_


def fitted(field: Field | None, name: str, value: Any, counts: Counts | None) -> Any:
    """Return the values of a field in a form that a table stores under it.

    Parameters
    ----------
    field
        The field, None for one that the schema does not have.
    name
        What the batch calls it.
    value
        An array, or lists.
    counts
        Items of each structure; None where a structure has one value.

    Raises
    ------
    SchemaError
        Naming the field, and the structure, of what does not fit.
    """
    if field is not None and field.is_string:
        return _as_text(name, value)
    if field is None and is_text(value):
        return value
    if counts is not None and is_list_of_rows(value):
        value = _from_lists(name, value, counts)
    elif isinstance(value, (list, tuple)):
        value = rectangular(name, value)
    return _as_flags(value) if field is not None and field.dtype == "?" else value


def column_of(field: Field | None, name: str, value: Any, ragged: bool) -> Column:
    """Return the column that a field is stored in, for values that were `fitted`.

    Raises
    ------
    SchemaError
        If there are too few axes, or the values of one item have another shape than the field's.
    """
    if field is None:
        return infer_column(name, value, ragged)
    if field.is_string:
        return field.column()
    if isinstance(value, Ragged):
        inside = value.values.values if isinstance(value.values, Ragged) else value.values
        shape = inside.shape[1:]
    else:
        shape = value.shape[2 if ragged else 1 :]
        if value.ndim < (2 if ragged else 1):
            raise SchemaError(f"{where(name)}shape {value.shape} has too few axes")
    if shape == field.shape:
        return field.column()
    if not field.open_shape or len(shape) != len(field.shape):
        raise SchemaError(f"{where(name)}an item has shape {shape}, not {field.shape}")
    return field.column(shape)


def has_nulls(value: Any, lengths: NDArray[np.int64] | None, mask: NDArray[Any] | None) -> bool:
    """Whether there is None among strings, padding aside.

    Parameters
    ----------
    value
        `Ragged`, `Joined`, an array, or lists.
    lengths
        Items of each structure; None where a structure has one value.
    mask
        Where they are in padded arrays, where they are not the first ones.
    """
    if isinstance(value, Ragged):
        return has_nulls(value.values, None, None)
    if isinstance(value, Joined):
        value = value.to_lists()
    if isinstance(value, np.ndarray):
        if value.dtype.kind != "O" and not hasattr(value.dtype, "na_object"):
            return False
        hidden = np.array([item is None for item in value.reshape(-1).tolist()], np.bool_)
        hidden = hidden.reshape(value.shape)
        if lengths is not None and hidden.any():
            hidden &= np.arange(hidden.shape[1]) < lengths[:, None] if mask is None else mask
        return bool(hidden.any())
    if lengths is None:
        return None in value
    return any(
        None in (row if isinstance(row, (list, tuple)) else row.tolist())[:count]
        for row, count in zip(value, lengths.tolist(), strict=True)
    )


def with_nulls(column: Column) -> Column:
    """Return a column that takes nulls; strings are stored by dictionary then."""
    return replace(column, nullable=True, dictionary=True if column.is_string else None)


def _as_text(name: str, value: Any) -> Any:
    """Return values of a field of strings; what are none are written as `str` has them."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "OUST":
            return value
        return value.astype(np.dtypes.StringDType())
    rows = value if is_list_of_rows(value) and value else [value]
    first = next((item for item in chain.from_iterable(rows) if item is not None), "")
    if isinstance(first, (str, bytes)):
        return value
    if rows is not value:
        return [text_of(item) for item in value]
    return [[text_of(item) for item in row] for row in rows]


def _as_flags(value: Any) -> Any:
    """Return numbers as bools: true where they are not 0."""
    if isinstance(value, Ragged):
        return value if value.values.dtype == np.bool_ else Ragged(value.values != 0, value.offsets)
    return value if value.dtype == np.bool_ else value != 0


def _from_lists(name: str, rows: Any, counts: Counts) -> Any:
    """Return lists of numbers: padded ones as an array, others as `Ragged`."""
    lengths = lengths_of_rows(name, rows)
    if len(lengths) and (lengths != counts.lengths).any():
        return rectangular(name, rows)
    if not counts.lengths.any():  # no item to tell the dtype, or the shape, by
        return rectangular(name, rows) if len(rows) and len(rows[0]) else None
    return Ragged.from_lists(list(rows))


def rectangular(name: str, value: Any) -> Any:
    """Return lists of numbers as one array.

    Raises
    ------
    SchemaError
        Naming the field whose lists are no array of numbers.
    """
    try:
        array = as_numpy(value)
    except SchemaError as error:
        raise SchemaError(f"{where(name)}{error}") from error
    if array.dtype.kind not in "biufc":
        raise SchemaError(f"{where(name)}numbers are wanted, not {array.dtype}")
    return array
