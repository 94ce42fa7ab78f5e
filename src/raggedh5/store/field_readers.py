"""The reading ends of a table's columns: item ranges to NumPy arrays."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.buffers import large_empty
from raggedh5.core.form import FieldForm
from raggedh5.core.ragged import Ragged
from raggedh5.core.string_decode import Strings, decode_array, take_array
from raggedh5.errors import FormatError, SchemaError
from raggedh5.store.dictionary import category_bytes
from raggedh5.store.facts import Facts
from raggedh5.store.handle import Handle
from raggedh5.store.ranges import RangeReader
from raggedh5.store.reader import Reader

__all__ = ["FieldReader", "field_reader"]

Array = NDArray[Any]
Indices = NDArray[np.int64]
Flat = Any
"""ndarray (items, *inner), of StringDType for strings; masked array; Ragged (nested columns)."""

Buffers = Mapping[str, Facts]
Plan = tuple[list[Callable[[], Any]], Callable[[], Flat]]


class FieldReader(Protocol):
    """Reads items of one column."""

    def gather(self, starts: Indices, stops: Indices) -> Flat:
        """Return the items of ranges, one range behind the other."""

    def read(self, start: int, stop: int) -> Flat:
        """Return the items start:stop."""

    def plan(self, start: int, stop: int) -> Plan:
        """Return the calls that read the items start:stop, and one that returns them then."""


class NumberReader:
    """Numbers of a fixed inner shape."""

    def __init__(self, handle: Handle, facts: Facts) -> None:
        self.reader = Reader(handle, facts)
        self._ranges = RangeReader(self.reader)
        self.native = self.reader.dtype.newbyteorder("=")
        self.inner = facts.inner
        self.extent = facts.shape[0]
        self.swapped = self.native != self.reader.dtype

    def read(self, start: int, stop: int) -> Array:
        """See `FieldReader`."""
        if stop > self.extent:
            self.check(stop)
        values = self._ranges.span(start, stop)
        return self._native(values) if self.swapped else values

    def plan(self, start: int, stop: int) -> Plan:
        """See `FieldReader`."""
        self.check(stop)
        out = large_empty((stop - start, *self.inner), self.reader.dtype)
        box = (slice(start, stop), *(slice(0, n) for n in self.inner))
        return self.reader.plan(out, box), lambda: self._native(out)

    def item(self, index: int) -> int:
        """Return one number, as an int."""
        return int(self.read(index, index + 1)[0])

    def _native(self, values: Array) -> Array:
        return values if values.dtype == self.native else values.astype(self.native)

    def gather(self, starts: Indices, stops: Indices) -> Array:
        """See `FieldReader`."""
        self.check(int(stops.max(initial=0)))
        lengths = stops - starts
        ends = np.cumsum(lengths)
        if len(ends) and int(ends.min()) < 0:  # where a sum of lengths has passed int64
            raise FormatError(f"{self.reader.name}: the offsets lead to more than 2**63 items")
        total = int(ends[-1]) if len(ends) else 0
        return self._copy(
            starts, stops, np.empty((total, *self.inner), self.reader.dtype), ends - lengths
        )

    def padded(self, starts: Indices, stops: Indices, width: int, fill: Any) -> Array:
        """Return the items of ranges as rows of `width` places, `fill` where there is none."""
        self.check(int(stops.max(initial=0)))
        shape = (len(starts), width, *self.inner)
        if np.ndim(fill) == 0 and fill == 0:
            out = np.zeros(shape, self.reader.dtype)
        else:
            out = np.full(shape, fill, self.reader.dtype)
        return self._copy(starts, stops, out, np.arange(len(starts), dtype=np.int64) * width)

    def check(self, stop: int) -> None:
        """Refuse offsets that lead beyond the values."""
        extent = self.reader.shape[0]
        if stop > extent:
            raise FormatError(
                f"{self.reader.name}: offsets lead to item {stop}, but there are {extent}"
            )

    def _copy(self, starts: Indices, stops: Indices, out: Array, places: Indices) -> Array:
        if len(stops):
            self._ranges.copy(starts, stops, out, places)
        return out.astype(self.native, copy=False)


class ListReader:
    """Items that are lists themselves: offsets, and what they lead to."""

    def __init__(self, handle: Handle, buffers: Buffers, field: FieldForm) -> None:
        self.offsets = NumberReader(handle, buffers[field.offsets or ""])
        self.values = NumberReader(handle, buffers[field.values])

    def lists(self, starts: Indices, stops: Indices) -> tuple[Array, Indices]:
        """Return the values of item ranges and the offsets of the items, which start at 0."""
        lengths = stops - starts
        if not lengths.any():
            return self.values.read(0, 0), np.zeros(1, np.int64)
        # Every range of n items has n + 1 offsets; the values between its ends lie in one piece.
        bounds = self.offsets.gather(starts, stops + 1).astype(np.int64, copy=False)
        heads = np.cumsum(lengths + 1) - (lengths + 1)
        firsts, lasts = bounds[heads], bounds[heads + lengths]
        inside = np.ones(len(bounds) - 1, np.bool_)
        inside[heads[1:] - 1] = False
        # Compared, not subtracted: a difference may overflow, and then looks fine.
        if (bounds[1:] < bounds[:-1])[inside].any() or (firsts < 0).any():
            raise FormatError(f"{self.offsets.reader.name}: the offsets fall")
        sizes = np.diff(bounds)[inside]
        offsets = np.zeros(len(sizes) + 1, np.int64)
        np.cumsum(sizes, out=offsets[1:])
        return self.values.gather(firsts, lasts), offsets

    def span(self, start: int, stop: int) -> tuple[Array, Indices]:
        """Return the same for the items start:stop."""
        if stop <= start:
            return self.values.read(0, 0), np.zeros(1, np.int64)
        bounds = self.offsets.read(start, stop + 1).astype(np.int64, copy=False)
        first, last = int(bounds[0]), int(bounds[-1])
        if first < 0 or last < first:
            raise FormatError(f"{self.offsets.reader.name}: the offsets fall")
        return self.values.read(first, last), bounds - first

    def planned(self, start: int, stop: int, made: Callable[[Array, Indices], Flat]) -> Plan:
        """Return the plan of what is `made` of the values and offsets of the items start:stop."""
        if stop <= start:
            return [], lambda: made(*self.span(start, stop))
        first, last = self.offsets.item(start), self.offsets.item(stop)
        if first < 0 or last < first:
            raise FormatError(f"{self.offsets.reader.name}: the offsets fall")
        calls, bounds = self.offsets.plan(start, stop + 1)
        more, values = self.values.plan(first, last)
        return [*calls, *more], lambda: made(
            values(), bounds().astype(np.int64, copy=False) - first
        )


class NestedReader(ListReader):
    """A nested column: each item is a list of numbers."""

    def plan(self, start: int, stop: int) -> Plan:
        """See `FieldReader`."""
        return self.planned(start, stop, self._ragged)

    def gather(self, starts: Indices, stops: Indices) -> Ragged:
        """See `FieldReader`."""
        return self._ragged(*self.lists(starts, stops))

    def read(self, start: int, stop: int) -> Ragged:
        """See `FieldReader`."""
        return self._ragged(*self.span(start, stop))

    def _ragged(self, values: Array, offsets: Indices) -> Ragged:
        try:
            return Ragged(values, offsets)
        except SchemaError as error:
            raise FormatError(f"{self.offsets.reader.name}: {error}") from error


class StringReader(ListReader):
    """Strings, one behind the other."""

    def plan(self, start: int, stop: int) -> Plan:
        """See `FieldReader`."""
        return self.planned(start, stop, self._decoded)

    def gather(self, starts: Indices, stops: Indices) -> Array:
        """See `FieldReader`."""
        return self._decoded(*self.lists(starts, stops))

    def read(self, start: int, stop: int) -> Array:
        """See `FieldReader`."""
        return self._decoded(*self.span(start, stop))

    def _decoded(self, data: Array, offsets: Indices) -> Array:
        try:
            return decode_array(data, offsets)
        except FormatError as error:
            raise FormatError(f"{self.values.reader.name}: {error}") from error


class DictionaryReader:
    """Strings by their number in a dictionary."""

    def __init__(self, handle: Handle, buffers: Buffers, field: FieldForm) -> None:
        self.codes = NumberReader(handle, buffers[field.codes or ""])
        self.nullable = field.column.nullable
        self._source = (handle, buffers, field)
        self._categories: Strings | None = None

    def gather(self, starts: Indices, stops: Indices) -> Array:
        """See `FieldReader`."""
        return self._looked_up(self.codes.gather(starts, stops))

    def read(self, start: int, stop: int) -> Array:
        """See `FieldReader`."""
        return self._looked_up(self.codes.read(start, stop))

    def plan(self, start: int, stop: int) -> Plan:
        """See `FieldReader`."""
        calls, codes = self.codes.plan(start, stop)
        # Here and not by the last call: two threads that ask HDF5 many short questions take turns
        # of milliseconds at the GIL.
        self.categories()
        return calls, lambda: self._looked_up(codes())

    def categories(self) -> Strings:
        """Return the distinct strings."""
        if self._categories is None:
            handle, buffers, field = self._source
            data, offsets = category_bytes(handle, buffers, field)
            try:
                self._categories = decode_array(data, offsets)
            except FormatError as error:
                raise FormatError(f"{buffers[field.values].name}: {error}") from error
        return self._categories

    def _looked_up(self, codes: Array) -> Array:
        try:
            return take_array(self.categories(), codes, nullable=self.nullable)
        except FormatError as error:
            raise FormatError(f"{self.codes.reader.name}: {error}") from error


class MaskedReader:
    """Numbers that may be missing."""

    def __init__(self, handle: Handle, buffers: Buffers, field: FieldForm) -> None:
        self.values = NumberReader(handle, buffers[field.values])
        self.mask = NumberReader(handle, buffers[field.mask or ""])
        self.valid_when = field.valid_when

    def gather(self, starts: Indices, stops: Indices) -> Flat:
        """See `FieldReader`."""
        return self._masked(self.values.gather(starts, stops), self.mask.gather(starts, stops))

    def read(self, start: int, stop: int) -> Flat:
        """See `FieldReader`."""
        return self._masked(self.values.read(start, stop), self.mask.read(start, stop))

    def plan(self, start: int, stop: int) -> Plan:
        """See `FieldReader`."""
        calls, values = self.values.plan(start, stop)
        more, flags = self.mask.plan(start, stop)
        return [*calls, *more], lambda: self._masked(values(), flags())

    def _masked(self, values: Array, flags: Array) -> Flat:
        missing = (flags != 0) != self.valid_when
        shape = (len(values), *(1,) * (values.ndim - 1))
        return np.ma.MaskedArray(
            values, np.broadcast_to(missing.reshape(shape), values.shape).copy()
        )


def field_reader(handle: Handle, buffers: Buffers, field: FieldForm) -> Any:
    """Return the reader for a column of a table with these buffers."""
    if field.codes is not None:
        return DictionaryReader(handle, buffers, field)
    if field.column.is_string:
        return StringReader(handle, buffers, field)
    if field.column.nested:
        return NestedReader(handle, buffers, field)
    if field.mask is not None:
        return MaskedReader(handle, buffers, field)
    return NumberReader(handle, buffers[field.values])
