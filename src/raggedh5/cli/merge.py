"""``raggedh5 merge``: files with the same tables into one."""

import json
from pathlib import Path

import click

from raggedh5.care.merge import merge
from raggedh5.care.progress_bar import progress_bar
from raggedh5.cli.screen import printable
from raggedh5.cli.written import report_written

__all__ = ["command"]


@click.command("merge")
@click.argument(
    "parts",
    metavar="PART...",
    nargs=-1,
    required=True,
    type=click.Path(readable=False, path_type=Path),
)
@click.argument("target", metavar="DST", type=click.Path(readable=False, path_type=Path))
@click.option(
    "--virtual",
    is_flag=True,
    help="Leave the values in the parts, and make a small file that refers to them by their paths "
    "from its own folder on.",
)
@click.option("--overwrite", is_flag=True, help="Replace DST if it exists.")
@click.option("--json", "machine", is_flag=True, help="Write JSON, for programs.")
def command(
    parts: tuple[Path, ...], target: Path, virtual: bool, overwrite: bool, machine: bool
) -> None:
    """Join files that have the same tables, row behind row.

    The tables must have the same columns; where they do not agree, nothing is written, and the
    error says where. Attributes may differ: those of the first part hold. DST appears when it is
    complete.
    """
    with progress_bar("merging") as progress:
        report = merge(parts, target, virtual=virtual, overwrite=overwrite, progress=progress)
    if machine:
        click.echo(json.dumps(report.as_dict(), indent=2))
        return
    for warning in report.warnings:
        click.echo(f"raggedh5: {printable(warning)}", err=True)
    report_written("merged", report)
