"""``raggedh5 convert``: files of other layouts to tables, and back."""

import json
from pathlib import Path

import click

from raggedh5.care.progress_bar import progress_bar
from raggedh5.cli.convert_trajectory import trajectory
from raggedh5.cli.report import show
from raggedh5.cli.screen import in_bytes
from raggedh5.formats.crystal.legacy.conversion import ConversionReport, convert

__all__ = ["command"]


@click.group("convert")
def command() -> None:
    """Convert files of other layouts to tables, and back."""


@command.command("crystals")
@click.argument("source", metavar="SRC", type=click.Path(readable=False, path_type=Path))
@click.argument("target", metavar="DST", type=click.Path(readable=False, path_type=Path))
@click.option("--leave-out", metavar="FIELD", multiple=True, help="A field not to be converted.")
@click.option("--no-check", is_flag=True, help="Do not compare the new file with SRC.")
@click.option("--overwrite", is_flag=True, help="Replace DST if it exists.")
@click.option("--json", "machine", is_flag=True, help="Write JSON, for programs.")
def crystals(
    source: Path,
    target: Path,
    leave_out: tuple[str, ...],
    no_check: bool,
    overwrite: bool,
    machine: bool,
) -> None:
    """Convert crystal structures from a variable-length value each to tables, or back.

    SRC decides: tables become a variable-length value for each structure and field, as pipelines
    have written them, and such values become tables. DST appears when every field of every
    structure in it was compared with SRC.
    """
    with progress_bar("converting") as progress:
        report = convert(
            source,
            target,
            leave_out=leave_out,
            check=not no_check,
            overwrite=overwrite,
            progress=progress,
        )
    if machine:
        click.echo(json.dumps(report.as_dict(), indent=2))
    else:
        _show(report)


command.add_command(trajectory)


def _show(report: ConversionReport) -> None:
    layout = "tables" if report.layout == "tables" else "variable-length values"
    sizes = f"{in_bytes(report.source_bytes)} to {in_bytes(report.target_bytes)}"
    equal = ", all of them equal" if report.checked else ""
    lines = [
        f"{report.target}: {layout} of {report.structures:,} structures, {sizes}",
        f"{len(report.fields)} fields{equal}",
    ]
    if report.left_out:
        lines.append(f"left out: {', '.join(report.left_out)}")
    show(*lines)
