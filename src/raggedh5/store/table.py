"""A table: columns that share their rows, on disk an HDF5 group that is one Awkward array."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, overload

import h5py
import numpy as np
from numpy.typing import NDArray

from raggedh5.core.batch import Batch
from raggedh5.core.form import TableForm, main_buffer
from raggedh5.core.ragged import Ragged
from raggedh5.core.schema import Column
from raggedh5.errors import FormatError, SchemaError
from raggedh5.store.column import TableColumn
from raggedh5.store.facts import Facts
from raggedh5.store.field_readers import field_reader
from raggedh5.store.handle import Handle
from raggedh5.store.layout import Storage, read_layout
from raggedh5.store.padded import padded_field
from raggedh5.store.reader import Reader
from raggedh5.store.row_offsets import RowOffsets
from raggedh5.store.selection import Rows, row_number, rows_of
from raggedh5.store.writer import TableWriter

__all__ = ["Table"]

Array = NDArray[Any]

FEW = 1 << 12
"""Items that are read block by block rather than in whole chunks."""

FEW_ROWS = 1 << 8
"""Rows that are read by one thread."""


class Table:
    """A table of a file, as `File.create_table` and ``file[name]`` return it.

    Rows are read by number: ``table[17]`` is a dict of that row's items by column, ``table[10:20]``
    and ``table[[9, 2, 5]]`` are dicts of `Ragged` (of arrays, in a row table). ``table["coords"]``
    is one column, read when it is indexed in turn. Strings come as arrays of NumPy's StringDType.

    Examples
    --------
    >>> import raggedh5 as rh5, numpy as np, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "molecules.h5"
    >>> with rh5.File(path, "w") as file:
    ...     atoms = file.create_table("atoms")
    ...     atoms.append({"charge": np.array([[1, 0, 9], [2, 9, 9]])}, lengths=[2, 1])
    >>> with rh5.File(path) as file:
    ...     file["atoms"][0]["charge"]
    array([1, 0])
    """

    def __init__(
        self,
        handle: Handle,
        group: h5py.Group,
        storage: Storage | None = None,
    ) -> None:
        self._handle = handle
        self._group = group
        self._name = str(group.name)
        self._storage = storage or Storage()
        self._form: TableForm | None = None
        self._buffers: Mapping[str, Facts] = {}
        self._fields: dict[str, Any] = {}
        self._offsets: RowOffsets | None = None
        self._length = 0
        self._generation = -1

    @property
    def name(self) -> str:
        """Path of the table's group in the file."""
        return self._name

    @property
    def h5(self) -> h5py.Group:
        """The HDF5 group; appended rows are in it after `File.flush`."""
        return self._group

    @property
    def is_open(self) -> bool:
        """Whether the file is open still."""
        return self._handle.is_open

    @property
    def columns(self) -> dict[str, Column]:
        """The columns by name, in the order of the file."""
        self._refresh()
        return {name: field.column for name, field in self._form_now().fields.items()}

    @property
    def ragged(self) -> bool:
        """Whether a row holds items; False for a row table."""
        self._refresh()
        return self._form_now().offsets is not None

    @property
    def items(self) -> int:
        """Items of all rows together; the rows themselves in a row table."""
        self._refresh()
        if self._offsets is None:
            return self._length
        return int(self._offsets.bounds(max(self._length - 1, 0), self._length)[-1])

    def __len__(self) -> int:
        """Return the number of rows, those not yet flushed included."""
        self._handle.check_open()
        writer = self._handle.writers.get(self._name)
        if writer is not None:
            return int(writer.rows)
        self._refresh()
        return self._length

    def __repr__(self) -> str:
        """Say what the table is."""
        if not self.is_open:
            return f"<raggedh5.Table {self.name!r} (closed)>"
        return f"<raggedh5.Table {self._name!r}: {len(self)} rows of {', '.join(self.columns)}>"

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Go through the rows; `batches` is much faster."""
        return (self[i] for i in range(len(self)))

    def __contains__(self, column: object) -> bool:
        """Whether there is such a column."""
        return column in self.columns

    @overload
    def __getitem__(self, key: str) -> TableColumn: ...
    @overload
    def __getitem__(self, key: Any) -> dict[str, Any]: ...
    def __getitem__(self, key: Any) -> Any:
        """Return a column by name, or rows by number."""
        self._refresh()
        if isinstance(key, str):
            if key not in self._form_now().fields:
                raise KeyError(f"{self._name} has no column {key!r}, but {list(self.columns)}")
            return TableColumn(self, key)
        if isinstance(key, (int, np.integer)):
            number = row_number(key, self._length)
            return self._row(number)
        return self.take(key)

    def append(
        self,
        data: Mapping[str, Any],
        mask: Any = None,
        lengths: Any = None,
        item_masks: Mapping[str, Any] | None = None,
    ) -> None:
        """Append a batch of rows to all columns, or, if it is refused, to none.

        Parameters
        ----------
        data
            Values by column. Padded arrays (rows, width, *inner) of anything that NumPy, DLPack or
            torch on the CPU understands; `Ragged`; lists of lists of str. In a row table arrays
            (rows, *inner) and lists of str. Copied.
        mask
            bool (rows, width), True where an item is kept, in any pattern: items are stored in
            order, and places between them are not. For nested columns (rows, groups, items), where
            a group is kept if any of its items is.
        lengths
            Instead of a mask: how many items each row keeps, int (rows,). Without either, what
            `padded` returned is taken by its own masks; otherwise the offsets of a `Ragged` hold,
            or every place of the padded arrays.
        item_masks
            For nested columns beside others: bool (rows, groups, items) by column.

        Raises
        ------
        SchemaError
            If the batch does not fit the table; it names path, column and first bad row.
        WriteError
            If the file cannot be written.
        """
        handle = self._handle
        with handle.lock:
            handle.check_writable()
            writer = handle.writers.get(self._name)
            if writer is None:
                writer = handle.writers[self._name] = TableWriter(
                    handle, self._group, {}, self._storage
                )
            try:
                batch = Batch(data, mask, lengths, item_masks, writer.ragged)
            except SchemaError as error:
                raise SchemaError(f"{self._name}: {error}") from error
            writer.append(batch)

    def read(self, columns: Sequence[str] | None = None) -> dict[str, Any]:
        """Return all rows: a dict of `Ragged`, or of arrays in a row table."""
        return self.take(slice(None), columns)

    def take(self, rows: Any, columns: Sequence[str] | None = None) -> dict[str, Any]:
        """Return rows in the order asked for.

        Parameters
        ----------
        rows
            Row numbers, a slice, or a bool array (rows,).
        columns
            Names of columns; None for all.

        Returns
        -------
        dict
            A `Ragged` for each column, all with the same offsets; in a row table an array.
        """
        self._refresh()
        chosen = rows_of(rows, self._length)
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
        self,
        rows: Any,
        columns: Sequence[str] | None = None,
        width: int | None = None,
        fill: Any = 0,
    ) -> dict[str, Any]:
        """Return rows as padded arrays, in the order asked for.

        Parameters
        ----------
        rows
            Row numbers, a slice, or a bool array (rows,).
        columns
            Names of columns; None for all.
        width
            Places in a padded row; None for the longest of these rows.
        fill
            What stands where there is no item, or a dict of that by column. Strings are filled
            with ``""`` unless told otherwise.

        Returns
        -------
        dict
            An array (rows, width, *inner) for each column, and ``"mask"``, bool (rows, width).
            For a nested column an array (rows, width, longest list, *inner), and the mask of that
            as ``"<column>_mask"``. In a row table arrays (rows, *inner), and no mask.

        Raises
        ------
        SchemaError
            If a row is longer than `width`.
        """
        self._refresh()
        chosen = rows_of(rows, self._length)
        names = self._names(columns)
        if self._offsets is None:
            return self.take(rows, names)
        if isinstance(chosen, slice):
            bounds = self._offsets.bounds(chosen.start, chosen.stop)
            starts, stops = bounds[:-1], bounds[1:]
        else:
            starts, stops = self._ranges(chosen)
        lengths = stops - starts
        longest = int(lengths.max()) if len(lengths) else 0
        if width is None:
            width = longest
        elif width < longest:
            at = int((lengths > width).argmax())
            number = chosen.start + at if isinstance(chosen, slice) else int(chosen[at])
            raise SchemaError(
                f"{self._name}: row {number} has {lengths[at]} items, more than a width of {width}"
            )
        fills = fill if isinstance(fill, Mapping) else dict.fromkeys(names, fill)
        arrays = self._each(
            [
                partial(padded_field, self._field(name), starts, stops, width, fills.get(name, 0))
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

    def batches(
        self,
        size: int,
        *,
        columns: Sequence[str] | None = None,
        shuffle: bool = False,
        seed: int | None = None,
        width: int | None = None,
        fill: Any = 0,
        drop_last: bool = False,
    ) -> Iterator[dict[str, Any]]:
        """Go through the table in padded batches.

        Parameters
        ----------
        size
            Rows in a batch.
        shuffle, seed
            Take the rows in random order, the same for the same seed.
        columns, width, fill
            As in `padded`.
        drop_last
            Leave out the last batch where it is smaller.

        Yields
        ------
        dict
            As `padded` returns.
        """
        if size < 1:
            raise SchemaError(f"a batch has 1 row or more, not {size}")
        rows = len(self)
        order = np.random.default_rng(seed).permutation(rows) if shuffle else None
        for first in range(0, rows - size + 1 if drop_last else rows, size):
            chosen = slice(first, first + size) if order is None else order[first : first + size]
            yield self.padded(chosen, columns, width, fill)

    def main_buffer(self, column: str) -> str:
        """Return the name of the dataset that carries a column's attributes."""
        self._refresh()
        return main_buffer(self._form_now().fields[column])

    def read_row(self, column: str, row: int) -> Any:
        """Return the items of one row of one column; in a row table its one value.

        Raises
        ------
        IndexError
            If there is no such row; negative ones count from the end.
        """
        self._refresh()
        return self._row(row_number(row, self._length), [column])[column]

    def _row(self, number: int, columns: list[str] | None = None) -> dict[str, Any]:
        names = self._form_now().fields if columns is None else columns
        if self._offsets is None:
            return {name: self._field(name).read(number, number + 1)[0] for name in names}
        start, stop = self._offsets.bounds(number, number + 1).tolist()
        known = self._fields
        return {name: (known.get(name) or self._field(name)).read(start, stop) for name in names}

    def __reduce__(self) -> Any:
        """Pickle as path and name: the copy opens the file again, for reading."""
        self._handle.check_open()
        return self._handle.reopen, (self._handle.path, self._name, self._handle.verify)

    def plan(self) -> tuple[list[Callable[[], Any]], Callable[[], dict[str, Any]]]:
        """Return the calls that read all rows, in any order and thread, and one for the result."""
        self._refresh()
        return self._plan_slice(0, self._length, self._names(None))

    def _take_slice(self, start: int, stop: int, names: list[str]) -> dict[str, Any]:
        calls, finish = self._plan_slice(start, stop, names)
        self._handle.pool.map(calls)
        return finish()

    def _plan_slice(
        self, start: int, stop: int, names: list[str]
    ) -> tuple[list[Callable[[], Any]], Callable[[], dict[str, Any]]]:
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

    def _each(self, calls: list[Callable[[], Any]], rows: int) -> list[Any]:
        """Make a call a column; here for few rows, where threads cost more than they save."""
        if rows <= FEW_ROWS:
            return [call() for call in calls]
        return self._handle.pool.map(calls)

    def _ranges(self, rows: Rows) -> tuple[Rows, Rows]:
        if self._offsets is None:
            return rows, rows + 1
        return self._offsets.take(rows)

    def _names(self, columns: Sequence[str] | None) -> list[str]:
        fields = self._form_now().fields
        if columns is None:
            return list(fields)
        if isinstance(columns, str):
            columns = [columns]
        for name in columns:
            if name not in fields:
                raise KeyError(f"{self._name} has no column {name!r}, but {list(fields)}")
        return list(columns)

    def _field(self, name: str) -> Any:
        found = self._fields.get(name)
        if found is None:
            form = self._form_now()
            found = field_reader(self._handle, self._buffers, form.fields[name])
            self._fields[name] = found
        return found

    def _form_now(self) -> TableForm:
        if self._form is None:
            raise FormatError(f"{self._name} has not been read")
        return self._form

    def _refresh(self) -> None:
        """Read form and length where they may have changed; flush what was appended before."""
        handle = self._handle
        if self._form is not None and not handle.writable:
            handle.check_open()
            return
        handle.check_open()
        with handle.lock:
            writer = handle.writers.get(self._name)
            if writer is not None:
                writer.flush(sync_only=handle.adopted)
            if self._form is not None and self._generation == handle.sink.generation:
                return
            self._generation = handle.sink.generation
            form, self._length, self._buffers = read_layout(self._group)
            offsets = None
            if form.offsets is not None and form.fields:
                reader = Reader(handle, self._buffers[form.offsets])
                offsets = RowOffsets(reader, self._length)
            self._fields.clear()
            self._offsets = offsets
            self._form = form  # last: other threads go ahead as soon as it is there
