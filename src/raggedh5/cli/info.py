"""``raggedh5 info``: what a file holds, and how it is stored."""

import importlib
import json
from pathlib import Path

import click

from raggedh5.cli.info_json import as_json
from raggedh5.cli.report import report_info
from raggedh5.store.file import File
from raggedh5.store.summary import summarize

__all__ = ["command"]

TRAJECTORIES = "trajectories"
PART = "raggedh5.cli.info_trajectories"


@click.command("info")
@click.argument("path", metavar="FILE", type=click.Path(readable=False, path_type=Path))
@click.option("--json", "machine", is_flag=True, help="Write JSON, for programs.")
def command(path: Path, machine: bool) -> None:
    """Say what a file holds, and how it is stored.

    For each table, column and array: rows and items, codec, shape and number of its chunks, bytes
    of the values (raw), of their chunks in the file (stored), and the ratio of the two. For each
    trajectory: frames, and fields with the frames that have them, where it is not all of them.

    The shape of the JSON is documented in raggedh5.cli.info_json, and stays.
    """
    with File(path) as file:
        summary = summarize(file)
        # Imported like commands, when it is used: most files have no trajectories.
        part = importlib.import_module(PART) if TRAJECTORIES in file else None
        trajectories = [] if part is None else part.trajectories_json(file)
    if machine:
        click.echo(json.dumps({**as_json(summary), "trajectories": trajectories}, indent=2))
        return
    report_info(summary)
    if part is not None:
        part.report_trajectories(trajectories)
