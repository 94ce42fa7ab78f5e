"""``raggedh5 copy``: a file, or chosen tables, columns and rows of it."""

import json
from pathlib import Path

import click

from raggedh5.care.copying import copy
from raggedh5.care.progress_bar import progress_bar
from raggedh5.cli.options import names
from raggedh5.cli.written import report_written

__all__ = ["command"]


@click.command("copy")
@click.argument("source", metavar="SRC", type=click.Path(readable=False, path_type=Path))
@click.argument("target", metavar="DST", type=click.Path(readable=False, path_type=Path))
@click.option(
    "--table",
    "tables",
    metavar="NAME",
    multiple=True,
    help="Only this table, array, or group of such; may be given several times, * stands for any "
    "letters.",
)
@click.option("--columns", metavar="A,B", help="Only these columns of the tables.")
@click.option("--rows", metavar="A:B", help="Only these rows, as 0:1000, -100: or ::10.")
@click.option("--overwrite", is_flag=True, help="Replace DST if it exists.")
@click.option("--json", "machine", is_flag=True, help="Write JSON, for programs.")
def command(
    source: Path,
    target: Path,
    tables: tuple[str, ...],
    columns: str | None,
    rows: str | None,
    overwrite: bool,
    machine: bool,
) -> None:
    """Copy a file, or chosen tables, columns and rows of it.

    Compressed chunks are copied as they are wherever that is possible, and compared with their
    checksums. DST appears when it is complete.
    """
    with progress_bar("copying") as progress:
        report = copy(
            source,
            target,
            tables=tables or None,
            columns=None if columns is None else names(columns),
            rows=rows,
            overwrite=overwrite,
            progress=progress,
        )
    if machine:
        click.echo(json.dumps(report.as_dict(), indent=2))
    else:
        report_written("copied", report)
