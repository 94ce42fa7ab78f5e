"""``raggedh5 compare``: whether NumPy files and an HDF5 file hold the same trajectories."""

import json
from pathlib import Path

import click

from raggedh5.cli.errors import Failure
from raggedh5.cli.report import show
from raggedh5.formats.trajectory.checking.comparison import ComparisonReport
from raggedh5.formats.trajectory.checking.validator import TrajectoryValidator

__all__ = ["command"]

DIFFERENT = 1


@click.command("compare")
@click.argument("folder", metavar="DIR", type=click.Path(readable=False, path_type=Path))
@click.argument("path", metavar="FILE", type=click.Path(readable=False, path_type=Path))
@click.option(
    "--trajectory", "traj_id", metavar="ID", help="Only this one, as traj_001. [default: all]"
)
@click.option(
    "--tolerance",
    metavar="X",
    type=float,
    default=1e-15,
    show_default=True,
    help="Largest absolute difference that counts as none.",
)
@click.option("--no-statistics", is_flag=True, help="Compare values only.")
@click.option("--json", "machine", is_flag=True, help="Write JSON, for programs.")
def command(
    folder: Path,
    path: Path,
    traj_id: str | None,
    tolerance: float,
    no_statistics: bool,
    machine: bool,
) -> None:
    """Compare trajectories in NumPy files with those in an HDF5 file.

    DIR is the folder of a trajectory, or one with folders traj1, traj2 and so on; FILE is the HDF5
    file. Every value of every field is compared; NaN is equal to NaN. Where a field was stored with
    a precision, that is its tolerance if it is larger.

    Exit status: 0 if both hold the same, 1 if they do not, 2 after an error.
    """
    if not tolerance >= 0:
        raise Failure(f"--tolerance is 0 or more, not {tolerance}")
    if folder.exists() and path.exists() and folder.samefile(path):
        raise Failure(f"{folder} and {path} are the same; there is nothing to compare")
    validator = TrajectoryValidator(tolerance, statistics=not no_statistics)
    if traj_id is None:
        report = validator.validate(folder, path)
    else:
        report = ComparisonReport((validator.validate_trajectory(folder, path, traj_id),))
    if machine:
        click.echo(json.dumps(report.as_dict(), indent=2, allow_nan=False))
    else:
        show(*report.to_text().splitlines())
    if not report.ok:
        raise click.exceptions.Exit(DIFFERENT)
