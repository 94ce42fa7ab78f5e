"""`Ragged`: rows of any number of items each, as flat values and offsets."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from raggedh5.core import arrow_bridge, awkward_bridge, torch_bridge
from raggedh5.core.arrays import as_numpy
from raggedh5.core.flat import empty_fill, join_values, pad_values, same_values, take_values
from raggedh5.core.kept import Offsets, check_offsets, kept_groups
from raggedh5.core.lists import flatten_lists, split_lists
from raggedh5.core.packing import pack, pack_into
from raggedh5.core.rows import is_single, row_number, rows_of
from raggedh5.core.scattering import gather, scatter
from raggedh5.errors import FormatError, SchemaError

__all__ = ["Ragged"]

Mask = npt.NDArray[np.bool_]


class Ragged:
    """Rows of any number of items each.

    Row i is ``values[offsets[i]:offsets[i + 1]]``. Nothing is copied on construction: later changes
    to the arrays show in the rows, and must leave the offsets in order.

    Parameters
    ----------
    values : array-like of shape (items, *inner), or Ragged
        The items of all rows, one row after the other: numbers of any dtype, strings (an object
        array of str or None, or a NumPy string array), or a masked array where items are missing.
        Where it is a `Ragged` itself, its rows are the items: lists within rows.
    offsets : array-like of integers, shape (rows + 1,)
        Starts at 0, never falls, ends within the values; what lies behind is left out.

    Raises
    ------
    SchemaError
        Naming the first row whose offsets cannot be followed.

    Examples
    --------
    >>> r = Ragged([1.0, 2.0, 3.0], [0, 2, 2, 3])
    >>> r
    Ragged(3 rows, 3 items of float64)
    >>> r[0], len(r[1]), r[-1]
    (array([1., 2.]), 0, array([3.]))
    >>> r[[2, 0]].to_list()
    [[3.0], [1.0, 2.0]]
    """

    __slots__ = ("_offsets", "_values")

    def __init__(self, values: Any, offsets: Any) -> None:
        if not isinstance(values, (Ragged, np.ma.MaskedArray)):
            values = as_numpy(values)
            if values.ndim == 0:
                raise SchemaError("values must have shape (items, ...), not ()")
        bounds = as_numpy(offsets)
        if bounds.dtype != np.int64:
            if bounds.dtype.kind not in "iu" or not np.can_cast(bounds.dtype, np.int64):
                raise SchemaError(f"offsets must be integers, not {bounds.dtype}")
            bounds = bounds.astype(np.int64)
        try:
            check_offsets(bounds, len(values))
        except FormatError as error:
            raise SchemaError(str(error)) from None
        items = int(bounds[-1])
        self._values = values if items == len(values) else values[:items]
        self._offsets = bounds

    @classmethod
    def from_padded(
        cls,
        padded: Any,
        mask: Any = None,
        lengths: Any = None,
        dtype: npt.DTypeLike | None = None,
    ) -> Self:
        """Copy the kept items of a padded array.

        Parameters
        ----------
        padded : array-like, shape (rows, width, *inner)
            Anything with DLPack or ``__array__``.
        mask : array-like of bool, shape (rows, width), optional
            True where an item is kept. Of shape (rows, groups, items) for a padded array of two
            levels; a group is then kept where any of its items is.
        lengths : array-like of integers, shape (rows,), optional
            How many items each row keeps; give either this or `mask`.
        dtype : dtype, optional
            The dtype of the values, by default that of `padded`.

        Raises
        ------
        SchemaError
            If the arguments do not fit each other, or a kept value does not fit `dtype`.

        Examples
        --------
        >>> Ragged.from_padded([[1, 2], [3, 0]], mask=[[True, True], [True, False]]).to_list()
        [[1, 2], [3]]
        """
        if mask is not None and (mask := as_numpy(mask)).ndim == 3 and lengths is None:
            array = as_numpy(padded)
            outer, inner = kept_groups(mask)
            values = np.empty((inner.items, *array.shape[3:]), dtype or array.dtype)
            pack_into(inner, array, (values,))
            return cls._of(Ragged._of(values, inner.offsets), outer.offsets)
        return cls._of(*pack(padded, mask, lengths, dtype))

    @classmethod
    def from_lists(
        cls, rows: Sequence[Any], dtype: npt.DTypeLike | None = None, levels: int = 1
    ) -> Self:
        """Copy a list of rows, each a list or an array of items.

        Parameters
        ----------
        rows : sequence
            Items are numbers, strings, None for a missing string, or arrays of one shape.
        dtype : dtype, optional
            The dtype of the values, by default the one that holds them all.
        levels : int
            1 for rows of items, 2 for rows of lists of items, and so on.

        Raises
        ------
        SchemaError
            If the items have no common dtype and shape.

        Examples
        --------
        >>> Ragged.from_lists([["H", "O"], [], ["C"]]).lengths
        array([2, 0, 1])
        >>> Ragged.from_lists([[[1], [2, 3]], []], levels=2).values
        Ragged(2 rows, 3 items of int64)
        """
        return cls._from_levels(*flatten_lists(rows, dtype, levels))

    @classmethod
    def from_awkward(cls, array: Any) -> Self:
        """View an Awkward array of lists; a list of fixed size is an inner shape.

        Copies where Awkward keeps its lists out of order, and for strings.

        Raises
        ------
        SchemaError
            If it is no array of lists, a list is missing, or the items are records or unions.
        """
        return cls._from_levels(*awkward_bridge.from_awkward(array))

    @classmethod
    def from_arrow(cls, array: Any) -> Self:
        """View an Arrow array of lists; a list of fixed size within is an inner shape.

        Copies 32-bit offsets, chunked arrays, bools and strings.

        Raises
        ------
        SchemaError
            If it is no array of lists, a list is null, or the items are neither numbers, strings
            nor lists.
        """
        return cls._from_levels(*arrow_bridge.from_arrow(array))

    @classmethod
    def concatenate(cls, parts: Sequence["Ragged"]) -> Self:
        """Copy the rows of several, one after the other.

        Raises
        ------
        SchemaError
            If there are none, or their items have different shapes.

        Examples
        --------
        >>> Ragged.concatenate([Ragged([1], [0, 1]), Ragged([2, 3], [0, 2])]).to_list()
        [[1], [2, 3]]
        """
        if not parts:
            raise SchemaError("there is nothing to concatenate")
        nested = [isinstance(part.values, Ragged) for part in parts]
        if any(nested) != all(nested):
            raise SchemaError("some of the parts have lists within rows, others do not")
        flat = [part.values for part in parts]
        values: Any = Ragged.concatenate(flat) if nested[0] else join_values(flat)
        starts = np.cumsum([0, *(len(part.values) for part in parts)])
        pieces = [part.offsets[1:] + start for part, start in zip(parts, starts, strict=False)]
        return cls._of(values, np.concatenate([np.zeros(1, np.int64), *pieces]))

    @property
    def values(self) -> Any:
        """The flat values, shape (items, *inner), or a `Ragged` of the lists within rows."""
        return self._values

    @property
    def offsets(self) -> Offsets:
        """Where the rows lie in the values: int64, shape (rows + 1,), starting at 0."""
        return self._offsets

    @property
    def lengths(self) -> Offsets:
        """How many items each row has: int64, shape (rows,), a copy."""
        return np.diff(self._offsets)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the (innermost) values."""
        dtype: np.dtype[Any] = self._values.dtype
        return dtype

    @property
    def nbytes(self) -> int:
        """Bytes of values and offsets together."""
        return int(self._values.nbytes + self._offsets.nbytes)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __iter__(self) -> Iterator[Any]:
        for start, stop in pairwise(self._offsets.tolist()):
            yield self._values[start:stop]

    def __getitem__(self, rows: Any) -> Any:
        """Return one row (a view), a slice of rows (a view), or rows by number or mask (a copy).

        Raises
        ------
        IndexError
            If there is no such row.
        """
        if is_single(rows):
            row = row_number(rows, len(self))
            return self._values[int(self._offsets[row]) : int(self._offsets[row + 1])]
        chosen = rows_of(rows, len(self))
        if isinstance(chosen, slice):
            return self._span(chosen.start, chosen.stop)
        return self._take(chosen)

    def __repr__(self) -> str:
        values = self._values
        lists = ""
        while isinstance(values, Ragged):
            lists += f"{len(values)} lists of "
            values = values.values
        inner = f" {values.shape[1:]}" if values.ndim > 1 else ""
        rows, items = len(self), len(values)
        return f"Ragged({rows} rows, {lists}{items} items of {values.dtype}{inner})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._values, self._offsets)

    def equals(self, other: object) -> bool:
        """Whether both have the same rows of the same dtype and inner shape; NaN equals NaN.

        Examples
        --------
        >>> Ragged([1, 2], [0, 2]).equals(Ragged([1, 2], [0, 1, 2]))
        False
        """
        if not isinstance(other, Ragged) or not np.array_equal(self._offsets, other._offsets):
            return False
        if isinstance(self._values, Ragged):
            return self._values.equals(other._values)
        return not isinstance(other._values, Ragged) and same_values(self._values, other._values)

    def to_padded(
        self, width: int | tuple[int, ...] | None = None, fill: Any = 0
    ) -> tuple[npt.NDArray[Any], Mask]:
        """Copy to a padded array and its mask.

        Parameters
        ----------
        width : int or tuple of int, optional
            Items that a row has room for, by default those of the longest; one number a level
            where there are lists within rows.
        fill : scalar or array-like of shape (*inner)
            What goes where there is no item; for strings, 0 stands for the empty one.

        Returns
        -------
        padded : ndarray, shape (rows, width, *inner)
            (rows, groups, width, *inner) with lists within rows; a masked array if items are
            missing.
        mask : ndarray of bool, shape (rows, width), or (rows, groups, width)
            True where there is an item.

        Raises
        ------
        SchemaError
            Naming the first row that is longer than `width`.

        Examples
        --------
        >>> padded, mask = Ragged([1, 2, 3], [0, 2, 3]).to_padded(width=3, fill=-1)
        >>> padded
        array([[ 1,  2, -1],
               [ 3, -1, -1]])
        """
        first, *rest = width if isinstance(width, tuple) else (width,)
        fill = empty_fill(self.dtype, fill)
        if isinstance(self._values, Ragged):
            inner, inner_mask = self._values.to_padded(tuple(rest) or None, fill)
            padded, _ = pad_values(inner, self._offsets, first, fill)
            mask, _ = scatter(inner_mask, self._offsets, width=first, fill=False)
            return padded, mask
        return pad_values(self._values, self._offsets, first, fill)

    def to_list(self) -> list[Any]:
        """Return the rows as lists of Python objects; what is missing as None."""
        values, levels = self._levels()
        return split_lists(values.tolist(), levels)

    def to_awkward(self) -> Any:
        """Return an Awkward array that shares the values (strings are copied).

        Raises
        ------
        ImportError
            If awkward is not installed.
        """
        return awkward_bridge.to_awkward(*self._levels())

    def to_arrow(self) -> Any:
        """Return an Arrow LargeListArray that shares the values (bools and strings are copied).

        An inner shape becomes lists of fixed size.

        Raises
        ------
        ImportError
            If pyarrow is not installed.
        SchemaError
            If Arrow has no such dtype (complex numbers).
        """
        return arrow_bridge.to_arrow(*self._levels())

    def to_torch(self) -> Any:
        """Return a nested tensor of jagged layout that shares the values if they are writable.

        Raises
        ------
        ImportError
            If torch is not installed.
        SchemaError
            If torch has no such tensor: strings, missing items, lists within rows, no row at all.
        """
        return torch_bridge.to_torch(*self._levels())

    def with_values(self, values: Any) -> "Ragged":
        """Return the same rows of other values.

        Parameters
        ----------
        values : array-like, shape (items, ...), or Ragged of as many rows
            As many as there are; shared, as are the offsets.

        Raises
        ------
        SchemaError
            If there are more, or fewer.

        Examples
        --------
        >>> r = Ragged(np.array([1.0, 4.0, 9.0]), [0, 2, 3])
        >>> r.with_values(np.sqrt(r.values)).to_list()
        [[1.0, 2.0], [3.0]]
        """
        if not isinstance(values, (Ragged, np.ma.MaskedArray)):
            values = as_numpy(values)
        axes = 1 if isinstance(values, Ragged) else values.ndim
        if axes == 0 or len(values) != len(self._values):
            given = len(values) if axes else "one"
            raise SchemaError(f"{len(self._values)} values are wanted, not {given}")
        return Ragged._of(values, self._offsets)

    @classmethod
    def _of(cls, values: Any, offsets: Offsets) -> Self:
        """Build from parts that are known to fit."""
        self = cls.__new__(cls)
        self._values = values
        self._offsets = offsets
        return self

    @classmethod
    def _from_levels(cls, values: npt.NDArray[Any], levels: list[Offsets]) -> Self:
        inner: Any = values
        for offsets in reversed(levels[1:]):
            inner = Ragged(inner, offsets)
        return cls(inner, levels[0])

    def _levels(self) -> tuple[npt.NDArray[Any], list[Offsets]]:
        """Return the innermost values and the offsets of each level, outermost first."""
        levels = [self._offsets]
        values = self._values
        while isinstance(values, Ragged):
            levels.append(values._offsets)
            values = values._values
        return values, levels

    def _span(self, start: int, stop: int) -> Self:
        offsets = self._offsets[start : stop + 1]
        first, last = int(offsets[0]), int(offsets[-1])
        return self._of(self._values[first:last], offsets if first == 0 else offsets - first)

    def _take(self, rows: Offsets) -> Self:
        starts, stops = self._offsets[rows], self._offsets[rows + 1]
        if isinstance(self._values, Ragged):
            lists, offsets = gather(np.arange(len(self._values)), starts, stops)
            return self._of(self._values._take(lists), offsets)
        return self._of(*take_values(self._values, starts, stops))
