"""Frames of a simulation: what fields they have, and rows of them that lie one behind the other."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.arrays import as_numpy
from raggedh5.core.casting import check_castable, to_dtype
from raggedh5.errors import SchemaError
from raggedh5.kernels.frame_buffer import FrameBlock, FrameBuffer

__all__ = [
    "FieldRows",
    "FrameBatch",
    "FrameBlock",
    "FrameBuffer",
    "FrameField",
    "batch_of",
    "check_items",
    "fitting_frame",
    "fitting_rows",
    "new_block",
]

Values = NDArray[Any]
Numbers = NDArray[np.int64]

MOST_AXES = 8
"""Axes of a row that a `FrameBlock` can tell."""


@dataclass(frozen=True)
class FrameField:
    """What one field of a frame is.

    Attributes
    ----------
    name : str
        Its name.
    dtype : dtype
        Booleans, integers, floating or complex numbers that HDF5 files hold; in native byte order.
    shape : tuple of int
        Shape of a row, as it is stored; where rows have any number of items, of an item.
    vectors : bool
        Whether a row is one axis of vectors of three; it may come as (n, 3), too.
    ragged : bool
        Whether rows have any number of items.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    vectors: bool = False
    ragged: bool = False

    def __post_init__(self) -> None:
        if self.dtype.kind not in "biufc":
            raise SchemaError(f"{self.name}: frames hold numbers, not values of {self.dtype}")
        if self.dtype.itemsize > (16 if self.dtype.kind == "c" else 8):
            raise SchemaError(f"{self.name}: {self.dtype} is no dtype of a file; use float64")
        object.__setattr__(self, "dtype", self.dtype.newbyteorder("="))
        if len(self.shape) > MOST_AXES:
            raise SchemaError(f"{self.name}: a row has {MOST_AXES} axes at most, not {self.shape}")

    @property
    def row_bytes(self) -> int:
        """Bytes of a row, or of an item."""
        return self.dtype.itemsize * math.prod(self.shape)


class FieldRows(NamedTuple):
    """Rows of one field: shape (rows, *shape), and the numbers of their frames (rows,)."""

    values: Values
    numbers: Numbers


@dataclass(frozen=True)
class FrameBatch:
    """Frames one after the other.

    Attributes
    ----------
    first, count : int
        Number of the first frame, and how many there are. They may lack any of the fields.
    rows : dict of FieldRows
        By name, the fields of fixed shape.
    items : dict of ndarray (items, *inner)
        By name, the fields with any number of items in a row: those of all rows.
    lengths, numbers : ndarray of int64, shape (rows,)
        Number of items of each of these rows, and the number of its frame.
    """

    first: int
    count: int
    rows: dict[str, FieldRows]
    items: dict[str, Values] = field(default_factory=dict)
    lengths: Numbers = field(default_factory=lambda: np.empty(0, np.int64))
    numbers: Numbers = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def stop(self) -> int:
        """Number of the frame behind the last one."""
        return self.first + self.count

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        fixed = sum(rows.values.nbytes for rows in self.rows.values())
        return fixed + sum(items.nbytes for items in self.items.values())


def new_block(fields: Mapping[str, FrameField], room: int, items: int = 0) -> FrameBlock:
    """Make room for frames; nothing of the memory is touched.

    Parameters
    ----------
    fields
        Their fields.
    room
        How many frames.
    items
        How many items of those fields that have any number of them.
    """
    values, numbers = [], []
    for spec in fields.values():
        rows = items if spec.ragged else room
        values.append(np.empty((rows, *spec.shape), spec.dtype))
    of_ragged = np.empty(room, np.int64)
    for spec in fields.values():
        numbers.append(of_ragged if spec.ragged else np.empty(room, np.int64))
    return FrameBlock(
        tuple(fields),
        values,
        numbers,
        [spec.vectors for spec in fields.values()],
        [spec.ragged for spec in fields.values()],
        np.empty(room, np.int64),
    )


