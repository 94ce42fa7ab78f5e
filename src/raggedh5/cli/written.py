"""What was copied, merged or repacked, as text for people."""

from pathlib import Path

from rich.text import Text

from raggedh5.care.copying import CopyReport
from raggedh5.care.merge import MergeReport
from raggedh5.care.repack import RepackReport
from raggedh5.cli.report import grid, show
from raggedh5.cli.screen import in_bytes, printable

__all__ = ["report_written"]


def report_written(verb: str, report: CopyReport | MergeReport | RepackReport) -> None:
    """Show each table and array with its rows, and the sizes before and after."""
    lines = grid("name", "type", "rows")
    for name, rows in report.tables.items():
        lines.add_row(Text(printable(name)), "table", f"{rows:,}")
    for name, rows in report.arrays.items():
        lines.add_row(Text(printable(name)), "array", f"{rows:,}")
    sizes = f"{in_bytes(report.source_bytes)} to {in_bytes(report.target_bytes)}"
    summary = f"{Path(report.target)}: {verb} {sizes} in {report.seconds:.2f} s"
    show(*((lines, "", summary) if lines.rows else (summary,)))
