"""What was saved of a damaged file, and what was not."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["ArrayRepair", "RepairReport", "TableRepair", "report_of"]

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class TableRepair:
    """What has become of a table.

    Attributes
    ----------
    path, rows
        The table, and the rows that it had.
    kept
        Rows that are left.
    lost
        Rows that are not, as ranges: the first, and the one behind the last. Rows behind them
        have lower numbers now.
    dropped
        Columns that could not be read at all, each with why.
    notes
        What else was wrong.
    """

    path: str
    rows: int
    kept: int
    lost: Ranges
    dropped: Mapping[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ArrayRepair:
    """What has become of an array: in rows `filled` there is (also) the fill value."""

    path: str
    rows: int
    filled: Ranges


@dataclass(frozen=True)
class RepairReport:
    """What was saved of a file.

    Attributes
    ----------
    path, target
        The damaged file as it was named, and the one that was written.
    backup
        Where the damaged file is now, None where it is where it was.
    tables, arrays
        What has become of each.
    lost
        Objects and attributes that could not be saved, each with why, in the order of the file.
    """

    path: str
    target: str
    backup: str | None
    tables: tuple[TableRepair, ...]
    arrays: tuple[ArrayRepair, ...]
    lost: tuple[tuple[str, str], ...]

    @property
    def complete(self) -> bool:
        """Whether nothing was lost."""
        return not (
            self.lost
            or any(table.lost or table.dropped or table.notes for table in self.tables)
            or any(array.filled for array in self.arrays)
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it as data for JSON; the keys are the attributes, and stay."""
        return {**asdict(self), "complete": self.complete}


def report_of(src: Path, dst: Path, backup: Path | None, found: Mapping[str, Any]) -> RepairReport:
    """Return a report of what `salvage_file` says that it has found."""
    tables = []
    for table in found["tables"]:
        lost = tuple((first, last) for first, last in table["lost"])
        kept = table["rows"] - sum(last - first for first, last in lost)
        notes = tuple(table["notes"])
        tables.append(
            TableRepair(table["path"], table["rows"], kept, lost, table["dropped"], notes)
        )
    arrays = tuple(
        ArrayRepair(array["path"], array["rows"], tuple((a, b) for a, b in array["filled"]))
        for array in found["arrays"]
    )
    left = tuple((entry["path"], entry["why"]) for entry in found["lost"])
    where = None if backup is None else str(backup)
    return RepairReport(str(src), str(dst), where, tuple(tables), arrays, left)
