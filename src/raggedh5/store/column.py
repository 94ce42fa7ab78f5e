"""One column of a table, read when it is indexed."""

from typing import TYPE_CHECKING, Any

import h5py

from raggedh5.core.rows import is_single
from raggedh5.core.schema import Column

if TYPE_CHECKING:
    from raggedh5.store.table import Table

__all__ = ["TableColumn"]


class TableColumn:
    """A lazy column: ``column[17]`` is one row's items, ``column[10:20]`` a `Ragged`."""

    def __init__(self, table: "Table", name: str) -> None:
        self.table = table
        self.name = name

    @property
    def spec(self) -> Column:
        """What the column is: dtype, inner shape, nullable and so on."""
        return self.table.columns[self.name]

    @property
    def dtype(self) -> Any:
        """NumPy dtype, or ``"str"``."""
        return self.spec.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Fixed inner shape of an item."""
        return self.spec.shape

    @property
    def h5(self) -> h5py.Dataset:
        """The dataset that holds values, codes or, of plain strings, offsets."""
        return self.table.h5[self.table.main_buffer(self.name)]

    @property
    def attrs(self) -> h5py.AttributeManager:
        """Attributes of the column: units, precision and the like."""
        return self.h5.attrs

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.table)

    def __repr__(self) -> str:
        """Say what the column is."""
        if not self.table.is_open:
            return f"<raggedh5.TableColumn {self.name!r} (closed)>"
        return f"<raggedh5.TableColumn {self.name!r} of {self.table.name!r}: {self.dtype}>"

    def __getitem__(self, rows: Any) -> Any:
        """Return rows: one row's items, or a `Ragged` (an array, in a row table)."""
        if is_single(rows):
            return self.table.read_row(self.name, rows)
        return self.table.take(rows, [self.name])[self.name]

    def read(self) -> Any:
        """Return all rows."""
        return self[:]