def batch_of(block: FrameBlock, fields: Mapping[str, FrameField]) -> FrameBatch:
    """Return the frames of a block that nobody adds to any more: views."""
    rows: dict[str, FieldRows] = {}
    items: dict[str, Values] = {}
    numbers = np.empty(0, np.int64)
    for name, values, where, count in zip(
        block.names, block.values, block.numbers, block.counts, strict=True
    ):
        if fields[name].ragged:
            items[name] = values[:count]
            numbers = where[: block.rows]
        elif count:
            rows[name] = FieldRows(values[:count], where[:count])
    if not block.rows:
        items = {}
    return FrameBatch(block.first, block.count, rows, items, block.lengths[: block.rows], numbers)


def fitting_frame(
    frame: Mapping[str, Any], fields: Mapping[str, FrameField], number: int
) -> dict[str, Values]:
    """Return a frame with every value exactly as its field is, as `FrameBuffer.put` takes it.

    Raises
    ------
    SchemaError
        If a value has another shape or loses more than its rounding, or of the fields with any
        number of items some are not there, or differ in that number.
    """
    fitting = {}
    for name, value in frame.items():
        spec = fields[name]
        array = _numbers(name, value, number)
        axes = len(spec.shape)
        if spec.ragged:
            if spec.shape == (3,) and array.ndim == 1 and not len(array) % 3:
                array = array.reshape(-1, 3)
            fits = array.ndim == axes + 1 and array.shape[1:] == spec.shape
        else:
            fits = array.shape == spec.shape
            if spec.vectors and array.ndim == 2 and array.shape[1] == 3:
                array = array.reshape(-1)
                fits = array.shape == spec.shape
        if not fits:
            raise SchemaError(
                f"frame {number}, {name}: its shape is {array.shape}, but the field's is "
                f"{('any', *spec.shape) if spec.ragged else spec.shape}, as in its first frame"
            )
        # By the name as the field has it: a kernel does not know those of NumPy, or other kinds.
        fitting[spec.name] = _converted(array, spec, number)
    check_items(
        {name: len(fitting[name]) for name in fitting if fields[name].ragged}, fields, number
    )
    return fitting


def fitting_rows(values: Any, spec: FrameField, first: int) -> Values:
    """Return rows of a field of fixed shape, one for each of several frames: (frames, *shape).

    A view where nothing has to be converted.

    Raises
    ------
    SchemaError
        If they do not fit; `first` is the number of the frame of the first one.
    """
    array = _numbers(spec.name, values, first)
    if spec.vectors and array.ndim == 3 and array.shape[2] == 3:
        array = array.reshape(len(array), -1)
    if array.ndim == 0 or array.shape[1:] != spec.shape:
        raise SchemaError(
            f"frames from {first}, {spec.name}: the shape is {array.shape}, and not (frames, "
            f"{', '.join(map(str, spec.shape))})"
        )
    return _converted(array, spec, first)


def _numbers(name: str, value: Any, number: int) -> Values:
    if value is None:
        raise SchemaError(f"frame {number}, {name}: it is None; leave out what is not there")
    array = as_numpy(value)
    if array.dtype.kind not in "biufc":
        raise SchemaError(f"frame {number}, {name}: frames hold numbers, not {array.dtype}")
    return array


def _converted(array: Values, spec: FrameField, number: int) -> Values:
    check_castable(array.dtype, spec.dtype, spec.name)
    if array.dtype != spec.dtype:
        array, lost = to_dtype(array, spec.dtype)
        if np.any(lost):
            raise SchemaError(f"frame {number}, {spec.name}: a value does not fit {spec.dtype}")
    # In this very type: NumPy has several of the same size that it takes for equal.
    if array.dtype.num != spec.dtype.num or not array.flags.carray:
        array = np.array(array, spec.dtype, order="C").view(spec.dtype)
    return array


def check_items(lengths: Mapping[str, int], fields: Mapping[str, FrameField], number: int) -> None:
    """Refuse a frame that has only some of the fields with any number of items.

    Parameters
    ----------
    lengths
        By name, those that it has, with their numbers of items.
    fields
        All fields.
    number
        Number of the frame.

    Raises
    ------
    SchemaError
        If one is missing, or the numbers differ.
    """
    if not lengths:
        return
    missing = [name for name, spec in fields.items() if spec.ragged and name not in lengths]
    if missing:
        raise SchemaError(
            f"frame {number} has {', '.join(lengths)} of its particles, but not {missing[0]}"
        )
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{name} {count}" for name, count in lengths.items())
        raise SchemaError(f"frame {number}: fields have different numbers of particles: {counts}")
