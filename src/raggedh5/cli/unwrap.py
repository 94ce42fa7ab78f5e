"""``raggedh5 unwrap``: periodic coordinates to continuous paths."""

import json
from pathlib import Path

import click

from raggedh5.care.progress_bar import progress_bar
from raggedh5.cli.errors import Failure
from raggedh5.cli.report import show
from raggedh5.formats.trajectory.rewriting.cell import periodic_axes
from raggedh5.formats.trajectory.rewriting.unwrap import UnwrapReport, unwrap

__all__ = ["command"]


@click.command("unwrap")
@click.argument("source", metavar="INPUT", type=click.Path(readable=False, path_type=Path))
@click.option(
    "--output-format",
    type=click.Choice(["npy", "hdf5", "both"]),
    help="[default: both in a folder]",
)
@click.option(
    "--output", metavar="FILE", type=click.Path(path_type=Path), help="The HDF5 file to make."
)
@click.option(
    "--output-dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Or the folder for trajectories.h5 and traj1/*.npy.",
)
@click.option(
    "--lattice",
    metavar="MATRIX",
    help="Lattice vectors in bohr: 9 numbers, 3 for a cell with right angles, or a file of them, "
    ".npy or text. [default: that of INPUT]",
)
@click.option(
    "--pbc",
    metavar="1,1,0",
    help="Which of them the cell is periodic along. [default: as INPUT says, or all]",
)
@click.option(
    "--time",
    metavar="FILE.npy",
    type=click.Path(readable=False, path_type=Path),
    help="Times in s, one for each frame.",
)
@click.option(
    "--trajectory",
    "traj_id",
    metavar="ID",
    help="Which trajectory of INPUT, or the name for that of a .npy file. [default: all of them; "
    "traj_001]",
)
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
@click.option("--json", "machine", is_flag=True, help="Write JSON, for programs.")
def command(
    source: Path,
    output_format: str | None,
    output: Path | None,
    output_dir: Path | None,
    lattice: str | None,
    pbc: str | None,
    time: Path | None,
    traj_id: str | None,
    overwrite: bool,
    machine: bool,
) -> None:
    """Unwrap periodic coordinates, and write both kinds.

    INPUT is a .npy file of wrapped positions, (frames, species, 3) or (frames, species * 3), in
    bohr; or an HDF5 file or a folder of trajectories that have the field coordinates/wrapped, whose
    other fields are written as well.

    From a frame to the next, each species moves by the shortest image of its displacement: a step
    that is really longer than half the cell cannot be told from a shorter one. What is written
    appears when it is complete.
    """
    if (output is None) == (output_dir is None):
        raise Failure("give either --output FILE or --output-dir DIR")
    if output is not None and output_format not in (None, "hdf5"):
        raise Failure("--output is an HDF5 file; NumPy files need --output-dir")
    with progress_bar("unwrapping") as progress:
        report = unwrap(
            source,
            output=output,
            output_dir=output_dir,
            formats=output_format,
            lattice=lattice,
            pbc=None if pbc is None else periodic_axes(pbc),
            time=time,
            traj_id=traj_id,
            overwrite=overwrite,
            progress=progress,
        )
    if machine:
        click.echo(json.dumps(report.as_dict(), indent=2, allow_nan=False))
    else:
        _show(report)


def _show(report: UnwrapReport) -> None:
    lines = []
    for found in report.trajectories:
        line = f"{found.trajectory}: {found.frames:,} frames of {found.species:,} species"
        if found.longest_step is not None:
            line += f", longest step {found.longest_step:.4g} bohr"
        lines.append(line)
        if found.left_out:
            lines.append(f"  left out, as they are of no known frames: {', '.join(found.left_out)}")
    steps = [found.longest_step or 0.0 for found in report.trajectories]
    if max(steps, default=0.0) > 0.9 * report.half_cell:
        lines.append(
            f"steps come near {report.half_cell:.4g} bohr, half the shortest lattice vector, or "
            "exceed it: longer ones may have been taken for shorter ones"
        )
    show(*lines, *(f"written: {target}" for target in report.targets))
