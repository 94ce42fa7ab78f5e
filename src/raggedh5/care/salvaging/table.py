"""A damaged table, block of rows by block: which rows can be read whole, and these rows."""

from collections.abc import Callable, Container, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.care.salvaging.field import neighbours, salvage_field
from raggedh5.core.ragged import Ragged
from raggedh5.errors import FormatError
from raggedh5.store.damage import PROBLEMS
from raggedh5.store.facts import address_of
from raggedh5.store.handle import Handle
from raggedh5.store.layout import (
    form_of,
    open_buffers,
    open_offsets,
    read_form_text,
    read_length,
)
from raggedh5.store.partial import PartialReader

__all__ = ["Ranges", "TableSalvage"]

Ranges = list[tuple[int, int]]
"""Runs of rows: first, and the one behind the last."""

ROWS = 1 << 14
"""Rows of a block."""

BYTES = 1 << 24
"""Bytes of values that are read at once, unless one row has more."""

LARGEST = 1 << 20
"""Bytes that an item counts with at most: how many it has may be a lie."""


class TableSalvage:
    """A table of a file that may be damaged.

    Parameters
    ----------
    handle
        The open file.
    group
        The table's group.
    skip
        Paths of datasets that HDF5 is not to be asked for.
    at
        Called with the path of every dataset before HDF5 is asked for it.

    Attributes
    ----------
    rows : int
        How many rows there are.
    text, form
        The form, as it stands and as what it says.
    dropped : dict
        Why columns cannot be read at all, by name.
    notes : list of str
        What else is wrong.

    Raises
    ------
    FormatError
        If its form or the offsets of its rows cannot be read at all.
    """

    def __init__(
        self, handle: Handle, group: Any, skip: Container[str], at: Callable[[str], None]
    ) -> None:
        self.name = str(group.name)
        self.notes: list[str] = []
        self._kept_length: int | None = None
        self.handle = handle
        self.text = self._form_text(handle, group)
        self.form = form_of(self.text, self.name)
        self.dropped: dict[str, str] = {}
        self._fields: dict[str, Any] = {}
        self._offsets: PartialReader | None = None
        try:
            length: int | None = read_length(group)
        except FormatError as error:
            length = None
            self.notes.append(str(error))
        if self.form.offsets is not None:
            self._ask(self.form.offsets, skip, at)
            (facts,) = open_offsets(group, self.form, 1).values() or (None,)
            if facts is not None:
                self._offsets = PartialReader(handle, facts)
        extents = []
        self.buffers: dict[str, dict[str, Any]] = {}
        item_bytes = 1
        for column, field in self.form.fields.items():
            try:
                for buffer in field.buffers():
                    self._ask(buffer, skip, at)
                buffers = open_buffers(group, self.form, column)
                self._fields[column] = salvage_field(handle, buffers, field)
                self.buffers[column] = buffers
            except PROBLEMS as error:
                self.dropped[column] = str(error)
                continue
            main = field.codes or field.offsets or field.values
            extents.append(buffers[main].shape[0] - (main == field.offsets))
            values = buffers[field.values]
            value_bytes = values.dtype.itemsize * int(np.prod(values.inner, dtype=np.int64))
            if main == field.offsets and values.shape:  # as many values as a list has
                several = -(-values.shape[0] // max(extents[-1], 1))
                value_bytes = min(value_bytes * several, LARGEST)
            item_bytes += value_bytes + 8
        self._most_items = max(BYTES // item_bytes, 1)
        if self._offsets is not None:
            extents = [self._offsets.extent - 1]
        found = max(min(extents, default=0), 0)
        if length is not None and length < (self._kept_length or 0):
            self.notes.append(f"{self.name}: it says {length} rows, but {self._kept_length} were")
            length = self._kept_length
        if length is None or length > found:
            if length is not None:
                self.notes.append(f"{self.name}: {found} rows are there, not {length}")
            length = found
        self.rows = length

    def scan(self, pulse: Callable[[int], None]) -> Ranges:
        """Find out which rows cannot be read, in any column; drop columns of which nothing can.

        Parameters
        ----------
        pulse
            Called with the rows of each block that was looked at.
        """
        unknown: Ranges = []
        bad: dict[str, Ranges] = {name: [] for name in self._fields}
        readable = dict.fromkeys(self._fields, 0)
        items = 0
        for rows in self._blocks():
            starts, stops, fine = self._bounds(rows)
            _add(unknown, rows.start, ~fine)
            for first, last in _runs(fine, stops - starts, self._most_items):
                low, high = int(starts[first]), int(stops[last - 1])
                items += high - low
                bounds = np.append(starts[first:last], high) - low
                for name in self._fields:
                    right = self._read(name, low, high)[1]
                    readable[name] += int(np.count_nonzero(right))
                    _add(bad[name], rows.start + first, _touched(~right, bounds))
            pulse(rows.stop - rows.start)
        for name, count in readable.items():
            if items and not count:
                self.dropped[name] = f"{self.name}: nothing of column {name!r} can be read"
                del self._fields[name]
        return _union([unknown, *(bad[name] for name in self._fields)])

    def kept(self, lost: Ranges) -> Iterator[dict[str, Any]]:
        """Go through batches of the rows that are not `lost`, as `Table.append` takes them."""
        for rows in self._blocks():
            keep = np.ones(rows.stop - rows.start, np.bool_)
            for first, last in lost:
                if first < rows.stop and last > rows.start:
                    keep[max(first - rows.start, 0) : last - rows.start] = False
            starts, stops, _ = self._bounds(rows)
            for first, last in _runs(keep, stops - starts, self._most_items):
                low, high = int(starts[first]), int(stops[last - 1])
                bounds = np.append(starts[first:last], high) - low
                values = {name: self._read(name, low, high) for name in self._fields}
                if not all(right.all() for _, right in values.values()):
                    raise FormatError(f"{self.name}: rows that were read before cannot be any more")
                yield {
                    name: value if self._offsets is None else Ragged(value, bounds)
                    for name, (value, _) in values.items()
                }

    @property
    def columns(self) -> list[str]:
        """The columns that can be read."""
        return list(self._fields)

    def _form_text(self, handle: Handle, group: Any) -> str:
        """Return the form, or the copy of it that was kept when the table was written."""
        try:
            kept, self._kept_length = handle.sums.kept_table(self.name, address_of(group.id))
            if kept is not None:
                form_of(kept, self.name)
        except PROBLEMS:
            kept = None
        if kept is None:
            return read_form_text(group)
        try:
            damaged = read_form_text(group) != kept
        except FormatError:
            damaged = True
        if damaged:
            self.notes.append(f"{self.name}: its form was damaged; a copy of it took its place")
        return kept

    def _ask(self, buffer: str, skip: Container[str], at: Callable[[str], None]) -> None:
        path = f"{self.name.rstrip('/')}/{buffer}"
        if path in skip:
            raise FormatError(f"{path}: HDF5 hangs or crashes there")
        at(path)

    def _blocks(self) -> Iterator[slice]:
        for start in range(0, self.rows, ROWS):
            yield slice(start, min(start + ROWS, self.rows))

    def _bounds(self, rows: slice) -> tuple[NDArray[np.int64], NDArray[np.int64], Any]:
        """Return where rows start and stop, and which of these can be trusted."""
        if self._offsets is None:
            numbers = np.arange(rows.start, rows.stop)
            return numbers, numbers + 1, np.ones(len(numbers), np.bool_)
        # A row more on both sides: a fall there touches the rows of this block.
        before = min(rows.start, 1)
        stop = min(rows.stop + 1, self.rows)
        bounds, known = self._offsets.read(rows.start - before, stop + 1)
        largest = np.iinfo(np.int64).max
        starts, stops, fine = neighbours(bounds.astype(np.int64), known, largest)
        if rows.start == 0 and known[0] and bounds[0] != 0:
            fine[0] = False
        inside = slice(before, before + rows.stop - rows.start)
        return starts[inside], stops[inside], fine[inside]

    def _read(self, name: str, start: int, stop: int) -> tuple[Any, Any]:
        try:
            return self._fields[name].read(start, stop)  # type: ignore[no-any-return]
        except PROBLEMS:
            return None, np.zeros(stop - start, np.bool_)


def _runs(
    fine: NDArray[np.bool_], lengths: NDArray[np.int64], most: int
) -> Iterator[tuple[int, int]]:
    """Go through runs of flags that are set, of at most so many items together, or one row."""
    edges = np.flatnonzero(np.diff(fine, prepend=False, append=False)).tolist()
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        ends = np.cumsum(lengths[first:last])
        low = first
        while low < last:
            before = int(ends[low - first - 1]) if low > first else 0
            high = first + int(np.searchsorted(ends, before + most, side="right"))
            high = max(high, low + 1)
            yield low, high
            low = high


def _touched(bad: NDArray[np.bool_], bounds: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which rows have an item that is bad."""
    count = np.concatenate([[0], np.cumsum(bad)])
    touched: NDArray[np.bool_] = count[bounds[1:]] > count[bounds[:-1]]
    return touched


def _add(ranges: Ranges, first: int, flags: NDArray[np.bool_]) -> None:
    """Add the runs of flags that are set, which count from row `first`."""
    edges = (np.flatnonzero(np.diff(flags, prepend=False, append=False)) + first).tolist()
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        if ranges and ranges[-1][1] == start:
            ranges[-1] = ranges[-1][0], stop
        else:
            ranges.append((start, stop))


def _union(parts: list[Ranges]) -> Ranges:
    joined: Ranges = []
    for start, stop in sorted(run for part in parts for run in part):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(stop, joined[-1][1])
        else:
            joined.append((start, stop))
    return joined
