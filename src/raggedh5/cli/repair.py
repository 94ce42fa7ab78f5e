"""``raggedh5 repair``: what can be saved of a damaged file."""

import json
from pathlib import Path

import click

from raggedh5.care.progress_bar import progress_bar
from raggedh5.care.repair import repair
from raggedh5.care.salvaging.report import RepairReport
from raggedh5.cli.report import show

__all__ = ["command"]

MOST_RANGES = 8
"""Ranges of rows that a line lists."""


@click.command("repair")
@click.argument("source", metavar="SRC", type=click.Path(readable=False, path_type=Path))
@click.argument(
    "target", metavar="[DST]", required=False, type=click.Path(readable=False, path_type=Path)
)
@click.option("--overwrite", is_flag=True, help="Replace DST if it exists.")
@click.option("--json", "machine", is_flag=True, help="Write JSON, for programs.")
def command(source: Path, target: Path | None, overwrite: bool, machine: bool) -> None:
    """Write what can be read of a damaged file to another.

    Rows of a table that do not read are left out, those of an array get the fill value. Both are
    listed.

    Without DST, the repaired file takes the place of SRC, which is kept as SRC.backup.

    Exit status: 0 if a file was written, 2 if nothing could be saved.
    """
    with progress_bar("repairing") as progress:
        report = repair(source, target, overwrite=overwrite, progress=progress)
    if machine:
        click.echo(json.dumps(report.as_dict(), indent=2))
    else:
        _report(report)


def _report(report: RepairReport) -> None:
    lines = []
    for table in report.tables:
        said = f"{table.path}: {table.kept:,} of {table.rows:,} rows kept"
        lines.append(f"{said}; lost are {_ranges(table.lost)}" if table.lost else said)
        lines += [f"  column {name!r} dropped: {why}" for name, why in table.dropped.items()]
        lines += [f"  {note}" for note in table.notes]
    for array in report.arrays:
        if array.filled:
            lines.append(f"{array.path}: the fill value is in rows {_ranges(array.filled)}")
    lines += [f"lost: {path}: {why}" for path, why in report.lost]
    if report.complete:
        lines.append("nothing was lost")
    if report.backup is not None:
        lines.append(f"the damaged file is kept as {report.backup}")
    show(*(" ".join(line.split()) for line in lines), f"{report.target} was written")


def _ranges(ranges: tuple[tuple[int, int], ...]) -> str:
    shown = [f"{a}:{b}" if b - a > 1 else str(a) for a, b in ranges[:MOST_RANGES]]
    more = len(ranges) - len(shown)
    return ", ".join(shown) + (f" and {more} ranges more" if more else "")
