"""``raggedh5 recover``: bring a file that was not closed back."""

import json
from pathlib import Path

import click

from raggedh5.care.progress_bar import progress_bar
from raggedh5.care.recover import RecoveryReport, recover
from raggedh5.cli.report import show
from raggedh5.formats.trajectory.hdf5_layout import holds_trajectories
from raggedh5.formats.trajectory.recovery import TrajectoryRecovery, recover_trajectories
from raggedh5.store.file import File

__all__ = ["command"]


@click.command("recover")
@click.argument("path", metavar="PATH", type=click.Path(readable=False, path_type=Path))
@click.option("--json", "machine", is_flag=True, help="Write JSON, for programs.")
def command(path: Path, machine: bool) -> None:
    """Bring a file back whose writer was killed.

    What its journal holds is appended, marks of a file open for writing are cleared, and tables are
    cut to their last complete row. A trajectory that was running is cut to its last complete frame
    and marked incomplete. PATH is changed in place; what was closed properly stays as it is.

    PATH may also be the folder that trajectories were written to: then their HDF5 and NumPy files
    are brought to the same frame.
    """
    if path.is_dir():
        files, trajectories = [], recover_trajectories(path)
    else:
        with progress_bar("recovering") as progress:
            files = [recover(path, progress=progress)]
        with File(path) as file:
            holds = holds_trajectories(file)
        trajectories = recover_trajectories(path) if holds else []
    if machine:
        said = [files[0].as_dict()] if files else [{"path": str(path)}]
        found = [each.as_dict() for each in trajectories]
        click.echo(json.dumps(said[0] | ({"trajectories": found} if found else {}), indent=2))
        return
    lines = [line for report in files for line in _lines(report)]
    changed = [each for each in trajectories if each.changed]
    if changed and files and not files[0].changed:
        lines = [f"{path}: recovered"]
    elif not files:
        lines = [f"{path}: {'recovered' if changed else 'nothing to recover'}"]
    show(*lines, *map(_trajectory_line, changed))


def _trajectory_line(found: TrajectoryRecovery) -> str:
    formats = " and ".join(found.formats)
    return f"  {found.trajectory}: incomplete, {found.frames:,} whole frames in {formats}"


def _lines(report: RecoveryReport) -> list[str]:
    if not report.changed and not report.unreadable:
        return [f"{report.path}: nothing to recover"]
    lines = [f"{report.path}: recovered" if report.changed else report.path]
    if report.journal:
        lines.append(f"  its journal was brought in: {report.pages:,} pages that were under way")
    for name, (before, after) in report.restored.items():
        lines.append(f"  {name}: {after - before:,} rows restored, {after:,} in all")
    for name, (said, complete) in report.cut.items():
        lines.append(f"  {name}: {said - complete:,} incomplete rows cut, {complete:,} kept")
    for name, why in report.unreadable.items():
        lines.append(f"  {name}: its rows cannot be counted: {why}")
    if report.marks_cleared:
        lines.append("  it was marked as open for writing")
    if report.end is not None:
        lines.append(f"  it said that it had {report.end[0]:,} bytes; it has {report.end[1]:,}")
    if report.trimmed:
        lines.append(f"  {report.trimmed:,} bytes at its end led nowhere, and were cut")
    return lines
