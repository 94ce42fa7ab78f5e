"""``raggedh5 recover``: bring a file that was not closed back."""

import json
from pathlib import Path

import click

from raggedh5.care.progress_bar import progress_bar
from raggedh5.care.recover import RecoveryReport, recover
from raggedh5.cli.report import show

__all__ = ["command"]


@click.command("recover")
@click.argument("path", metavar="FILE", type=click.Path(readable=False, path_type=Path))
@click.option("--json", "machine", is_flag=True, help="Write JSON, for programs.")
def command(path: Path, machine: bool) -> None:
    """Bring a file back whose writer was killed.

    What its journal holds is appended, marks of a file open for writing are cleared, and tables are
    cut to their last complete row. FILE is changed in place; one that was closed properly stays as
    it is.
    """
    with progress_bar("recovering") as progress:
        report = recover(path, progress=progress)
    if machine:
        click.echo(json.dumps(report.as_dict(), indent=2))
    else:
        show(*_lines(report))


def _lines(report: RecoveryReport) -> list[str]:
    if not report.changed and not report.unreadable:
        return [f"{report.path}: nothing to recover"]
    lines = [f"{report.path}: recovered" if report.changed else report.path]
    if report.journal:
        lines.append(f"  its journal was brought in: {report.pages:,} pages that were under way")
    for name, (before, after) in report.restored.items():
        lines.append(f"  {name}: {after - before:,} rows restored, {after:,} in all")
    for name, (said, complete) in report.cut.items():
        lines.append(f"  {name}: {said - complete:,} incomplete rows cut, {complete:,} kept")
    for name, why in report.unreadable.items():
        lines.append(f"  {name}: its rows cannot be counted: {why}")
    if report.marks_cleared:
        lines.append("  it was marked as open for writing")
    if report.end is not None:
        lines.append(f"  it said that it had {report.end[0]:,} bytes; it has {report.end[1]:,}")
    if report.trimmed:
        lines.append(f"  {report.trimmed:,} bytes at its end led nowhere, and were cut")
    return lines
