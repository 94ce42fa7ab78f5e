"""A table put together from rows of others, buffer by buffer."""

from collections.abc import Callable, Mapping

import h5py

from raggedh5.core.form import FieldForm, TableForm
from raggedh5.errors import WriteError
from raggedh5.store.attributes import set_number
from raggedh5.store.copying.assembly import Target
from raggedh5.store.copying.changes import shift
from raggedh5.store.copying.column_assembly import ColumnAssembly
from raggedh5.store.copying.table_source import TableSource

__all__ = ["MakeBuffer", "TableAssembly", "parts_of"]

MakeBuffer = Callable[[str, str, FieldForm | None], Target]
"""Creates a buffer, given its name, its column and the form of that (None: the offsets of the
rows)."""


class TableAssembly:
    """The writing end of a new table that is put together from others.

    Parameters
    ----------
    group
        The group of the table, with its form and without buffers.
    form
        That form.
    make
        Creates its buffers.
    rounding
        Whether floats may be rounded to a dtype with fewer digits.
    """

    def __init__(
        self,
        group: h5py.Group,
        form: TableForm,
        make: MakeBuffer,
        rounding: bool = False,
    ) -> None:
        self.group = group
        self.form = form
        self.rows = 0
        self.items = 0
        self.columns: dict[str, ColumnAssembly] = {}
        self.assemblies: dict[str, Target] = {}
        for name, field in form.fields.items():
            made = {buffer: make(buffer, name, field) for buffer in field.buffers()}
            self.assemblies |= made
            self.columns[name] = ColumnAssembly(name, field, made, rounding)
        self._offsets: Target | None = None
        if form.offsets is not None:
            self._offsets = self.assemblies[form.offsets] = make(form.offsets, "", None)

    def append(self, source: TableSource, start: int, stop: int, last: bool = False) -> None:
        """Append the rows start:stop of a table with these columns; `last`: nothing comes after.

        Raises
        ------
        SchemaError
            If a value does not fit the dtype of its column.
        FormatError
            If the source is damaged.
        WriteError
            If the file cannot be written.
        """
        if not source.form.fields:  # a table that nothing was ever appended to
            return
        first, beyond = source.bounds(start, stop)
        for column in self.columns.values():
            column.append(source, first, beyond, last)
        if self._offsets is not None and source.form.offsets is not None:
            reader = source.reader(source.form.offsets)
            shift(self._offsets, reader, start, stop, self.items - first, last)
        self.rows += stop - start
        self.items += beyond - first

    def finish(self) -> None:
        """Store what is left, and only then the number of rows."""
        for column in self.columns.values():
            column.finish()
        if self._offsets is not None:
            shift(self._offsets, None, 0, 0, 0, True)
        for assembly in self.assemblies.values():
            assembly.finish()
        try:
            set_number(self.group.id, "length", self.rows)
        except (OSError, RuntimeError) as error:
            raise WriteError(
                f"{self.group.name}: its length could not be written: {error}"
            ) from error


def parts_of(field: FieldForm) -> Mapping[str, str]:
    """Return the buffers of a column by what they are, so that two columns can be compared."""
    named = {
        "values": field.values,
        "offsets": field.offsets,
        "codes": field.codes,
        "mask": field.mask,
    }
    return {part: buffer for part, buffer in named.items() if buffer is not None}
