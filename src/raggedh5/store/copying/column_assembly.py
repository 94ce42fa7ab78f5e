"""A column put together from those of other tables, also where these are stored in another way."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.dictionary import Dictionary
from raggedh5.core.form import FieldForm
from raggedh5.core.strings import encode
from raggedh5.errors import SchemaError
from raggedh5.store.copying.assembly import Target
from raggedh5.store.copying.changes import cast, recode, shift, turn
from raggedh5.store.copying.table_source import TableSource

__all__ = ["ColumnAssembly", "UnitedDictionary"]

STRINGS = 1 << 18
"""Strings that are in memory at once where they get a dictionary, or lose it."""


class UnitedDictionary:
    """The distinct strings of several dictionaries, the first's first."""

    def __init__(self) -> None:
        self.strings = Dictionary()

    def __len__(self) -> int:
        """Return the number of strings."""
        return len(self.strings)

    def add(self, source: TableSource, field: FieldForm) -> NDArray[np.int32] | None:
        """Add a column's dictionary; return what its codes become, None where they stay."""
        categories, _ = source.categories(field)
        codes = self.strings.encode(categories)
        same = np.array_equal(codes, np.arange(len(codes)))
        return None if same else codes


class ColumnAssembly:
    """The writing end of one column.

    Parameters
    ----------
    name, field
        The column, and where its parts go.
    assemblies
        Its buffers by name.
    rounding
        Whether floats may be rounded.
    """

    def __init__(
        self, name: str, field: FieldForm, assemblies: Mapping[str, Target], rounding: bool
    ) -> None:
        self.name = name
        self.field = field
        self._values = assemblies[field.values]
        self._offsets = assemblies.get(field.offsets or "")
        self._codes = assemblies.get(field.codes or "")
        self._mask = assemblies.get(field.mask or "")
        self._rounding = rounding
        self._dictionary = UnitedDictionary()
        self._written = 0

    def append(self, source: TableSource, start: int, stop: int, last: bool) -> None:
        """Append the items start:stop of the column of that name; `last`: nothing comes after."""
        field = source.form.fields[self.name]
        if self.field.column.is_string and bool(field.codes) != bool(self.field.codes):
            self._append_strings(source, start, stop)
            return
        if self._codes is not None:
            self._append_codes(self._codes, source, field, start, stop, last)
            return
        first, beyond = start, stop
        if self._offsets is not None:
            first, beyond = source.ends(field.offsets, start, stop)
            reader = source.reader(field.offsets)
            shift(self._offsets, reader, start, stop, self._values.count - first, last)
        if self._mask is not None:
            change = None if field.valid_when == self.field.valid_when else turn
            self._mask.append(source.reader(field.mask), start, stop, change, last)
        reader = source.reader(field.values)
        converted = cast(reader.dtype, self._values.dtype, self.name, self._rounding)
        self._values.append(reader, first, beyond, converted, last)

    def finish(self) -> None:
        """Write the strings of the dictionary that are not there yet, and the first offset."""
        if self._offsets is not None:
            shift(self._offsets, None, 0, 0, 0, True)
            if self._codes is not None:
                self._write_dictionary(self._offsets)

    def _append_codes(
        self,
        codes: Target,
        source: TableSource,
        field: FieldForm,
        start: int,
        stop: int,
        last: bool,
    ) -> None:
        before = len(self._dictionary)
        changed = self._dictionary.add(source, field)
        reader = source.reader(field.codes)
        if changed is None and reader.dtype.newbyteorder("=") != codes.dtype.newbyteorder("="):
            changed = np.arange(len(self._dictionary), dtype=np.int32)
        change = None if changed is None else recode(changed, reader.name)
        codes.append(reader, start, stop, change, last)
        if before == 0 and changed is None and self._offsets is not None:
            # The first dictionary is copied as it is; what others add comes behind.
            count = len(self._dictionary)
            ends = source.ends(field.offsets, 0, count)
            shift(self._offsets, source.reader(field.offsets), 0, count, 0, last)
            self._values.append(source.reader(field.values), *ends, last=last)
            self._written = count

    def _write_dictionary(self, offsets: Target) -> None:
        if len(self._dictionary) <= self._written:
            return
        data, ends = self._dictionary.strings.since(self._written)
        base = self._values.count
        self._values.put(data)
        offsets.put(ends[1:] + base)
        self._written = len(self._dictionary)

    def _append_strings(self, source: TableSource, start: int, stop: int) -> None:
        """Append strings that get a dictionary here, or lose it."""
        offsets = self._offsets
        if offsets is None or (
            self._codes is None and source.form.fields[self.name].column.nullable
        ):
            raise SchemaError(
                f"column {self.name!r}: strings that may be missing need a dictionary"
            )
        shift(offsets, None, 0, 0, 0, False)
        for first in range(start, stop, STRINGS):
            strings = source.strings(self.name, first, min(first + STRINGS, stop))
            if self._codes is not None:
                self._codes.put(self._dictionary.strings.encode(strings, name=self.name))
                continue
            data, ends = encode(strings, name=self.name)
            base = self._values.count
            self._values.put(data)
            offsets.put(ends[1:] + base)
