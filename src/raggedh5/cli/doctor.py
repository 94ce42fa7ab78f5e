"""``raggedh5 doctor``: why a file does not open or read here, and what to do."""

import json
from pathlib import Path

import click

from raggedh5.care.doctor import doctor
from raggedh5.cli.report import show

__all__ = ["command"]

SICK = 1


@click.command("doctor")
@click.argument("path", metavar="FILE", type=click.Path(readable=False, path_type=Path))
@click.option("--json", "machine", is_flag=True, help="Write JSON, for programs.")
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(0, min_open=True),
    default=60,
    show_default=True,
    help="How long HDF5 may take to read the file's structure.",
)
def command(path: Path, machine: bool, timeout: float) -> None:
    """Say why a file does not open or read here, and what to do.

    Looks at the file, at what lies beside it, at locks, filters and versions, and lets HDF5 read
    its structure in another process. Nothing is changed, and no data is read.

    Exit status: 0 if the file can be read, 1 if something prevents it.
    """
    found = doctor(path, timeout=timeout)
    if machine:
        click.echo(json.dumps(found.as_dict(), indent=2))
    else:
        said = "can be read here" if found.healthy else "cannot be read here, or not all of it"
        lines = [f"{path} {said}."]
        for finding in found.findings:
            mark = "problem" if finding.prevents else "note"
            lines += ["", f"{mark} ({finding.kind}): {finding.what}", f"  -> {finding.advice}"]
        versions = ", ".join(f"{name} {version}" for name, version in found.versions.items())
        show(*lines, "", versions)
    if not found.healthy:
        raise click.exceptions.Exit(SICK)
