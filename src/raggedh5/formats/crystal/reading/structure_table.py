"""One table of structures as a reader sees it, also while its writer has not finished it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.ragged import Ragged
from raggedh5.core.schema import Column
from raggedh5.formats.crystal.writing.latest import Latest
from raggedh5.formats.crystal.writing.waiting import found_gaps, found_waiting
from raggedh5.store.file import File
from raggedh5.store.table import Table

__all__ = ["StructureTable"]

Indices = NDArray[np.int64]


class StructureTable:
    """The rows of structures in one table.

    A finished table has a row for each structure. In one that was not finished some rows are
    missing, or lie elsewhere; they are found there.

    Parameters
    ----------
    file
        The open file.
    name
        The table.
    structures
        How many structures there are.
    missing
        Runs of structures that were not written: pairs of first and last but one.

    Attributes
    ----------
    missing : ndarray of int64
        The numbers of structures that were not written.
    """

    def __init__(
        self, file: File, name: str, structures: int, missing: Sequence[tuple[int, int]]
    ) -> None:
        self.name = name
        main = file[name] if name in file else None  # noqa: SIM401 - no mapping
        waiting = found_waiting(file, name)
        self._table: Table | None = main
        self._latest: Latest | None = None
        self._lengths: Indices | None = None
        given_up, void = found_gaps(file, name)
        gaps = [*missing, *given_up]
        runs = [np.arange(first, stop) for first, stop in gaps]
        self.missing: Indices = np.concatenate([np.zeros(0, np.int64), *runs])
        if main is None or waiting or given_up or len(main) < structures:
            self._table = None
            self._latest = Latest(main, waiting, structures, gaps, void)
            self._lengths = self._latest.lengths()
            self.missing = np.flatnonzero(self._lengths < 0)
            self._lengths = np.maximum(self._lengths, 0)
            self.ragged = self._latest.ragged
            self.columns: Mapping[str, Column] = self._latest.columns
        elif main is not None:
            self.ragged = main.ragged
            self.columns = main.columns

    def lengths(self, chosen: Indices) -> Indices:
        """Return the items of structures, int64."""
        if self._table is None:
            return np.zeros(0, np.int64) if self._lengths is None else self._lengths[chosen]
        starts, stops = self._table.reading_end().ranges(chosen)
        return stops - starts

    def row(self, number: int, columns: Sequence[str]) -> dict[str, Any]:
        """Return the values of one structure."""
        if self._table is not None:
            return self._table.reading_end().row(number, columns)
        found = self.take(np.array([number]), columns)
        return {name: values[0] for name, values in found.items()}

    def take(self, chosen: Indices, columns: Sequence[str]) -> dict[str, Any]:
        """Return the values of structures: `Ragged`, or arrays of one value each."""
        if self._table is not None:
            whole = len(chosen) and np.array_equal(chosen, np.arange(chosen[0], chosen[-1] + 1))
            rows = slice(int(chosen[0]), int(chosen[-1]) + 1) if whole else chosen
            return self._table.take(rows, columns)
        if self._latest is None or self._lengths is None:
            return {}
        return self._latest.take(chosen, columns, self._lengths[chosen])

    def padded(self, chosen: Indices, columns: Sequence[str], width: int) -> dict[str, Any]:
        """Return them as arrays (structures, width, ...), and masks of the lists within items."""
        if self._table is not None:
            return self._table.padded(chosen, columns, width)
        found: dict[str, Any] = {}
        for name, values in self.take(chosen, columns).items():
            if not isinstance(values, Ragged):
                found[name] = values
            elif isinstance(values.values, Ragged):
                found[name], found[f"{name}_mask"] = values.to_padded(width)
            else:
                found[name] = values.to_padded(width)[0]
        return found
