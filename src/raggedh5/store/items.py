"""The items of a table by number, whichever rows they belong to: work in pieces of bounded memory.

A row may be larger than memory, and so may a column. A piece is never larger than asked for, but
for a single string or list that is.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.schema import Column
from raggedh5.core.string_decode import Strings
from raggedh5.errors import FormatError
from raggedh5.store.field_readers import (
    DictionaryReader,
    ListReader,
    MaskedReader,
    NestedReader,
    NumberReader,
)
from raggedh5.store.table import Table

__all__ = ["ItemReader"]

Indices = NDArray[np.int64]

BOUNDS = 1 << 20
"""Offsets that are looked at together."""


class ItemReader:
    """Reads the items of one table.

    Parameters
    ----------
    table
        The table, as it is now.

    Examples
    --------
    >>> import raggedh5 as rh5, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "molecules.h5"
    >>> rh5.write(path, {"atoms": {"symbol": [["O", "H", "H"], [], ["N"]]}})
    >>> with rh5.File(path) as file:
    ...     items = ItemReader(file["atoms"])
    ...     items.bounds(0, 3), items.read("symbol", 1, 4).tolist()
    (array([0, 3, 3, 4]), ['H', 'H', 'N'])
    """

    def __init__(self, table: Table) -> None:
        self._reader = table.reading_end()
        self.rows = self._reader.length
        self.items = self._reader.items

    def column(self, name: str) -> Column:
        """Return what a column is."""
        return self._reader.form.fields[name].column

    def bounds(self, start: int, stop: int) -> Indices:
        """Return where the items of rows start:stop lie; the rows themselves in a row table."""
        return self._reader.bounds(start, stop)

    def ranges(self, rows: Indices) -> tuple[Indices, Indices]:
        """Return where the items of each of `rows` start and stop."""
        return self._reader.ranges(rows)

    def read(self, column: str, start: int, stop: int) -> Any:
        """Return items: an array, one of StringDType, a masked array, or a `Ragged` of lists.

        Raises
        ------
        FormatError
            If the file is damaged there.
        CodecError
            If a filter is missing.
        """
        return self._finished(self._reader.field(column), start, stop)

    def codes(self, column: str, start: int, stop: int) -> NDArray[Any]:
        """Return the places of strings among the `categories`, checked; -1 where one is missing."""
        field = self._reader.field(column)
        codes: NDArray[Any] = self._finished(field.codes, start, stop)
        count, least = len(field.categories()), -1 if field.nullable else 0
        if codes.size and not (codes.min() >= least and codes.max() < count):
            item = start + int(((codes < least) | (codes >= count)).argmax())
            raise FormatError(
                f"{field.codes.reader.name}: item {item} has code {codes[item - start]}, but there "
                f"are {count} categories"
            )
        return codes

    def categories(self, column: str) -> Strings:
        """Return the distinct strings of a column that has a dictionary."""
        field: DictionaryReader = self._reader.field(column)
        return field.categories()

    def list_bounds(self, column: str, start: int, stop: int) -> Indices:
        """Return where the lists of items start:stop lie, int64 (stop - start + 1,), checked.

        They count from the first value of the column; of strings, from the first byte.
        """
        if stop <= start:
            return np.zeros(1, np.int64)
        offsets = self._reader.field(column).offsets
        bounds: Indices = self._finished(offsets, start, stop + 1).astype(np.int64, copy=False)
        falls = np.flatnonzero(bounds[1:] < bounds[:-1])
        if len(falls) or bounds[0] < 0:
            item = start + int(falls[0]) if len(falls) else start
            raise FormatError(f"{offsets.reader.name}: item {item}: the offsets fall")
        return bounds

    def list_values(self, column: str, start: int, stop: int) -> NDArray[Any]:
        """Return values of a nested column by their number, whichever lists they belong to."""
        field: NestedReader = self._reader.field(column)
        values: NDArray[Any] = self._finished(field.values, start, stop)
        return values

    def item_bytes(self, column: str) -> float:
        """Return about how many bytes an item takes in memory, on average."""
        field = self._reader.field(column)
        if isinstance(field, ListReader):
            values = field.values.reader
            total = values.itembytes * (values.shape[0] if values.shape else 0)
            return 16 + total / max(self.items, 1)
        if isinstance(field, MaskedReader):
            return float(field.values.reader.itembytes + 1)
        if isinstance(field, DictionaryReader):
            return 16.0
        number: NumberReader = field
        return float(number.reader.itembytes)

    def pieces(self, column: str, nbytes: int) -> Iterator[tuple[int, int]]:
        """Cut all items of a column into ranges of up to `nbytes` bytes in memory."""
        field = self._reader.field(column)
        if isinstance(field, ListReader):
            yield from self._list_pieces(column, nbytes, field.values.reader.itembytes)
            return
        part = field.codes if isinstance(field, DictionaryReader) else field
        part = part.values if isinstance(part, MaskedReader) else part
        yield from spans(0, self.items, nbytes, part.reader.itembytes, part.reader.chunks)

    def value_pieces(
        self, column: str, start: int, stop: int, nbytes: int
    ) -> Iterator[tuple[int, int]]:
        """Cut the values start:stop of a nested column into ranges of up to `nbytes` bytes."""
        reader = self._reader.field(column).values.reader
        yield from spans(start, stop, nbytes, reader.itembytes, reader.chunks)

    def _list_pieces(self, column: str, nbytes: int, itembytes: int) -> Iterator[tuple[int, int]]:
        most = max(1, min(BOUNDS, nbytes // 16))
        for first in range(0, self.items, most):
            last = min(first + most, self.items)
            bounds = self.list_bounds(column, first, last)
            start = first
            while start < last:
                end = bounds[start - first] + nbytes // max(itembytes, 1)
                stop = first + int(np.searchsorted(bounds, end, "right")) - 1
                stop = min(max(stop, start + 1), last)
                yield start, stop
                start = stop

    def _finished(self, field: Any, start: int, stop: int) -> Any:
        return self._reader.finished(field, start, stop)


def spans(
    start: int, stop: int, nbytes: int, itembytes: int, chunks: tuple[int, ...] | None
) -> Iterator[tuple[int, int]]:
    """Cut items start:stop into ranges of up to `nbytes` bytes, between chunks where there are any.

    A chunk that is larger is decoded once rather than for every piece of it.

    Examples
    --------
    >>> list(spans(5, 40, 10, 1, (8,))), list(spans(0, 5, 2, 1, None))
    ([(5, 8), (8, 16), (16, 24), (24, 32), (32, 40)], [(0, 2), (2, 4), (4, 5)])
    """
    step = max(1, nbytes // max(itembytes, 1))
    if chunks and math.prod(chunks):
        step = max(step // chunks[0], 1) * chunks[0]
    at = start
    while at < stop:
        end = min((at // step + 1) * step, stop)
        yield at, end
        at = end
