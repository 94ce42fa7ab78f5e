"""What was copied, merged or repacked, as text for people."""

from pathlib import Path
from typing import Protocol

from rich.text import Text

from raggedh5.cli.report import grid, show
from raggedh5.cli.screen import in_bytes, printable

__all__ = ["report_written"]


class Written(Protocol):
    """A report on a file that was made from others."""

    @property
    def target(self) -> str:
        """The new file."""

    @property
    def tables(self) -> dict[str, int]:
        """Rows of each table."""

    @property
    def arrays(self) -> dict[str, int]:
        """Rows of each array."""

    @property
    def source_bytes(self) -> int:
        """Bytes of what it was made from."""

    @property
    def target_bytes(self) -> int:
        """Bytes of the new file."""

    @property
    def seconds(self) -> float:
        """How long it took."""


def report_written(verb: str, report: Written) -> None:
    """Show each table and array with its rows, and the sizes before and after."""
    lines = grid("name", "type", "rows")
    for name, rows in report.tables.items():
        lines.add_row(Text(printable(name)), "table", f"{rows:,}")
    for name, rows in report.arrays.items():
        lines.add_row(Text(printable(name)), "array", f"{rows:,}")
    sizes = f"{in_bytes(report.source_bytes)} to {in_bytes(report.target_bytes)}"
    summary = f"{Path(report.target)}: {verb} {sizes} in {report.seconds:.2f} s"
    show(*((lines, "", summary) if lines.rows else (summary,)))
