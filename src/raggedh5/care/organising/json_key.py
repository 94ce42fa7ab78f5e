"""Keys of structures that a file has as JSON, and the structures with them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.care.organising.keys import COMPOSITION, SIZE, index_name
from raggedh5.care.work import PIECE
from raggedh5.errors import SchemaError
from raggedh5.store.file import File
from raggedh5.store.items import ItemReader
from raggedh5.store.raw_json import (
    RAW_JSON,
    STRUCTURES,
    layout_of,
    names_in_groups,
    texts_in_groups,
)
from raggedh5.store.table import Table
from raggedh5.store.walk import Found, walk

__all__ = ["JsonKey", "find_json_key", "refuse_sorting"]


@dataclass(frozen=True)
class JsonKey:
    """What structures in JSON are grouped by.

    ``table`` is that of a packed file; None where each has a group, and ``names`` are those.
    """

    file: File
    text: str
    table: Table | None
    names: NDArray[np.bytes_] | None

    @property
    def name(self) -> str:
        """Path of the table, or of the group of all structures."""
        return STRUCTURES

    @property
    def column(self) -> str:
        """The column that it is of."""
        return RAW_JSON

    @property
    def folder(self) -> str:
        """Path of the group that the structures are in; empty at the top."""
        return ""

    @property
    def group(self) -> str:
        """Name of the index group."""
        return index_name(self.text)

    @property
    def rows(self) -> int:
        """How many structures there are."""
        found = self.table if self.table is not None else self.names
        return 0 if found is None else len(found)

    def texts(self) -> Iterator[str | None]:
        """Go through the structures in their order; None for one that has no JSON."""
        if self.table is None:
            yield from (text for _, text in texts_in_groups(self.file.h5))
            return
        items = ItemReader(self.table)
        for start, stop in items.pieces(RAW_JSON, PIECE):
            yield from items.read(RAW_JSON, start, stop).tolist()


def find_json_key(file: File, by: str, table: str | None) -> JsonKey | None:
    """Return the key that is found in JSON; None where a table has it, or there is no JSON.

    Parameters
    ----------
    file
        The open file.
    by
        See `raggedh5.care.organising.json_places.finder`.
    table
        Path of the table, or of the group of structures; None where only one can be meant.

    Raises
    ------
    FormatError
        If the file is damaged.
    """
    if table is not None and table.strip("/") != STRUCTURES:
        return None
    layout = _layout(file)
    if layout is None:
        return None
    if table is None and any(_has(file[found.name], by) for found in _other_tables(file)):
        return None
    if layout == "packed":
        packed: Table = file[STRUCTURES]
        return None if by in packed.columns else JsonKey(file, by, packed, None)
    names = np.array([name.encode() for name in names_in_groups(file.h5)], np.bytes_)
    return JsonKey(file, by, None, names)


def _layout(file: File) -> str | None:
    try:
        return layout_of(file.h5)
    except ValueError:  # it is something else, which tables may have a key of
        return None


def _other_tables(file: File) -> Iterator[Found]:
    """Go through the tables of a file, without a look at every structure."""
    for found in walk(file.h5, lambda found: found.path != f"/{STRUCTURES}"):
        if found.kind == "table" and found.name != STRUCTURES:
            yield found


def _has(table: Table, by: str) -> bool:
    """Whether a key may be one of a table."""
    if not table.ragged:
        return by in table.columns
    match = COMPOSITION.fullmatch(by)
    if match is not None:
        return match["column"].strip() in table.columns
    return SIZE.fullmatch(by) is not None or by in table.columns


def refuse_sorting(key: Any) -> None:
    """Refuse to put what has no order in order.

    Raises
    ------
    SchemaError
        If structures have a group each.
    """
    if isinstance(key, JsonKey) and key.table is None:
        raise SchemaError(
            f"{key.file.path}: structures that have a group each have no order to be sorted in; "
            "only the index can be made"
        )
