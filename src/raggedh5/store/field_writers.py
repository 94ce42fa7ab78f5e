"""The writing ends of a table's columns: from a batch's values to the streams of the buffers."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from raggedh5.core.arrays import as_numpy
from raggedh5.core.batch import Batch
from raggedh5.core.cursors import Lane
from raggedh5.core.dictionary import Coding, Dictionary
from raggedh5.core.form import FieldForm
from raggedh5.core.kept import Kept, kept_from_lengths
from raggedh5.core.packing import pack_into
from raggedh5.core.ragged import Ragged
from raggedh5.core.row_messages import shifted
from raggedh5.core.strings import Encoding
from raggedh5.errors import FormatError, SchemaError
from raggedh5.store.stream import Stream

__all__ = [
    "DictionaryWriter",
    "FieldSpec",
    "FieldWriter",
    "NestedWriter",
    "NumberWriter",
    "StringWriter",
    "field_writer",
    "stage_offsets",
]

StreamOf = Callable[[str, int], Stream]
"""Opens the stream of a buffer, given its name and the number of items that it holds."""


class FieldSpec(NamedTuple):
    """What is asked of one column.

    Attributes
    ----------
    name, form
        The column, and where its parts lie.
    strict
        Whether batches must have the column's very dtype. Otherwise they are converted to it.
    finite
        Whether NaN and infinity are refused.
    """

    name: str
    form: FieldForm
    strict: bool
    finite: bool

    @property
    def dtype(self) -> Any:
        """The dtype that batches must have, None for any that can be converted."""
        return self.form.column.dtype if self.strict else None


class FieldWriter(Protocol):
    """Takes the values of one column."""

    def stage(self, batch: Batch) -> None:
        """Put the batch's values where they go, for `Stream.commit` or `Stream.cancel` to decide.

        Raises
        ------
        SchemaError
            If they do not fit the column.
        """


class NumberWriter:
    """Numbers of a fixed inner shape: one buffer."""

    def __init__(self, spec: FieldSpec, open_stream: StreamOf, items: int) -> None:
        self.name = spec.name
        self.dtype = spec.dtype
        self.finite = spec.finite
        self.values = open_stream(spec.form.values, items)

    def lane(self) -> Lane:
        """Return the column for those that only copy."""
        like = np.empty((0, *self.values.inner), self.values.dtype)
        return Lane(str(self.name), self.values, like, self.dtype, self.finite)

    def convert(self) -> None:
        """Take values of any dtype that can be converted, from now on."""
        self.dtype = None

    def stage(self, batch: Batch) -> None:
        """See `FieldWriter`."""
        self._stage(batch, batch.data[self.name])

    def _stage(self, batch: Batch, value: Any) -> None:
        array, kept = batch.numbers(self.name, value, self.values.dtype)
        dtype = array.dtype
        if dtype != self.dtype and self.dtype not in (None, dtype.newbyteorder("=")):
            raise _other_dtype(self.name, dtype, self.dtype)
        pieces = self.values.reserve(kept.items)
        try:
            pack_into(kept, array, pieces, finite=self.finite, name=self.name)
        except SchemaError:
            if kept is not batch.kept:
                _find_row(batch.kept.offsets, array, pieces[0], self.name, self.finite)
            raise


class MaskedWriter(NumberWriter):
    """Numbers that may be missing: the values, and a mask that is 1 where one is there."""

    def __init__(self, spec: FieldSpec, open_stream: StreamOf, items: int) -> None:
        super().__init__(spec, open_stream, items)
        self.valid_when = spec.form.valid_when
        self.valid = open_stream(spec.form.mask or "", items)

    def stage(self, batch: Batch) -> None:
        """See `FieldWriter`."""
        value = batch.data[self.name]
        if isinstance(value, (list, tuple)):
            value = Ragged.from_lists(value) if batch.ragged else as_numpy(value)
        inside = value.values if isinstance(value, Ragged) else value
        axes = 2 if batch.ragged and inside is value else 1
        missing: np.ndarray[Any, Any] = np.zeros(np.shape(inside)[:axes], np.bool_)
        if isinstance(inside, np.ma.MaskedArray):
            where = np.ma.getmaskarray(inside)
            missing = np.any(where, axis=tuple(range(axes, where.ndim)))
            inside = np.where(where, np.zeros((), inside.dtype), inside.data)
        flags = (missing != self.valid_when).view(np.int8)
        if isinstance(value, Ragged):
            self._stage(batch, Ragged(inside, value.offsets))
            array, kept = batch.numbers(self.name, Ragged(flags, value.offsets), self.valid.dtype)
        else:
            self._stage(batch, inside)
            array, kept = batch.numbers(self.name, flags, self.valid.dtype)
        pack_into(kept, array, self.valid.reserve(kept.items), name=self.name)


class StringWriter:
    """Strings, one after the other: offsets and UTF-8 bytes."""

    def __init__(self, spec: FieldSpec, open_stream: StreamOf, items: int) -> None:
        self.name = spec.name
        self.offsets = open_stream(spec.form.offsets or "", items + 1)
        self.values = open_stream(spec.form.values, int(self.offsets.last() or 0))

    def stage(self, batch: Batch) -> None:
        """See `FieldWriter`."""
        self.finish(self.begin(batch))

    def begin(self, batch: Batch) -> Encoding:
        """Begin to `stage`; others may do what it has to be `putting` before `finish`."""
        strings, kept = batch.strings(self.name)
        encoding = Encoding(strings, kept, self.name)
        _check_count(self.name, encoding.items, batch.items)
        return encoding

    def finish(self, encoding: Encoding) -> None:
        """Do what is left of `stage`."""
        data, offsets = encoding.result()
        at = 0
        for piece in self.values.reserve(len(data)):
            piece[:] = data[at : at + len(piece)]
            at += len(piece)
        stage_offsets(self.offsets, offsets, self.values.count)


class DictionaryWriter:
    """Strings by their number in a dictionary, which is written when the table is flushed."""

    def __init__(
        self, spec: FieldSpec, dictionary: Dictionary, open_stream: StreamOf, items: int
    ) -> None:
        form = spec.form
        self.name = spec.name
        self.nullable = form.column.nullable
        self.dictionary = dictionary
        self.written = len(dictionary)
        self.codes = open_stream(form.codes or "", items)
        if self.codes.dtype != np.int32:
            raise FormatError(
                f"{self.codes.name}: codes of {self.codes.dtype} cannot be appended to"
            )
        self.offsets = open_stream(form.offsets or "", self.written + 1)
        self.values = open_stream(form.values, int(self.offsets.last() or 0))

    def stage(self, batch: Batch) -> None:
        """See `FieldWriter`."""
        self.finish(self.begin(batch))

    def begin(self, batch: Batch) -> Coding:
        """Begin to `stage`; others may do what it has to be `putting` before `finish`."""
        strings, kept = batch.strings(self.name)
        codes = self.codes.reserve(batch.items)
        return self.dictionary.coding(
            codes, strings, kept=kept, name=self.name, nullable=self.nullable
        )

    def finish(self, coding: Coding) -> None:
        """Do what is left of `stage`."""
        coding.finish()

    def complete(self) -> None:
        """Append the strings that are new in the dictionary."""
        if len(self.dictionary) <= self.written:
            return
        data, offsets = self.dictionary.since(self.written)
        before = self.values.mark(False), self.offsets.mark(False)
        try:
            base = self.values.count
            self.values.append(data)
            self.offsets.append(offsets[1:] + base)
            self.written = len(self.dictionary)
        except BaseException:
            self.values.restore(before[0])
            self.offsets.restore(before[1])
            raise

    def mark(self) -> tuple[int, int]:
        """Return what `roll_back` needs to come back to this point."""
        return self.dictionary.mark(), self.written

    def roll_back(self, mark: tuple[int, int]) -> None:
        """Forget the strings that are new since `mark`; the streams are restored by the caller."""
        self.dictionary.rollback(mark[0])
        self.written = mark[1]


class NestedWriter:
    """Lists of numbers in every item: offsets and values."""

    def __init__(self, spec: FieldSpec, open_stream: StreamOf, items: int) -> None:
        self.name = spec.name
        self.dtype = spec.dtype
        self.finite = spec.finite
        self.offsets = open_stream(spec.form.offsets or "", items + 1)
        self.values = open_stream(spec.form.values, int(self.offsets.last() or 0))

    def convert(self) -> None:
        """Take values of any dtype that can be converted, from now on."""
        self.dtype = None

    def stage(self, batch: Batch) -> None:
        """See `FieldWriter`."""
        array, inner, flat = batch.nested(self.name)
        if array.dtype != self.dtype and self.dtype is not None:
            raise _other_dtype(self.name, array.dtype, self.dtype)
        _check_count(self.name, inner.rows, batch.items)
        pieces = self.values.reserve(inner.items)
        if flat:
            array = array[:, None]
            every = Kept(np.arange(inner.items + 1, dtype=np.int64), 1)
        try:
            pack_into(every if flat else inner, array, pieces, finite=self.finite, name=self.name)
        except SchemaError:
            if flat:
                bounds = inner.offsets[batch.kept.offsets]
                _find_row(bounds, array, pieces[0], self.name, self.finite)
            raise
        stage_offsets(self.offsets, inner.offsets, self.values.count)


def field_writer(
    spec: FieldSpec,
    dictionary: Callable[[], Dictionary],
    open_stream: StreamOf,
    items: int,
) -> FieldWriter:
    """Return the writer for a column.

    Parameters
    ----------
    spec
        The column.
    dictionary
        Reads the dictionary that the file has.
    open_stream
        Opens the stream of a buffer.
    items
        How many items the column holds.
    """
    form = spec.form
    if form.codes is not None:
        return DictionaryWriter(spec, dictionary(), open_stream, items)
    if form.column.is_string:
        return StringWriter(spec, open_stream, items)
    if form.column.nested:
        return NestedWriter(spec, open_stream, items)
    kind = MaskedWriter if form.mask is not None else NumberWriter
    return kind(spec, open_stream, items)


def stage_offsets(stream: Stream, offsets: Any, base: int) -> None:
    """Stage the ends of the lists in `offsets`, counted from `base` on."""
    at = 1
    for piece in stream.reserve(len(offsets) - 1):
        np.add(offsets[at : at + len(piece)], base, out=piece)
        at += len(piece)


def _check_count(name: str, count: int, wanted: int) -> None:
    if count != wanted:
        raise SchemaError(f"column {name!r}: {count} items, but the batch keeps {wanted}")


def _other_dtype(name: str, dtype: Any, wanted: Any) -> SchemaError:
    return SchemaError(
        f"column {name!r}, row 0: the batch has {dtype}, the column {wanted}; convert the batch, "
        f"or declare the column in create_table to have its values converted"
    )


def _find_row(bounds: Any, array: Any, like: Any, name: str, finite: bool) -> None:
    """Pack flat items row by row, so that the error names the row and not the item."""
    for row in range(len(bounds) - 1):
        first, last = bounds[row : row + 2]
        values = array[first:last, 0][None]
        try:
            place = np.empty(values.shape[1:], like.dtype)
            pack_into(kept_from_lengths([last - first]), values, [place], finite=finite, name=name)
        except SchemaError as error:
            raise shifted(error, row) from error
