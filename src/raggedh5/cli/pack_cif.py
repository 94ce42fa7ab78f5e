"""``raggedh5 pack-cif``: crystal structures from CIFs into tables."""

import json
from pathlib import Path

import click

from raggedh5.care.progress_bar import progress_bar
from raggedh5.cli.errors import Failure
from raggedh5.cli.report import show
from raggedh5.cli.screen import in_bytes, printable
from raggedh5.formats.crystal.cif import PackCifReport, pack_cif

__all__ = ["command"]

NOT_ALL = 1


@click.command("pack-cif")
@click.argument(
    "sources",
    metavar="IN.cif...",
    nargs=-1,
    required=True,
    type=click.Path(readable=False, path_type=Path),
)
@click.argument("target", metavar="OUT.h5", type=click.Path(readable=False, path_type=Path))
@click.option("--strict", is_flag=True, help="Stop at the first block that is no structure.")
@click.option("--overwrite", is_flag=True, help="Replace OUT.h5 if it exists.")
@click.option("--json", "machine", is_flag=True, help="Write JSON, for programs.")
def command(
    sources: tuple[Path, ...], target: Path, strict: bool, overwrite: bool, machine: bool
) -> None:
    """Pack the crystal structures of CIFs into tables.

    Each data block is a structure: its cell, its space group as the file gives it, and its atoms
    with fractional and Cartesian coordinates. Symmetry operations are not applied: the atoms are
    the asymmetric unit as the file lists it. Its refcode is the code of its database, or the name
    of the block.

    Blocks that are no structure are named on stderr with the reason, and the others are packed.

    Exit status: 0 if all were packed, 1 if some were not, 2 after an error: also if none was.

    OUT.h5 appears when it is complete. If it exists, it is only replaced with --overwrite.
    """
    with progress_bar("packing") as progress:
        try:
            report = pack_cif(
                sources, target, strict=strict, overwrite=overwrite, progress=progress
            )
        except ImportError as error:
            raise Failure(str(error)) from error
    if machine:
        click.echo(json.dumps(report.as_dict(), indent=2))
    else:
        _report(report)
    if report.failures:
        raise click.exceptions.Exit(NOT_ALL)


def _report(report: PackCifReport) -> None:
    for line in (*report.warnings, *map(str, report.failures)):
        click.echo(f"raggedh5: {printable(line)}", err=True)
    failed = f", {_count(len(report.failures), 'failure')}" if report.failures else ""
    show(
        f"{_count(len(report.sources), 'file')} ({in_bytes(report.source_bytes)}) to "
        f"{report.target} ({in_bytes(report.target_bytes)}): "
        f"{_count(report.structures, 'structure')}, {_count(report.atoms, 'atom')}{failed} "
        f"in {report.seconds:.2f} s"
    )


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
