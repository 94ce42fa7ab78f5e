"""Structures of a table with what waits for it: of each column what was written last."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.ragged import Ragged
from raggedh5.core.schema import Column
from raggedh5.formats.crystal.writing.arriving import UNKNOWN
from raggedh5.formats.crystal.writing.waiting import NOWHERE, Waiting
from raggedh5.store.table import Table

__all__ = ["Latest"]

Indices = NDArray[np.int64]


class _Part:
    """A table that holds some columns of some structures.

    Attributes
    ----------
    row : ndarray of int64, shape (structures,)
        Where the structure was written last; -1 where it is not in this table.
    when : ndarray of int64, shape (structures,)
        Its place in the order of arrival, from 0 on; -1 where it is not in this table.
    """

    def __init__(self, table: Table, structures: int) -> None:
        self.table = table
        self.columns = table.columns
        self.row = np.full(structures, NOWHERE, np.int64)
        self.when = np.full(structures, NOWHERE, np.int64)


class Latest:
    """The rows of structures, wherever they are.

    Parameters
    ----------
    main
        The table itself; None where everything waits.
    waiting
        What waits for it, with the structures of its rows.
    structures
        How many structures there are.
    gaps
        Runs of rows in `main` that were not written.
    void
        For structures that were given up, the last place in the order of arrival that is void.
    """

    def __init__(
        self,
        main: Table | None,
        waiting: Sequence[Waiting],
        structures: int,
        gaps: Sequence[tuple[int, int]] = (),
        void: Mapping[int, int] | None = None,
    ) -> None:
        self.structures = structures
        self._parts: list[_Part] = []
        if main is not None:
            part = _Part(main, structures)
            part.row[: len(main)] = np.arange(len(main))
            part.when[: len(main)] = 0
            for first, stop in gaps:
                part.row[first:stop] = part.when[first:stop] = NOWHERE
            self._parts.append(part)
        for one in waiting:
            part = _Part(one.table, structures)
            order, sequence = one.arrivals()
            # Rows of one table come one after the other: the last of a structure is the latest.
            known = np.flatnonzero(order != NOWHERE)
            part.row[order[known]] = known
            part.when[order[known]] = sequence[known]
            for structure, last in (void or {}).items():
                if part.when[structure] <= last:
                    part.row[structure] = part.when[structure] = NOWHERE
            self._parts.append(part)
        self.ragged = self._parts[0].table.ragged if self._parts else True
        self.columns: dict[str, Column] = {}
        for part in self._parts:
            self.columns = {**part.columns, **self.columns}

    @property
    def written(self) -> NDArray[np.bool_]:
        """Whether each structure was written, bool (structures,)."""
        found = np.zeros(self.structures, np.bool_)
        for part in self._parts:
            found |= part.when != NOWHERE
        return found

    def lengths(self) -> Indices:
        """Return the items of each structure, int64 (structures,); -1 for one not written."""
        found = np.full(self.structures, UNKNOWN, np.int64)
        latest = np.full(self.structures, NOWHERE, np.int64)
        for part in self._parts:
            later = part.when > latest
            latest[later] = part.when[later]
            if not self.ragged:
                found[later] = 0
                continue
            lengths = np.diff(part.table.reading_end().bounds(0, len(part.table)))
            found[later] = lengths[part.row[later]]
        return found

    def nulls(self, column: str) -> NDArray[np.bool_]:
        """Return where no value of a column was written, bool (structures,)."""
        found = np.ones(self.structures, np.bool_)
        for part in self._parts:
            if column in part.columns:
                found &= part.when == NOWHERE
        return found

    def take(self, chosen: Indices, columns: Sequence[str], lengths: Indices) -> dict[str, Any]:
        """Return the values of structures, as a table takes them.

        Parameters
        ----------
        chosen
            Numbers of structures.
        columns
            Which columns.
        lengths
            Items of each of the chosen, 0 for one not written.

        Returns
        -------
        dict
            `Ragged`, or arrays of a row table. Masked arrays, or strings with None, where a value
            was not written; lists that were not are empty.
        """
        read: dict[int, tuple[dict[str, Any], Indices]] = {}
        owner = {name: self._owner(chosen, name) for name in columns}
        for number, part in enumerate(self._parts):
            names = [name for name in columns if (owner[name] == number).any()]
            if names:
                places = np.unique(
                    np.concatenate([np.flatnonzero(owner[name] == number) for name in names])
                )
                read[number] = part.table.take(part.row[chosen[places]], names), places
        offsets = np.zeros(len(chosen) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return {
            name: self._assembled(name, owner[name], read, offsets if self.ragged else None)
            for name in columns
        }

    def _owner(self, chosen: Indices, column: str) -> NDArray[np.int64]:
        """Return the number of the part with the latest value of each structure, -1 for none."""
        owner = np.full(len(chosen), NOWHERE, np.int64)
        latest = np.full(len(chosen), NOWHERE, np.int64)
        for number, part in enumerate(self._parts):
            if column not in part.columns:
                continue
            when = part.when[chosen]
            later = when > latest
            owner[later], latest[later] = number, when[later]
        return owner

    def _assembled(
        self,
        name: str,
        owner: NDArray[np.int64],
        read: dict[int, tuple[dict[str, Any], Indices]],
        offsets: Indices | None,
    ) -> Any:
        column = self.columns[name]
        rows = len(owner)
        items = rows if offsets is None else int(offsets[-1])
        bounds = np.arange(rows + 1, dtype=np.int64) if offsets is None else offsets
        if column.nested:
            return Ragged(_nested(column, name, owner, read, bounds), bounds)
        out: Any
        if column.is_string:
            out = np.full(items, "", np.dtypes.StringDType(na_object=None))
        else:
            out = np.zeros((items, *column.shape), column.dtype)
        there = np.zeros(items, np.bool_)
        for number, (data, places) in read.items():
            mine = owner[places] == number
            if name not in data or not mine.any():
                continue
            values = data[name]
            starts = bounds[places[mine]]
            if isinstance(values, Ragged):
                sources, flat = values.offsets[:-1][mine], values.values
                counts = np.diff(values.offsets)[mine]
            else:
                sources, flat, counts = np.flatnonzero(mine), values, np.ones(mine.sum(), np.int64)
            to, source = _spans(starts, counts), _spans(sources, counts)
            picked = flat[source]
            masked = _hidden(picked)
            picked = np.ma.getdata(picked)
            out[to] = picked.tolist() if column.is_string else picked
            there[to] = ~masked
        if not there.all():
            if column.is_string:
                out[~there] = None
            else:
                hidden = np.broadcast_to(~there.reshape(-1, *[1] * (out.ndim - 1)), out.shape)
                out = np.ma.MaskedArray(out, hidden)
        return out if offsets is None else Ragged(out, offsets)


def _hidden(values: Any) -> NDArray[np.bool_]:
    """Return which items of a masked array are hidden, or nulls among strings."""
    hidden: Any = np.zeros(len(values), np.bool_)
    if isinstance(values, np.ma.MaskedArray):
        hidden = np.ma.getmaskarray(values).any(axis=tuple(range(1, values.ndim)))
    elif values.dtype.kind == "T" and hasattr(values.dtype, "na_object"):
        hidden = [item is None for item in values.tolist()]
    return np.asarray(hidden, np.bool_)


def _nested(
    column: Column,
    name: str,
    owner: NDArray[np.int64],
    read: dict[int, tuple[dict[str, Any], Indices]],
    bounds: Indices,
) -> Ragged:
    """Return the lists of all items; those that were not written are empty."""
    pieces: list[Any] = [np.empty((0, *column.shape), column.dtype)] * len(owner)
    lengths = np.zeros(int(bounds[-1]), np.int64)
    for number, (data, places) in read.items():
        if name not in data:
            continue
        for at, place in enumerate(places.tolist()):
            if owner[place] == number:
                lists = data[name][at]
                pieces[place] = lists.values
                lengths[bounds[place] : bounds[place + 1]] = lists.lengths
    inner = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=inner[1:])
    return Ragged(np.concatenate(pieces) if pieces else np.empty(0, column.dtype), inner)


def _spans(starts: Indices, counts: Indices) -> Indices:
    """Return the numbers starts[i] : starts[i] + counts[i], one span behind the other."""
    total = int(counts.sum())
    first = np.zeros(len(counts), np.int64)
    np.cumsum(counts[:-1], out=first[1:])
    return np.arange(total) + np.repeat(starts - first, counts)
