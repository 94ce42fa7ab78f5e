"""All tables of a file of crystal structures, while it is being written."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.row_messages import renamed
from raggedh5.errors import SchemaError
from raggedh5.formats.crystal.fields import SCHEMA
from raggedh5.formats.crystal.schema import COMPUTED, Group, Schema
from raggedh5.formats.crystal.writing.arriving import UNKNOWN, ArrivingTable
from raggedh5.formats.crystal.writing.batch import REFCODE
from raggedh5.formats.crystal.writing.fragments import flat_incoming
from raggedh5.formats.crystal.writing.incoming import Incoming, admit_nulls, incoming
from raggedh5.formats.crystal.writing.ordering import put_in_order
from raggedh5.formats.crystal.writing.validation import check_ready
from raggedh5.formats.crystal.writing.waiting import PENDING, names_waiting
from raggedh5.store.file import File

__all__ = ["MISSING", "REFCODE", "REFCODES", "SINGLES", "Structures", "missing_in"]

REFCODES = "refcodes"
"""The row table with the refcode of every structure."""

MISSING = "missing"
"""The row table that says which structures were not written to which table; none if all were."""

SINGLES = "_per_structure"
"""How the name of a table ends that has one value a structure where others have items."""


class Structures:
    """The tables of one file.

    Parameters
    ----------
    file
        The open file, with a table of refcodes.
    schema
        The fields.
    """

    def __init__(self, file: File, schema: Schema = SCHEMA) -> None:
        self.file = file
        self.schema = schema
        self.count = len(file[REFCODES])
        self._refcodes: NDArray[Any] | None = None
        self._missing = missing_in(file)
        self._tables: dict[str, ArrivingTable] = {}
        self._holes: dict[str, set[int]] = {}
        for name, table in file.tables().items():
            if name.removesuffix(SINGLES).removesuffix(COMPUTED) in schema.groups:
                self.table(name, table.ragged)
        for name, ragged in names_waiting(file).items():
            self.table(name, ragged)
        file.before_close(self.finish)

    @property
    def refcodes(self) -> NDArray[Any]:
        """The refcodes of all structures, StringDType (structures,)."""
        if self._refcodes is None:
            self._refcodes = self.file[REFCODES].read([REFCODE])[REFCODE]
        return self._refcodes

    def name_of(self, structure: int) -> str:
        """Return what a structure is called in messages."""
        known = 0 <= structure < self.count
        return f"{self.called(structure)} (number {structure})" if known else f"number {structure}"

    def called(self, structure: int) -> str:
        """Return the same without its number."""
        known = 0 <= structure < self.count
        return f"structure {str(self.refcodes[structure])!r}" if known else f"structure {structure}"

    def write(
        self,
        group: str,
        start: int,
        batch: Mapping[str, Any],
        computed: bool,
        *,
        validate: bool = False,
    ) -> int:
        """Write a batch of one group.

        Parameters
        ----------
        group
            Name of the group.
        start
            Number of the first structure of the batch.
        batch
            Values by field.
        computed
            Whether they go to the table with what was computed.
        validate
            Refuse batches without required fields, or with NaN or infinity.

        Returns
        -------
        int
            How many structures the batch has.

        Raises
        ------
        SchemaError
            Naming field and structure of what does not fit. Nothing of the batch is written then.
        WriteError
            If the file cannot be written.
        """
        of = self.schema.groups[group]
        first = int(start)
        name = of.computed if computed else of.name
        try:
            batch = self._without_refcodes(first, batch)
            if of.owner is not None:
                ready = flat_incoming(self.schema, of, batch)
            else:
                ready = incoming(self.schema, of, batch, lambda rows: self._places(of, first, rows))
            if validate:
                check_ready(self.schema, group, computed or of.derived, ready)
            if computed and not of.derived:
                self._check_extracted(of, first, ready)
            if ready.data:
                self._write(self.table(name, not of.per_structure), first, ready)
                if not computed and ready.lengths is not None:
                    self._extracted(of, first, ready)
            if ready.singles:
                singles = incoming(
                    self.schema, Group(f"{name}{SINGLES}", per_structure=True), ready.singles, _none
                )
                self._write(self.table(f"{name}{SINGLES}", False), first, singles)
        except SchemaError as error:
            raise renamed(error, lambda row: self.name_of(first + row)) from error
        return ready.rows

    def extend(self, refcodes: Sequence[str]) -> None:
        """Add structures behind those that there are."""
        codes = np.array([str(code) for code in refcodes], np.dtypes.StringDType())
        self.file[REFCODES].append({REFCODE: codes})
        self._refcodes = None
        self.count += len(codes)
        for arriving in self._tables.values():
            arriving.extend(self.count)

    def give_up(self, start: int, stop: int) -> None:
        """Take structures for not written, whatever was written of them."""
        for arriving in self._tables.values():
            arriving.give_up(start, stop)

    def table(self, name: str, ragged: bool) -> ArrivingTable:
        """Return a table, which need not be in the file yet."""
        found = self._tables.get(name)
        if found is None:
            gaps = self._missing.get(name, ())
            found = ArrivingTable(self.file, name, ragged, self.count, gaps)
            self._tables[name] = found
        return found

    def finish(self) -> None:
        """Put all tables in the order of structures, and say what is missing in them."""
        for name, arriving in self._tables.items():
            if not arriving.in_order:
                put_in_order(self.file, arriving)
                # What waited is gone, and what was missing before: whoever goes on if this fails
                # later is to know what is missing now.
                self._missing[name] = _unwritten(arriving)
                self._say_missing()
            elif arriving.ragged:
                arriving.complete()
        if PENDING in self.file:
            self.file.remove(PENDING)
        self._missing = {name: _unwritten(one) for name, one in self._tables.items()}
        self._say_missing()

    def _say_missing(self) -> None:
        if MISSING in self.file:
            self.file.remove(MISSING)
        rows: dict[str, list[Any]] = {"table": [], "first": [], "stop": []}
        for name, runs in self._missing.items():
            rows["table"] += [name] * len(runs)
            rows["first"] += [first for first, _ in runs]
            rows["stop"] += [stop for _, stop in runs]
        if rows["table"]:
            columns = {"table": "str", "first": "i8", "stop": "i8"}
            self.file.create_table(MISSING, columns, ragged=False).append(rows)

    def _stored(self, group: Group, start: int, rows: int) -> NDArray[np.int64] | None:
        """Return the items of structures as they were extracted, where a mask or count is usual."""
        if group.derived or group.mask is None or not 0 <= start <= start + rows <= self.count:
            return None
        arriving = self.table(group.name, True)
        known = arriving.lengths[start : start + rows]
        return known if arriving.main is not None or (known != UNKNOWN).any() else None

    def _places(self, group: Group, start: int, rows: int) -> NDArray[np.int64] | None:
        """Return the same for a batch that does not say where its items are.

        Raises
        ------
        SchemaError
            If those that were extracted were not the first ones of a row.
        """
        holes = self._holes.get(group.name, ())
        for row in range(rows) if holes else ():
            if start + row in holes:
                raise SchemaError(
                    f"row {row}: the mask of its {group.name} has holes: give {group.mask!r} again"
                )
        return self._stored(group, start, rows)

    def _write(self, table: ArrivingTable, start: int, ready: Incoming) -> None:
        try:
            table.write(start, ready, self.name_of)
        except SchemaError:
            if not admit_nulls(ready):
                raise
            table.write(start, ready, self.name_of)

    def _extracted(self, group: Group, start: int, ready: Incoming) -> None:
        """Note where items were; what was computed of another number of them is void."""
        part = slice(start, start + ready.rows)
        if ready.mask is not None or group.name in self._holes:
            holes = self._holes.setdefault(group.name, set())
            holes.difference_update(range(part.start, part.stop))
            if ready.mask is not None and ready.lengths is not None:
                first = np.arange(ready.mask.shape[1]) < ready.lengths[:, None]
                holes.update((np.flatnonzero((first != ready.mask).any(axis=1)) + start).tolist())
        if any(field.repeated for field in self.schema.of_group(group.name)) or group.derived:
            return
        later = self._tables.get(group.computed)
        if later is not None:
            known = later.lengths[part]
            other = (known != UNKNOWN) & (known != ready.lengths)
            for row in np.flatnonzero(other).tolist():
                later.give_up(start + row, start + row + 1)

    def _check_extracted(self, group: Group, start: int, ready: Incoming) -> None:
        """Refuse another number of items than were extracted, where they are not written anew."""
        if any(field.repeated for field in self.schema.of_group(group.name)):
            return
        known = self._stored(group, start, ready.rows)
        if known is None or ready.lengths is None:
            return
        other = (known != UNKNOWN) & (known != ready.lengths)
        if other.any():
            row = int(other.argmax())
            raise SchemaError(
                f"row {row}: {ready.lengths[row]} computed {group.name}, but {known[row]} were "
                "extracted"
            )

    def _without_refcodes(self, start: int, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        """Refuse other refcodes than those that there are; they are not stored again."""
        if not hasattr(batch, "keys") or REFCODE not in batch:
            return batch
        given = batch[REFCODE]
        known = self.refcodes[start : start + len(given)].tolist()
        for row, (one, other) in enumerate(zip(given, known, strict=False)):
            code = one.decode() if isinstance(one, bytes) else str(one)
            if code != other:
                raise SchemaError(f"{REFCODE!r}, row {row}: {code!r} is another refcode")
        return {key: value for key, value in batch.items() if key != REFCODE}


def _unwritten(arriving: ArrivingTable) -> list[tuple[int, int]]:
    """Return the runs of structures that were not written to a table that is there."""
    lost = np.flatnonzero(arriving.lengths == UNKNOWN)
    if arriving.main is None or not len(lost):
        return []
    ends = np.flatnonzero(np.diff(lost) > 1)
    firsts = lost[np.concatenate([[0], ends + 1])]
    stops = lost[np.concatenate([ends, [len(lost) - 1]])] + 1
    return list(zip(firsts.tolist(), stops.tolist(), strict=True))


def missing_in(file: File) -> dict[str, list[tuple[int, int]]]:
    """Return the runs of structures that a file says were not written, by table."""
    found: dict[str, list[tuple[int, int]]] = {}
    if MISSING in file:
        rows = file[MISSING].read()
        for name, first, stop in zip(rows["table"], rows["first"], rows["stop"], strict=True):
            found.setdefault(str(name), []).append((int(first), int(stop)))
    return found


def _none(rows: int) -> None:
    return None
