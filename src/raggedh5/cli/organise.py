"""``raggedh5 organise``: rows grouped by a key, and a file in that order."""

import json
from pathlib import Path

import click

from raggedh5.care.organise import OrganiseReport, organise
from raggedh5.care.organising.grouping import Group
from raggedh5.care.progress_bar import progress_bar
from raggedh5.cli.errors import Failure
from raggedh5.cli.options import bins_option, names
from raggedh5.cli.preview import preview
from raggedh5.cli.report import grid, show
from raggedh5.cli.screen import printable

__all__ = ["command"]

SHOWN = 20
"""Groups that are shown."""


@click.command("organise")
@click.argument("path", metavar="FILE", type=click.Path(readable=False, path_type=Path))
@click.option("--by", metavar="KEY", required=True, help="What to group by.")
@click.option("--table", metavar="TABLE", help="[default: the only one that KEY can mean]")
@click.option(
    "--bins",
    type=bins_option,
    metavar="N|A,B,C",
    help="Number of bins, or their edges, for numbers.",
)
@click.option(
    "--sort",
    metavar="DST",
    type=click.Path(path_type=Path),
    help="Make a copy of FILE with its rows in the order of the groups.",
)
@click.option(
    "--tables",
    metavar="A,B",
    help="Tables and arrays to sort together. [default: tables beside TABLE with as many rows]",
)
@click.option("--no-index", is_flag=True, help="Leave FILE as it is; for use with --sort.")
@click.option("--json", "machine", is_flag=True, help="Write JSON, for programs.")
@click.option("--threads", type=click.IntRange(min=1), help="[default: one for each core]")
@click.option("--overwrite", is_flag=True, help="Replace DST, or the index of another key.")
def command(
    path: Path,
    by: str,
    table: str | None,
    bins: int | tuple[int | float, ...] | None,
    sort: Path | None,
    tables: str | None,
    no_index: bool,
    machine: bool,
    threads: int | None,
    overwrite: bool,
) -> None:
    """Group the rows of a table by a key, as an index in the file.

    KEY is one of

    \b
      COLUMN               a column of a row table: strings, integers, bools; other
                           numbers with --bins
      size()               how many items a row has
      composition(COLUMN)  how often there is each string of a column among the
                           items of a row, as the formula C6H6

    Structures that FILE has as JSON are grouped by what is in it: space_group, size (how many
    atoms), composition, or the path of any other value, as crystal.z_value.

    The index is a group beside the table, by_COLUMN, by_size or by_composition, with a dataset of
    row numbers for each value. FILE is changed in place for it.
    """  # noqa: D301 - click knows a paragraph that is to stay as it is by its backspace
    if no_index and sort is None:
        raise Failure("--no-index leaves nothing to do without --sort")
    with progress_bar("organising") as progress:
        report = organise(
            path,
            by,
            table=table,
            bins=bins,
            sort=sort,
            tables=None if tables is None else names(tables),
            index=not no_index,
            overwrite=overwrite,
            threads=threads,
            progress=progress,
        )
    if machine:
        click.echo(json.dumps(report.as_dict(), indent=2, allow_nan=False))
    else:
        _show(report)


def _show(report: OrganiseReport) -> None:
    groups = report.groups
    largest = sorted(groups, key=lambda group: -group.count)[:SHOWN]
    lines = grid("value", "rows")
    # The largest ones, in the order that they have in the file.
    shown = set(map(id, largest))
    for group in groups:
        if id(group) in shown:
            lines.add_row(printable(_name(group)), f"{group.count:,}")
    title = (
        f"{report.table}: {report.rows:,} rows by {report.by} in {len(groups):,} "
        f"group{'s' * (len(groups) != 1)}"
    )
    show(title, *(("", lines) if groups else ()))
    if len(groups) > SHOWN:
        show(f"... and {len(groups) - SHOWN:,} smaller ones")
    show("")
    if report.index is not None:
        show(f"index: {report.index} in {report.path}")
    if report.sorted_to is not None:
        show(f"sorted copy: {report.sorted_to}")
        for what, paths in (
            ("in order", report.permuted),
            ("copied as they are", report.copied),
            ("indexes left out, whose rows have moved", report.dropped),
        ):
            if paths:
                show(f"  {what}: {', '.join(paths)}")


def _name(group: Group) -> str:
    return "(missing)" if group.label is None else preview(group.label) or "''"
