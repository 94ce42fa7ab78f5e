"""The reading end of a table: rows by number to arrays, while form and length stay as they are."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from raggedh5.core.casting import as_fill
from raggedh5.core.ragged import Ragged
from raggedh5.core.rows import Rows, row_number, rows_of
from raggedh5.errors import SchemaError
from raggedh5.store.field_readers import field_reader
from raggedh5.store.handle import Handle
from raggedh5.store.layout import Layout
from raggedh5.store.padded import padded_field
from raggedh5.store.reader import Call, Reader
from raggedh5.store.row_offsets import RowOffsets

__all__ = ["TableReader"]

FEW = 1 << 12
"""Items that are read block by block rather than in whole chunks."""

FEW_ROWS = 1 << 8
"""Rows that are read by one thread."""


class TableReader:
    """Reads the rows of a table as it was when its layout was read.

    Parameters
    ----------
    handle
        The open file.
    name
        Path of the table.
    layout
        Its form, length and buffers.
    """

    def __init__(self, handle: Handle, name: str, layout: Layout) -> None:
        self.name = name
        self.form = layout.form
        self.length = layout.length
        self._handle = handle
        self._buffers = layout.buffers
        self._fields: dict[str, Any] = {}
        self._offsets: RowOffsets | None = None
        if self.form.offsets is not None and self.form.fields:
            reader = Reader(handle, self._buffers[self.form.offsets])
            self._offsets = RowOffsets(reader, self.length)

    @property
    def items(self) -> int:
        """Items of all rows together; the rows themselves in a row table."""
        if self._offsets is None:
            return self.length
        return int(self._offsets.bounds(max(self.length - 1, 0), self.length)[-1])

    def bounds(self, start: int, stop: int) -> Rows:
        """Return where the items of rows start:stop lie, int64 (stop - start + 1,).

        They count from the first item of the table. In a row table each row is an item.
        """
        if self._offsets is None:
            return np.arange(start, max(start, stop) + 1, dtype=np.int64)
        return self._offsets.bounds(start, stop)

    def ranges(self, rows: Rows) -> tuple[Rows, Rows]:
        """Return where the items of each of `rows` start and stop."""
        return self._ranges(rows)

    def field(self, column: str) -> Any:
        """Return what reads one column by item; see `raggedh5.store.field_readers`."""
        return self._field(column)

    def finished(self, field: Any, start: int, stop: int) -> Any:
        """Return the items start:stop of what `field` returned, or of a part of it."""
        if stop - start <= FEW:
            return field.read(start, stop)
        calls, finish = field.plan(start, stop)
        self._handle.pool.map(calls)
        return finish()

    def row(self, number: Any, columns: Sequence[str] | None = None) -> dict[str, Any]:
        """Return one row; negative numbers count from the end."""
        number = row_number(number, self.length)
        names = self.form.fields if columns is None else columns
        if self._offsets is None:
            return {name: self._field(name).read(number, number + 1)[0] for name in names}
        start, stop = self._offsets.bounds(number, number + 1).tolist()
        known = self._fields
        return {name: (known.get(name) or self._field(name)).read(start, stop) for name in names}

    def take(self, rows: Any, columns: Sequence[str] | None = None) -> dict[str, Any]:
        """See `raggedh5.Table.take`."""
        chosen = rows_of(rows, self.length)
        names = self._names(columns)
        if isinstance(chosen, slice):
            return self._take_slice(chosen.start, chosen.stop, names)
        starts, stops = self._ranges(chosen)
        values = self._each(
            [partial(self._field(name).gather, starts, stops) for name in names], len(starts)
        )
        if self._offsets is None:
            return dict(zip(names, values, strict=True))
        offsets = np.zeros(len(starts) + 1, np.int64)
        np.cumsum(stops - starts, out=offsets[1:])
        return {n: Ragged(v, offsets) for n, v in zip(names, values, strict=True)}

    def padded(
        self, rows: Any, columns: Sequence[str] | None, width: int | None, fill: Any
    ) -> dict[str, Any]:
        """See `raggedh5.Table.padded`."""
        chosen = rows_of(rows, self.length)
        names = self._names(columns)
        if self._offsets is None:
            return self.take(rows, names)
        if isinstance(chosen, slice):
            bounds = self._offsets.bounds(chosen.start, chosen.stop)
            starts, stops = bounds[:-1], bounds[1:]
        else:
            starts, stops = self._ranges(chosen)
        if width is not None and width < 0:
            raise SchemaError(f"{self.name}: a width of {width}")
        lengths = stops - starts
        longest = int(lengths.max()) if len(lengths) else 0
        if width is None:
            width = longest
        elif width < longest:
            at = int((lengths > width).argmax())
            number = chosen.start + at if isinstance(chosen, slice) else int(chosen[at])
            raise SchemaError(
                f"{self.name}: row {number} has {lengths[at]} items, more than a width of {width}"
            )
        plain = type(fill) is int and fill == 0
        fills = {name: 0 if plain else self._fill(name, fill) for name in names}
        arrays = self._each(
            [
                partial(padded_field, self._field(name), starts, stops, width, fills[name])
                for name in names
            ],
            len(starts),
        )
        batch = {}
        for name, array in zip(names, arrays, strict=True):
            if isinstance(array, tuple):
                batch[name], batch[f"{name}_mask"] = array
            else:
                batch[name] = array
        batch["mask"] = np.arange(width) < lengths[:, None]
        return batch

    def check_columns(self, columns: Sequence[str] | None) -> None:
        """Raise KeyError unless all of these exist."""
        self._names(columns)

    def plan(self) -> tuple[list[Call], Callable[[], dict[str, Any]]]:
        """Return the calls that read all rows, in any order and thread, and one for the result."""
        return self._plan_slice(0, self.length, self._names(None))

    def _take_slice(self, start: int, stop: int, names: list[str]) -> dict[str, Any]:
        calls, finish = self._plan_slice(start, stop, names)
        self._handle.pool.map(calls)
        return finish()

    def _plan_slice(
        self, start: int, stop: int, names: list[str]
    ) -> tuple[list[Call], Callable[[], dict[str, Any]]]:
        first, last, offsets = start, stop, None
        if self._offsets is not None:
            bounds = self._offsets.bounds(start, stop)
            first, last = int(bounds[0]), int(bounds[-1])
            offsets = bounds if first == 0 else bounds - first
        fields = [self._field(name) for name in names]

        def named(values: list[Any]) -> dict[str, Any]:
            if offsets is not None:
                values = [Ragged(value, offsets) for value in values]
            return dict(zip(names, values, strict=True))

        if last - first <= FEW:
            return [], lambda: named([field.read(first, last) for field in fields])
        # The chunks of all columns at once keep the threads busy to the end.
        plans = [field.plan(first, last) for field in fields]
        calls = [call for part, _ in plans for call in part]
        return calls, lambda: named(self._handle.pool.map([finish for _, finish in plans]))

    def _each(self, calls: list[Call], rows: int) -> list[Any]:
        """Make a call a column; here for few rows, where threads cost more than they save."""
        if rows <= FEW_ROWS:
            return [call() for call in calls]
        return self._handle.pool.map(calls)

    def _ranges(self, rows: Rows) -> tuple[Rows, Rows]:
        if self._offsets is None:
            return rows, rows + 1
        return self._offsets.take(rows)

    def _fill(self, name: str, fill: Any) -> Any:
        if isinstance(fill, Mapping):
            fill = fill.get(name, 0)
        dtype = self.form.fields[name].column.dtype
        return as_fill(fill, dtype, name) if isinstance(dtype, np.dtype) else fill

    def _names(self, columns: Sequence[str] | None) -> list[str]:
        fields = self.form.fields
        if columns is None:
            return list(fields)
        if isinstance(columns, str):
            columns = [columns]
        for name in columns:
            if name not in fields:
                raise KeyError(f"{self.name} has no column {name!r}, but {list(fields)}")
        return list(columns)

    def _field(self, name: str) -> Any:
        found = self._fields.get(name)
        if found is None:
            found = field_reader(self._handle, self._buffers, self.form.fields[name])
            self._fields[name] = found
        return found
