"""The writing end of a table: batches are appended to all of its columns, or to none."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import h5py
import numpy as np

from raggedh5.core.batch import Batch
from raggedh5.core.cursors import Lane, advance, overfull, packing_of
from raggedh5.core.dictionary import Dictionary
from raggedh5.core.form import FieldForm, TableForm
from raggedh5.core.row_messages import shifted
from raggedh5.core.schema import Column, check_names
from raggedh5.errors import FormatError, SchemaError, WriteError
from raggedh5.store.attributes import get_text, set_number
from raggedh5.store.dictionary import read_dictionary
from raggedh5.store.facts import Facts, address_of
from raggedh5.store.field_writers import (
    DictionaryWriter,
    FieldSpec,
    FieldWriter,
    NestedWriter,
    NumberWriter,
    StringWriter,
    field_writer,
    stage_offsets,
)
from raggedh5.store.handle import Handle
from raggedh5.store.layout import Storage, read_layout
from raggedh5.store.reader import Reader
from raggedh5.store.sink import AppendedBatch
from raggedh5.store.stream import Stream
from raggedh5.store.table_buffers import create_buffers, drop_buffers, with_dictionary

__all__ = ["TableWriter"]


PART = 1 << 23
"""Bytes of a batch that are packed before what is coded is stored."""

SHARED = 1 << 16
"""Bytes of a batch that are worth waking another thread."""

TEXT = 32
"""Bytes of numbers that take as long as a string."""


class TableWriter:
    """Appends to one table.

    Parameters
    ----------
    handle
        The open file, writable.
    group
        The table's group.
    declared
        What the user said of the columns.
    storage
        How buffers that do not exist yet are to be stored.
    ragged
        Whether a row holds items, of a table that has just been created; None for any other.
    """

    is_table = True

    def __init__(
        self,
        handle: Handle,
        group: h5py.Group,
        declared: Mapping[str, Column],
        storage: Storage,
        ragged: bool | None = None,
    ) -> None:
        self.handle = handle
        self.h5 = group
        self.name = str(group.name)
        self.declared = dict(declared)
        self.storage = storage
        self.columns: dict[str, Column] = {}
        self._fields: dict[str, FieldWriter] = {}
        self._dictionaries: list[DictionaryWriter] = []
        self._lanes: list[Lane] = []
        self._no_lanes: list[str] = []
        self._rows: Stream | None = None
        self._streams: list[Stream] = []
        self._buffers: Mapping[str, Facts] = {}
        self._item_count = 0
        self._part = PART
        self._saved = -1
        self._form_kept = False
        self.length = 0
        if ragged is None:
            layout = read_layout(group)
            self.ragged = layout.form.offsets is not None
            self.length = layout.length
            if layout.form.fields:
                self._open(layout.form, layout.buffers)
                self._saved = self.length
        else:
            self.ragged = ragged
        self._count = self.length

    def append(self, batch: Batch) -> None:
        """Append all rows of a batch, or none."""
        sink = self.handle.sink
        sink.advance()
        sink.batch = AppendedBatch(self.name, self._count, batch.rows)
        try:
            if not self._fields:
                self._create(batch)
            elif batch.data.keys() != self._fields.keys():
                self._other_columns(batch.data)
            self._append(batch)
        except SchemaError as error:
            raise SchemaError(f"{self.name}: {error}") from error
        finally:
            sink.batch = None

    def convert(self) -> None:
        """Have batches converted to the dtypes of all columns, as if these had been declared."""
        self.declared = {**self.columns, **self.declared}
        for field in self._fields.values():
            if isinstance(field, NumberWriter | NestedWriter):
                field.convert()
        self._set_lanes()

    def flush(self, sync_only: bool = False) -> None:
        """Bring every row to the file, and only then the new length.

        Parameters
        ----------
        sync_only
            Leave the last chunks to HDF5's chunk cache, as an owner who may close the file at any
            time needs it, instead of storing them.
        """
        if self._saved == self._count or not self._streams:
            return
        self.queue(sync_only)
        self.handle.sink.drain()
        for stream in self._streams:
            if sync_only:
                stream.sync_tail()
            stream.finish()
        try:
            set_number(self.h5.id, "length", self._count)
        except (OSError, RuntimeError) as error:
            raise WriteError(f"{self.name}: its length could not be written: {error}") from error
        for stream in self._streams:
            stream.sums.save()
        self._keep_copies()
        self.length = self._saved = self._count

    def renewed(self) -> "TableWriter":
        """Return another one that goes on from what is in the file."""
        return TableWriter(self.handle, self.h5, self.declared, self.storage)

    @property
    def rows(self) -> int:
        """Rows appended so far, on disk or not."""
        return self._count

    @property
    def is_saved(self) -> bool:
        """Whether all of them are in the file."""
        return self.length == self._count

    @property
    def streams(self) -> list[Stream]:
        """The streams of all buffers."""
        return self._streams

    def complete(self) -> None:
        """Append the strings that are new in dictionaries."""
        for field in self._dictionaries:
            field.complete()

    def queue(self, sync_only: bool = False) -> None:
        """Have the last chunks coded; `flush` stores them."""
        if self._saved == self._count:
            return
        self.complete()
        for stream in self._streams:
            stream.cut()
            if not sync_only:
                stream.put_tail()

    def restore_rows(self, rows: int, items: Mapping[str, Any]) -> None:
        """Append items to the streams as they are: what a journal has kept.

        Parameters
        ----------
        rows
            How many rows there are with these.
        items
            By last name of the dataset: the first, those in chunks, and the bytes of the others.

        Raises
        ------
        FormatError
            If they do not go on from what is there, or do not make so many rows.
        """
        if {stream.last_name for stream in self._streams} != items.keys():
            raise FormatError(f"{self.name}: the journal has other columns than the file")
        for stream in self._streams:
            of_stream = items[stream.last_name]
            stream.restore_items(of_stream.first, of_stream.chunks, of_stream.raw)
        if self._rows is not None and self._rows.count != rows + 1:
            raise FormatError(
                f"{self.name}: the journal has {rows} rows, but {self._rows.count} offsets"
            )
        self._count = rows
        self._item_count = rows if self._rows is None else int(self._rows.last() or 0)

    def settle(self) -> None:
        """Store the last chunks that `flush` has left to HDF5."""
        for stream in self._streams:
            stream.put_tail()
        self.handle.sink.drain()
        for stream in self._streams:
            stream.sums.save()
        self._keep_copies()

    def _keep_copies(self) -> None:
        """Keep copies of form and length with the checksums, once there are some."""
        group = self.h5.id
        text = None if self._form_kept else get_text(group, "form")
        self.handle.sums.keep_table(self.name, address_of(group), self._count, text)
        # Where every append is handed to HDF5, there are no checksums before it is settled.
        self._form_kept = not self.handle.immediate

    def _append(self, batch: Batch) -> None:
        """Append a batch, a large one part by part; go back to where it began if that fails."""
        immediate = self.handle.immediate
        whole = batch.items <= self._part
        streams = self._streams
        snapshots = [] if whole else [(stream, stream.snapshot()) for stream in streams]
        marks = [field.mark() for field in self._dictionaries]
        counts = self._count, self._item_count
        try:
            for part in [batch] if whole else batch.parts(self._part):
                self._stage(part)
                full = overfull(streams)
                if whole:
                    # What fits into its chunk is not let count before all else has gone well.
                    snapshots = [(s, s.mark(immediate)) for s in (streams if immediate else full)]
                for stream in full:
                    stream.commit()
                advance(streams)
                self._item_count += part.items
                self._count += part.rows
                if not whole:
                    self.handle.sink.advance()
            if immediate:
                self.flush(sync_only=True)
        except BaseException:
            for stream in self._streams:
                stream.cancel()
            for stream, snapshot in snapshots:
                stream.restore(snapshot)
            self._saved = -1 if snapshots else self._saved
            for field, mark in zip(self._dictionaries, marks, strict=True):
                field.roll_back(mark)
            self._count, self._item_count = counts
            raise

    def _stage(self, part: Batch) -> None:
        """Put a batch behind what there is: what only has to be copied all at once."""
        packing = packing_of(part, self._lanes)
        names = self._no_lanes
        if packing.others:
            left = {*names, *packing.others}
            names = [name for name in self._fields if name in left]
        finishes: list[Callable[[], None]] = []
        try:
            for name in names:
                field = self._fields[name]
                if isinstance(field, StringWriter | DictionaryWriter):
                    begun: Any = field.begin(part)
                    if begun.putting is not None:
                        packing.add(begun.putting)
                    finishes.append(partial(field.finish, begun))
                else:
                    field.stage(part)
            small = packing.nbytes + part.items * TEXT * len(finishes) < SHARED
            self.handle.sink.coders.share(packing, alone=small)
            for finish in finishes:
                finish()
            for name in packing.bad():
                self._fields[name].stage(part)
        except SchemaError as error:
            raise shifted(error, part.first) from error
        if self._rows is not None:
            stage_offsets(self._rows, part.kept.offsets, self._item_count)

    def _create(self, batch: Batch) -> None:
        """Create the buffers, by what was declared and what the first batch holds."""
        names = list(batch.data)
        unknown = [name for name in names if self.declared and name not in self.declared]
        missing = [name for name in self.declared if name not in batch.data]
        if unknown or missing:
            self._say_columns(unknown, missing)
        columns = {}
        for name in self.declared or names:
            column = self.declared[name] if name in self.declared else batch.infer(name)
            columns[name] = with_dictionary(column, batch, name)
        check_names(columns)
        self._build(columns)

    def create(self) -> None:
        """Create the buffers by what was declared, if nothing is left to the first batch."""
        columns = self.declared.values()
        if columns and all(not c.is_string or c.dictionary is not None for c in columns):
            self.conclude()

    def conclude(self) -> None:
        """Create the buffers of a table that stays empty, by what was declared."""
        if not self._fields and self._rows is None:
            self._build(
                {n: c.with_dictionary(bool(c.dictionary)) for n, c in self.declared.items()}
            )
            self._saved = -1

    def _build(self, columns: Mapping[str, Column]) -> None:
        """Create the buffers of these columns, and open them."""
        self.handle.sink.drain()
        self.handle.sink.generation += 1
        form, made = create_buffers(self.handle, self.h5, columns, self.storage, self.ragged)
        try:
            self._open(form, made, fresh=True)
        except BaseException:
            self._streams.clear()
            self._fields.clear()
            self._lanes.clear()
            self._no_lanes.clear()
            self._dictionaries.clear()
            self._rows = None
            self.columns.clear()
            drop_buffers(self.h5, form, self.ragged)
            raise

    def _open(self, form: TableForm, buffers: Mapping[str, Facts], fresh: bool = False) -> None:
        """Open the streams of all buffers, which may have just been created."""
        self._buffers = buffers
        self._streams.clear()
        self._form_kept = False
        open_stream = partial(self._stream, fresh=fresh)
        items = self.length
        if form.offsets is not None:
            self._rows = open_stream(form.offsets, self.length + 1)
            items = int(self._rows.last() or 0)
        self._item_count = items
        for name, field in form.fields.items():
            values = buffers[field.values]
            finite = "finite" in values.dataset.attrs and bool(values.dataset.attrs["finite"])
            self.columns[name] = field.column
            self._fields[name] = field_writer(
                FieldSpec(name, field, name not in self.declared, finite),
                lambda field=field: self._dictionary(field),  # type: ignore[misc]
                open_stream,
                items,
            )
        fields = self._fields.values()
        self._dictionaries = [field for field in fields if isinstance(field, DictionaryWriter)]
        self._set_lanes()
        # An item has the bytes of its values; a string counts with its offset, and as much again.
        self._part = max(PART // max(sum(max(s.item_bytes, 8) for s in self._streams), 1), 1)
        # Offsets are stored behind the values that they count.
        if self._rows is not None:
            self._streams.remove(self._rows)
            self._streams.append(self._rows)

    def _set_lanes(self) -> None:
        """Say which columns only have to be copied."""
        plain = {n: field for n, field in self._fields.items() if type(field) is NumberWriter}
        self._lanes = [field.lane() for field in plain.values()]
        self._no_lanes = [name for name in self._fields if name not in plain]

    def _stream(self, buffer: str, count: int, fresh: bool = False) -> Stream:
        facts = self._buffers[buffer]
        blocksize = self.storage.blocksize
        extent = facts.shape[0]
        empty = extent == 0 and count == int(buffer.endswith("-offsets"))
        if not empty and not 0 <= count <= extent:
            raise FormatError(f"{facts.name}: {extent} items, but the table leads to {count}")
        if facts.chunks is None or facts.dataset.maxshape[0] is not None:
            raise SchemaError(
                f"{facts.name} does not grow: it has a fixed shape; write the table anew"
            )
        if extent == 0:
            stream = Stream(self.handle, facts, 0, blocksize=blocksize, fresh=fresh)
            if buffer.endswith("-offsets"):
                stream.append(np.zeros(1, facts.dtype))
        else:
            length = facts.chunks[0]
            first = max(count - count % length - 1, 0)
            box = (slice(first, count), *(slice(0, n) for n in facts.inner))
            last = Reader(self.handle, facts).read(box)
            tail = last[len(last) - count % length :]
            before = last[0] if len(last) else None
            stream = Stream(self.handle, facts, count, tail, before, blocksize)
        self._streams.append(stream)
        return stream

    def _dictionary(self, field: FieldForm) -> Dictionary:
        return read_dictionary(self.handle, self._buffers, field)

    def _other_columns(self, data: Mapping[str, Any]) -> None:
        self._say_columns(
            [name for name in data if name not in self._fields],
            [name for name in self._fields if name not in data],
        )

    def _say_columns(self, unknown: list[str], missing: list[str]) -> None:
        if unknown:
            raise SchemaError(f"column {unknown[0]!r} is unknown: the table has {self._known()}")
        if missing:
            raise SchemaError(f"column {missing[0]!r} is missing: the table has {self._known()}")

    def _known(self) -> str:
        return ", ".join(map(repr, self._fields or self.declared))
