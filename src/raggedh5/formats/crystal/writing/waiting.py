"""What waits beside a table of structures until it can be put in order.

It lies in tables of its own, ``/pending/<table>/<number>``, one for each set of columns, with
``/pending/<table>/<number>.rows`` saying which structure each row is of and which came later.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.schema import Column
from raggedh5.store.file import File
from raggedh5.store.table import Table

__all__ = [
    "GAPS",
    "NOTHING_VOID",
    "NOWHERE",
    "PENDING",
    "Waiting",
    "found_gaps",
    "found_waiting",
    "kind_of",
    "names_waiting",
]

PENDING = "pending"
"""The group of what waits."""

GAPS = "gaps"
"""The table in it of rows that are there, but were not written."""

NOTHING_VOID = -1
"""In that table, for rows that nothing was given up of."""

NOWHERE = -1
"""The structure of rows that wait, but are of none."""

Lengths = NDArray[np.int64]


@dataclass
class Waiting:
    """Rows that wait: the items, and which structure each row is of, and when it came."""

    table: Table
    rows: Table

    def arrivals(self) -> tuple[Lengths, Lengths]:
        """Return which structure each row is of, and its place in the order of arrival."""
        # A writer that was killed may have left one of the two longer.
        count = min(len(self.table), len(self.rows))
        if not count:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        rows = self.rows.take(slice(0, count))
        return rows["structure"], rows["sequence"]


def kind_of(columns: Mapping[str, Column]) -> tuple[str, ...]:
    """Return what tables that wait are told apart by: names, and which of them take nulls."""
    return tuple(sorted(f"{name}?" if columns[name].nullable else name for name in columns))


def found_waiting(file: File, name: str) -> list[Waiting]:
    """Return what waits for a table in a file."""
    found: list[Waiting] = []
    folder = f"{PENDING}/{name}"
    while f"{folder}/{len(found)}.rows" in file:
        found.append(Waiting(file[f"{folder}/{len(found)}"], file[f"{folder}/{len(found)}.rows"]))
    return found


def names_waiting(file: File) -> dict[str, bool]:
    """Return the tables of a file that something waits for, and whether they are ragged."""
    found = {}
    for path, table in file.tables().items():
        top, _, rest = path.partition("/")
        name, _, number = rest.rpartition("/")
        if top == PENDING and number.isdecimal() and f"{path}.rows" in file:
            found[name] = table.ragged
    return found


def found_gaps(file: File, name: str) -> tuple[list[tuple[int, int]], dict[int, int]]:
    """Return what was not written of a table that is not finished.

    Returns
    -------
    gaps : list of tuple
        Runs of such structures, first and last but one. The table may have rows of them.
    void : dict
        For those that were given up, the last place in the order of arrival that is void.
    """
    path = f"{PENDING}/{name}/{GAPS}"
    if path not in file:
        return [], {}
    rows = file[path].read()
    gaps = list(zip(rows["first"].tolist(), rows["stop"].tolist(), strict=True))
    void: dict[int, int] = {}
    for (first, stop), last in zip(gaps, rows["void"].tolist(), strict=True):
        if last != NOTHING_VOID:
            void |= dict.fromkeys(range(first, stop), last)
    return gaps, void
