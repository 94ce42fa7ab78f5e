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

__all__ = ["GAPS", "PENDING", "Waiting", "found_gaps", "found_waiting", "kind_of"]

PENDING = "pending"
"""The group of what waits."""

GAPS = "gaps"
"""The table in it of rows that are there, but were not written."""

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


def found_gaps(file: File, name: str) -> list[tuple[int, int]]:
    """Return the runs of rows in a table that is not finished which were not written."""
    path = f"{PENDING}/{name}/{GAPS}"
    if path not in file:
        return []
    rows = file[path].read()
    return list(zip(rows["first"].tolist(), rows["stop"].tolist(), strict=True))
