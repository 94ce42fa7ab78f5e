"""A table: columns that share their rows, on disk an HDF5 group that is one Awkward array."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar, overload

import h5py
import numpy as np
from numpy.typing import NDArray

from raggedh5.core.batch import Batch
from raggedh5.core.form import main_buffer
from raggedh5.core.rows import is_single
from raggedh5.core.schema import Column
from raggedh5.core.signals import deferred_signals
from raggedh5.errors import ClosedError, SchemaError
from raggedh5.store.column import TableColumn
from raggedh5.store.durable.complete_rows import cut_rows
from raggedh5.store.facts import address_of
from raggedh5.store.handle import Handle
from raggedh5.store.layout import Storage, read_layout
from raggedh5.store.reader import Call
from raggedh5.store.table_reader import TableReader
from raggedh5.store.writer import TableWriter

__all__ = ["Table"]

Result = TypeVar("Result")

Array = NDArray[Any]


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
        self._h5 = group
        self._epoch = handle.epoch
        self._moves = len(handle.sums.moves)
        self._name = str(group.name)
        self._address = address_of(group.id)
        self._storage = storage or Storage()
        self._reader: TableReader | None = None
        self._generation = -1

    @property
    def _group(self) -> h5py.Group:
        if self._epoch != self._handle.epoch:
            self._h5, self._reader = self._handle.file[self._name], None
            self._epoch = self._handle.epoch
        return self._h5

    @property
    def name(self) -> str:
        """Path of the table's group in the file."""
        if self.is_open:
            with contextlib.suppress(ClosedError):  # where it was before it was removed
                self._keep_up()
        return self._name

    @property
    def h5(self) -> h5py.Group:
        """The HDF5 group; appended rows are in it after `File.flush`."""
        return self._group

    @property
    def handle(self) -> Handle:
        """The open file, for work on whole files."""
        return self._handle

    @property
    def is_open(self) -> bool:
        """Whether the file is open still."""
        return self._handle.is_open

    @property
    def columns(self) -> dict[str, Column]:
        """The columns by name, in the order of the file."""
        return self._read(lambda r: {name: f.column for name, f in r.form.fields.items()})

    @property
    def ragged(self) -> bool:
        """Whether a row holds items; False for a row table."""
        return self._read(lambda reader: reader.form.offsets is not None)

    @property
    def items(self) -> int:
        """Items of all rows together; the rows themselves in a row table."""
        return self._read(lambda reader: reader.items)

    def __len__(self) -> int:
        """Return the number of rows, those not yet flushed included."""
        self._handle.check_open()
        self._keep_up()
        writer = self._handle.writer_of(self._address)
        if writer is not None:
            return int(writer.rows)
        return self._read(lambda reader: reader.length)

    def __repr__(self) -> str:
        """Say what the table is."""
        if not self.is_open:
            return f"<raggedh5.Table {self.name!r} (closed)>"
        try:
            rows, columns = len(self), ", ".join(self.columns)
        except ClosedError:
            return f"<raggedh5.Table {self._name!r} (removed)>"
        return f"<raggedh5.Table {self._name!r}: {rows} rows of {columns}>"

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
        """Return a column by name, or rows by number: see `take`. One row is a dict of arrays."""
        if isinstance(key, str):
            if not self._read(lambda reader: key in reader.form.fields):
                raise KeyError(f"{self._name} has no column {key!r}, but {list(self.columns)}")
            return TableColumn(self, key)
        if is_single(key):
            return self._read(lambda reader: reader.row(key))
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
        with handle.lock, deferred_signals:
            writer = self._writing_end()
            try:
                columns = writer.columns or writer.declared
                batch = Batch(data, mask, lengths, item_masks, writer.ragged, columns=columns)
            except SchemaError as error:
                raise SchemaError(f"{self._name}: {error}") from error
            handle.appending = True
            try:
                writer.append(batch)
            finally:
                handle.appending = False
            handle.appended(writer, batch.rows)

    def truncate(self, rows: int) -> None:
        """Drop the rows behind the first `rows`; fewer than these stay as they are.

        What they took up stays in the file until rows are appended again, or it is repacked.

        Raises
        ------
        SchemaError
            If `rows` is below 0.
        WriteError
            If the file cannot be written.
        """
        handle = self._handle
        with handle.lock, deferred_signals:
            writer = self._writing_end()
            if rows < 0:
                raise SchemaError(f"{self._name}: a number of rows is 0 or more, not {rows}")
            if rows >= writer.rows:
                return
            handle.store()
            cut_rows(handle, self._group, rows)
            # Another one begins with what is left.
            del handle.writers[self._address]
            handle.sink.generation += 1
            self._reader = None

    def convert(self) -> None:
        """Have batches converted from now on to the dtypes that the columns have.

        They are anyway in a table that was created with these columns declared, for as long as its
        file is open. To any other one batches are appended in its very dtypes.

        Raises
        ------
        WriteError
            If the file was opened for reading.
        """
        handle = self._handle
        with handle.lock, deferred_signals:
            self._writing_end().convert()

    def read(self, columns: Sequence[str] | None = None) -> dict[str, Any]:
        """Return all rows: a dict of `Ragged`, or of arrays in a row table; see `take`."""
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
            A `Ragged` for each column, all with the same offsets; in a row table an array. All are
            new arrays.

        Raises
        ------
        IndexError
            If there is no such row.
        KeyError
            If there is no such column.
        FormatError
            If the file is damaged where these rows are.
        CodecError
            If a filter is missing.
        """
        return self._read(lambda reader: reader.take(rows, columns))

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
            If a row is longer than `width`, or `fill` does not fit a column.
        IndexError, KeyError, FormatError, CodecError
            As `take`.
        """
        return self._read(lambda reader: reader.padded(rows, columns, width, fill))

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

        Returns
        -------
        iterator of dict
            As `padded` returns them.

        Raises
        ------
        SchemaError
            If `size` is below 1.
        KeyError
            If there is no such column.
        """
        if size < 1:
            raise SchemaError(f"a batch has 1 row or more, not {size}")
        self._read(lambda reader: reader.check_columns(columns))
        rows = len(self)
        order = np.random.default_rng(seed).permutation(rows) if shuffle else None
        firsts = range(0, rows - size + 1 if drop_last else rows, size)
        chosen = (
            slice(first, first + size) if order is None else order[first : first + size]
            for first in firsts
        )
        return (self.padded(part, columns, width, fill) for part in chosen)

    def main_buffer(self, column: str) -> str:
        """Return the name of the dataset that carries a column's attributes."""
        return self._read(lambda reader: main_buffer(reader.form.fields[column]))

    def read_row(self, column: str, row: int) -> Any:
        """Return the items of one row of one column; in a row table its one value.

        Raises
        ------
        IndexError
            If there is no such row; negative ones count from the end.
        """
        return self._read(lambda reader: reader.row(row, [column])[column])

    def __reduce__(self) -> Any:
        """Pickle as path and name: the copy opens the file again, for reading."""
        self._handle.check_open()
        self._keep_up()
        return self._handle.reopen, (self._handle.location, self.name)

    def reading_end(self) -> TableReader:
        """Return what reads the table as it is now, by rows and by items."""
        return self._reader_now()

    def plan(self) -> tuple[list[Call], Callable[[], dict[str, Any]]]:
        """Return the calls that read all rows, in any order and thread, and one for the result."""
        return self._read(lambda reader: reader.plan())

    def _read(self, call: Callable[[TableReader], Result]) -> Result:
        """Read while the file stays as it is."""
        return self._handle.steadily(lambda: call(self._reader_now()))

    def _keep_up(self) -> None:
        """Go by the name that the table has now, after something was moved or removed."""
        moves = len(self._handle.sums.moves)
        if self._moves != moves:
            self._h5 = self._handle.found_again(self._group, self._name)
            self._name = str(self._h5.name)
            self._reader, self._moves = None, moves

    def _writing_end(self) -> TableWriter:
        """Return what appends to the table; the caller holds the lock."""
        handle = self._handle
        handle.check_writable()
        self._keep_up()
        writer: TableWriter | None = handle.writer_of(self._address)
        if writer is None:
            writer = handle.writers[self._address] = TableWriter(
                handle, self._group, {}, self._storage
            )
        return writer

    def _reader_now(self) -> TableReader:
        """Return the reading end, made anew where the file was written to since."""
        handle = self._handle
        handle.check_open()
        group = self._group
        if self._reader is not None and not handle.changing:
            return self._reader
        with handle.lock, deferred_signals:
            handle.check_open()  # another thread may have closed it while this one waited
            self._keep_up()
            writer = handle.writer_of(self._address)
            if writer is not None:
                writer.flush(sync_only=handle.immediate)
            generation = handle.sink.generation
            if self._reader is None or self._generation != generation:
                layout = read_layout(group)
                if handle.live is not None:
                    rows = handle.live.rows(self._address, layout.length)
                    layout = layout._replace(length=rows)
                self._reader = TableReader(handle, self._name, layout)
                self._generation = generation
            return self._reader
