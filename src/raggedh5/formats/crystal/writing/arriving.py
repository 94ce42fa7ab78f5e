"""A table that batches arrive for in any order: in order they are appended, others wait beside it.

`raggedh5.formats.crystal.writing.ordering` puts all of it in its place before the file is closed.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.ragged import Ragged
from raggedh5.core.schema import Column
from raggedh5.errors import SchemaError
from raggedh5.formats.crystal.writing.incoming import Incoming
from raggedh5.formats.crystal.writing.values import with_nulls
from raggedh5.formats.crystal.writing.waiting import (
    GAPS,
    NOTHING_VOID,
    NOWHERE,
    PENDING,
    Waiting,
    found_gaps,
    found_waiting,
    kind_of,
)
from raggedh5.store.file import File
from raggedh5.store.table import Table

__all__ = ["UNKNOWN", "ArrivingTable", "empty_rows"]

UNKNOWN = -1
"""Items of a structure that was not written."""

Lengths = NDArray[np.int64]


class ArrivingTable:
    """One table of structures.

    Parameters
    ----------
    file
        The open file.
    name
        The table.
    ragged
        Whether a structure has items in it, or one value.
    structures
        How many structures there will be.
    gaps
        Runs of rows in a finished table that were not written, first and last but one.

    Attributes
    ----------
    columns : dict
        What each column is stored as.
    void : dict
        For structures that were given up, the last place in the order of arrival that is void.
    """

    def __init__(
        self,
        file: File,
        name: str,
        ragged: bool,
        structures: int,
        gaps: Sequence[tuple[int, int]] = (),
    ) -> None:
        self.file = file
        self.name = name
        self.ragged = ragged
        self.structures = structures
        self._lengths: Lengths = np.full(structures, UNKNOWN, np.int64)
        self.columns: dict[str, Column] = {}
        self.main: Table | None = None
        self._in_main: dict[str, Column] = {}
        self.rows = 0
        self.waiting: dict[tuple[str, ...], Waiting] = {}
        unwritten, self.void = found_gaps(file, name)
        self.gaps = [*gaps, *unwritten]
        self._gaps_end = max((stop for _, stop in self.gaps), default=0)
        self._sequence = 0
        if name in file:
            self._resume()
        self._resume_waiting()

    def write(self, start: int, batch: Incoming, name_of: Callable[[int], str]) -> None:
        """Append a batch, or let it wait.

        Parameters
        ----------
        start
            Number of its first structure.
        batch
            The values.
        name_of
            Returns what a structure is called, for messages.

        Raises
        ------
        SchemaError
            If it does not fit the table, or what is known of these structures.
        """
        stop = start + batch.rows
        if start < 0 or stop > self.structures:
            raise SchemaError(
                f"{self.name}: structures {start}:{stop} are not among the {self.structures} that "
                "there are"
            )
        if not batch.rows:
            return
        if self._is_next(start, stop, batch.columns):
            if self.main is None:
                self._begin(start, batch)
            else:
                self._pad_to(start)
                self._append(self.main, batch)
            self.rows = stop
        else:
            self._check_known(start, batch, name_of)
            self._wait(start, batch)
        self.lengths[start:stop] = 0 if batch.lengths is None else batch.lengths

    @property
    def lengths(self) -> Lengths:
        """Items of each structure as it was written last, 0 in a row table; -1 where it was not."""
        return self._lengths[: self.structures]

    def extend(self, structures: int) -> None:
        """Make room for more structures."""
        self.structures = structures
        if len(self._lengths) < structures:
            grown = np.full(max(2 * len(self._lengths), structures), UNKNOWN, np.int64)
            grown[: len(self._lengths)] = self._lengths
            self._lengths = grown

    def give_up(self, start: int, stop: int) -> None:
        """Take structures for not written."""
        if (self.lengths[start:stop] != UNKNOWN).any():
            self._note_gap(start, stop, self._sequence)  # first, as it may fail
            self.lengths[start:stop] = UNKNOWN
            self.void |= dict.fromkeys(range(start, stop), self._sequence)

    @property
    def in_order(self) -> bool:
        """Whether all that was written is where it belongs, and nulls are where nothing was."""
        if self.waiting or self.void:
            return False
        return self.ragged or self.main is None or self.rows == self.structures

    def complete(self) -> None:
        """Bring a table that lacks structures at its end to as many rows as there are."""
        if self.main is not None:
            self._pad_to(self.structures)

    def _begin(self, start: int, batch: Incoming) -> None:
        """Make the table with its first batch, or leave none."""
        self.main = self.file.create_table(self.name, batch.columns, ragged=self.ragged)
        self._in_main = dict(batch.columns)
        gaps = list(self.gaps)
        try:
            self._pad_to(start)
            self._append(self.main, batch)
        except SchemaError:
            for name in (self.name, f"{PENDING}/{self.name}"):
                if name in self.file:
                    self.file.remove(name)
            self.main, self._in_main, self.rows, self.gaps = None, {}, 0, gaps
            raise
        finally:
            self.columns = dict(self._in_main)

    def _is_next(self, start: int, stop: int, columns: Mapping[str, Column]) -> bool:
        """Whether a batch goes on where the table ends, with all its columns."""
        if start < self.rows or (start > self.rows and not self.ragged):
            return False
        if (self.lengths[start:stop] != UNKNOWN).any():  # what waits came before
            return False
        # What `gaps` says of a row holds for the table itself, whatever came later.
        if self._gaps_end > start and any(a < stop and start < b for a, b in self.gaps):
            return False
        if self.main is None:
            return not self.waiting
        if self._in_main == columns:
            return True
        if self._in_main.keys() != columns.keys():
            return False
        return all(self._in_main[name].nullable or not columns[name].nullable for name in columns)

    def _pad_to(self, start: int) -> None:
        """Append structures without an item up to one that comes too early."""
        missing = start - self.rows
        if missing and self.main is not None:
            self._note_gap(self.rows, start)
            self.main.append(
                {name: empty_rows(column, missing) for name, column in self._in_main.items()}
            )
            self.rows = start

    def _note_gap(self, first: int, stop: int, void: int = NOTHING_VOID) -> None:
        """Keep in mind, and in the file, that rows are there which were not written.

        Of structures that were given up, what waits is void up to a place in the order of arrival.
        """
        path = f"{PENDING}/{self.name}/{GAPS}"
        if path not in self.file:
            columns = {"first": "i8", "stop": "i8", "void": "i8"}
            self.file.create_table(path, columns, ragged=False)
        self.file[path].append({"first": [first], "stop": [stop], "void": [void]})
        self.gaps.append((first, stop))
        self._gaps_end = max(self._gaps_end, stop)

    def _append(self, table: Table, batch: Incoming) -> None:
        if batch.lengths is None:
            table.append(batch.data)
        elif batch.mask is not None:
            table.append(batch.data, mask=batch.mask)
        else:
            table.append(batch.data, lengths=batch.lengths)

    def _check_known(self, start: int, batch: Incoming, name_of: Callable[[int], str]) -> None:
        """Refuse another number of items for some of the columns alone."""
        if batch.lengths is None or self.columns.keys() <= batch.data.keys():
            return
        known = self.lengths[start : start + batch.rows]
        other = (known != UNKNOWN) & (known != batch.lengths)
        if other.any():
            row = int(other.argmax())
            left = sorted(self.columns.keys() - batch.data.keys())
            raise SchemaError(
                f"{self.name}: {name_of(start + row)} has {known[row]} items, and now "
                f"{batch.lengths[row]}; write {', '.join(map(repr, left))} as well"
            )

    def _wait(self, start: int, batch: Incoming) -> None:
        """Let a batch wait, or leave everything as it was."""
        before = dict(self.columns)
        try:
            self._append_waiting(start, batch)
        except SchemaError:
            self.columns = before
            raise

    def _append_waiting(self, start: int, batch: Incoming) -> None:
        for name, column in batch.columns.items():
            known = self.columns.setdefault(name, column)
            if (known.dtype, known.shape, known.nested) != (
                column.dtype,
                column.shape,
                column.nested,
            ) and (known.shape != column.shape or known.is_string != column.is_string):
                raise SchemaError(
                    f"{self.name}: column {name!r}: an item has shape {column.shape}, but "
                    f"{known.shape} before"
                )
            if column.nullable and not known.nullable:
                self.columns[name] = with_nulls(known)
        columns = {name: self.columns[name] for name in sorted(batch.data)}
        waiting = self.waiting.get(kind_of(columns))
        if waiting is None:
            waiting = self.waiting[kind_of(columns)] = self._new_waiting(columns)
        # A write error, or a kill, came between the two: these rows are of no structure.
        lost = len(waiting.table) - len(waiting.rows)
        if lost > 0:
            nowhere = {"structure": np.full(lost, NOWHERE), "sequence": np.zeros(lost, np.int64)}
            waiting.rows.append(nowhere)
        try:
            self._append(waiting.table, batch)
        except SchemaError:
            if not len(waiting.table):
                del self.waiting[kind_of(columns)]
                self.file.remove(waiting.table.name)
                self.file.remove(waiting.rows.name)
            raise
        self._sequence += 1
        waiting.rows.append(
            {
                "structure": np.arange(start, start + batch.rows),
                "sequence": np.full(batch.rows, self._sequence),
            }
        )

    def _new_waiting(self, columns: Mapping[str, Column]) -> Waiting:
        folder = f"{PENDING}/{self.name}"
        number = len(self.waiting)
        table = self.file.create_table(f"{folder}/{number}", columns, ragged=self.ragged)
        rows = {"structure": "i8", "sequence": "i8"}
        return Waiting(table, self.file.create_table(f"{folder}/{number}.rows", rows, ragged=False))

    def _convert(self, table: Table) -> None:
        """Have batches converted to the dtypes of a table that is in the file, if it is written."""
        if self.file.h5.file.mode != "r":
            table.convert()

    def _resume(self) -> None:
        """Take up a table that is in the file."""
        item = self.file[self.name]
        if not isinstance(item, Table) or item.ragged != self.ragged:
            raise SchemaError(f"{self.file.path}: /{self.name} is there, but is no such table")
        self.main = item
        self._convert(item)
        self._in_main = dict(item.columns)
        self.columns = dict(item.columns)
        self.rows = len(item)
        if self.rows > self.structures:
            raise SchemaError(
                f"{self.file.path}: /{self.name} has {self.rows} rows, but there are "
                f"{self.structures} structures"
            )
        self.lengths[: self.rows] = 0
        if self.ragged:
            self.lengths[: self.rows] = np.diff(item.reading_end().bounds(0, self.rows))
        for first, stop in self.gaps:
            self.lengths[first:stop] = UNKNOWN

    def _resume_waiting(self) -> None:
        """Take up what waits in the file."""
        latest = np.zeros(self.structures, np.int64)
        for structure, last in self.void.items():
            latest[structure] = last
        for waiting in found_waiting(self.file, self.name):
            self.waiting[kind_of(waiting.table.columns)] = waiting
            self._convert(waiting.table)
            for column, waits in waiting.table.columns.items():
                known = self.columns.setdefault(column, waits)
                if waits.nullable and not known.nullable:
                    self.columns[column] = with_nulls(known)
            structures, sequence = waiting.arrivals()
            lengths = np.zeros(len(structures), np.int64)
            if self.ragged:
                lengths = np.diff(waiting.table.reading_end().bounds(0, len(structures)))
            for row, structure in enumerate(structures.tolist()):
                if structure != NOWHERE and sequence[row] > latest[structure]:
                    latest[structure] = sequence[row]
                    self.lengths[structure] = lengths[row]
        self._sequence = int(latest.max(initial=0))


def empty_rows(column: Column, rows: int) -> Ragged:
    """Return rows without an item, as a ragged table takes them."""
    offsets = np.zeros(rows + 1, np.int64)
    if column.is_string:
        return Ragged(np.empty(0, np.dtypes.StringDType()), offsets)
    values: Any = np.empty((0, *column.shape), column.dtype)
    if column.nested:
        values = Ragged(values, np.zeros(1, np.int64))
    return Ragged(values, offsets)
