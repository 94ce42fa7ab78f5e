"""``raggedh5 validate``: whether a file is what it says."""

import json
from pathlib import Path

import click

from raggedh5.care.checking.findings import Finding
from raggedh5.care.progress_bar import progress_bar
from raggedh5.care.validate import ValidationReport, validate
from raggedh5.cli.report import show
from raggedh5.cli.screen import in_bytes

__all__ = ["command"]

NOT_VALID = 1


@click.command("validate")
@click.argument("path", metavar="FILE", type=click.Path(readable=False, path_type=Path))
@click.option(
    "--finite",
    is_flag=True,
    help="NaN and infinity are errors in all columns and arrays of floats, not only in those that "
    "were made to be finite.",
)
@click.option("--no-checksums", is_flag=True, help="Do not compare checksums.")
@click.option("--json", "machine", is_flag=True, help="Write JSON, for programs.")
def command(path: Path, finite: bool, no_checksums: bool, machine: bool) -> None:
    """Check a file: its structure, and every chunk in it.

    Exit status: 0 if the file is valid, 1 if it is not, 2 if there is no such file.

    The file is read in a child process with limits on memory and on time without progress.
    """
    with progress_bar("validating") as progress:
        report = validate(path, finite=finite, checksums=not no_checksums, progress=progress)
    if machine:
        click.echo(json.dumps(report.as_dict(), indent=2))
    else:
        _report(report)
    if not report.valid:
        raise click.exceptions.Exit(NOT_VALID)


def _report(report: ValidationReport) -> None:
    lines = [_line("error", finding) for finding in report.errors]
    lines += [_line("warning", finding) for finding in report.warnings]
    counts = report.counts
    if counts:
        lines.append(
            f"{_count(counts['tables'], 'table')} ({_count(counts['rows'], 'row')}, "
            f"{_count(counts['items'], 'item')}, {_count(counts['columns'], 'column')}), "
            f"{_count(counts['arrays'], 'array')}, {_count(counts['chunks'], 'chunk')}, "
            f"{counts['checksums']:,} with a checksum"
        )
    verdict = "valid" if report.valid else "not valid"
    what = f"{_count(len(report.errors), 'error')}, {_count(len(report.warnings), 'warning')}"
    show(*lines, f"{report.path} ({in_bytes(report.file_bytes)}) is {verdict}: {what}")


def _line(word: str, finding: Finding) -> str:
    return f"{word}: {' '.join(finding.message.split())}"


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
