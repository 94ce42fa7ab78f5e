"""``raggedh5 describe``: statistics of the columns of a file, and of the lengths of its rows."""

import json
from pathlib import Path

import click

from raggedh5.care.describe import describe
from raggedh5.care.plot import plot_lengths
from raggedh5.care.progress_bar import progress_bar
from raggedh5.care.targets import check_target
from raggedh5.cli.describe_report import report_description
from raggedh5.cli.errors import Failure
from raggedh5.cli.options import names

__all__ = ["command"]


@click.command("describe")
@click.argument("path", metavar="FILE", type=click.Path(readable=False, path_type=Path))
@click.option(
    "--table",
    "tables",
    metavar="TABLE",
    multiple=True,
    help="Only this table or array; may be given several times.",
)
@click.option("--columns", metavar="A,B", help="Only these columns of tables.")
@click.option("--bins", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--json", "machine", is_flag=True, help="Write JSON, for programs.")
@click.option(
    "--plot",
    metavar="PNG",
    type=click.Path(path_type=Path),
    help="Draw the histograms; needs matplotlib.",
)
@click.option("--threads", type=click.IntRange(min=1), help="[default: one for each core]")
@click.option("--overwrite", is_flag=True, help="Replace PNG if it exists.")
def command(
    path: Path,
    tables: tuple[str, ...],
    columns: str | None,
    bins: int,
    machine: bool,
    plot: Path | None,
    threads: int | None,
    overwrite: bool,
) -> None:
    """Show statistics of columns, and a histogram of row lengths.

    Of numbers: how many there are, missing, NaN or infinite, and the extremes, mean and standard
    deviation of the finite ones. Of strings: how many different ones there are, which are the most
    frequent, and how long they are. The whole file is read, once.

    The shape of the JSON is documented in raggedh5.care.description, and stays.
    """
    if plot is not None:  # before the whole file is read
        check_target([path], plot, overwrite)
    with progress_bar("describing") as progress:
        found = describe(
            path,
            tables=tables or None,
            columns=None if columns is None else names(columns),
            bins=bins,
            threads=threads,
            progress=progress,
        )
    if plot is not None:
        try:
            plot_lengths(found, plot, overwrite=overwrite)
        except ImportError as error:
            raise Failure(str(error)) from error
    if machine:
        click.echo(json.dumps(found.as_dict(), indent=2, allow_nan=False))
    else:
        report_description(found)
