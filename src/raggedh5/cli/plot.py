"""``raggedh5 plot``: a field of a trajectory, or how far species go, as a picture."""

import re
from pathlib import Path

import click

from raggedh5.care.progress_bar import progress_bar
from raggedh5.cli.errors import Failure
from raggedh5.formats.trajectory.plotting import plot_displacement, plot_field

__all__ = ["command"]


@click.command("plot")
@click.argument("path", metavar="FILE", type=click.Path(readable=False, path_type=Path))
@click.argument("target", metavar="PNG", type=click.Path(path_type=Path))
@click.option("--trajectory", "traj_id", metavar="ID", help="[default: the only one]")
@click.option("--field", metavar="NAME", help="What to draw, as energy or coordinates/unwrapped.")
@click.option("--msd", is_flag=True, help="Draw the mean-square displacement against lag time.")
@click.option(
    "--from-first",
    is_flag=True,
    help="With --msd: of displacements from the first frame, against time.",
)
@click.option(
    "--max-lag",
    metavar="N",
    type=click.IntRange(min=1),
    help="With --msd: the longest lag in frames. [default: a quarter of them]",
)
@click.option("--species", metavar="A,B", help="Only these species of coordinates, from 0 on.")
@click.option("--frames", metavar="A:B", help="Only these frames, as 0:1000 or -100:.")
@click.option("--overwrite", is_flag=True, help="Replace PNG if it exists.")
def command(
    path: Path,
    target: Path,
    traj_id: str | None,
    field: str | None,
    msd: bool,
    from_first: bool,
    max_lag: int | None,
    species: str | None,
    frames: str | None,
    overwrite: bool,
) -> None:
    """Draw a field of a trajectory against time, or its mean-square displacement.

    FILE is an HDF5 file or a folder of trajectories. Where a frame has no time, the horizontal axis
    has numbers of frames; the lag of a mean-square displacement is in frames where the times are
    not evenly spaced.

    Of a field with many components, the mean position of the species is drawn, or mean, lowest and
    highest value. Of long series, the lowest and the highest value in each part of the axis are
    drawn: no peak is lost. It needs matplotlib.
    """
    if field is None and not msd:
        raise Failure("say what to draw: --field NAME, or --msd")
    if (from_first or max_lag is not None) and not msd:
        raise Failure("--from-first and --max-lag are for --msd")
    if from_first and max_lag is not None:
        raise Failure("there is no lag with --from-first")
    start, stop = (0, None) if frames is None else _frames(frames)
    chosen = None if species is None else _numbers(species)
    try:
        with progress_bar("drawing") as progress:
            if msd:
                plot_displacement(
                    path,
                    target,
                    field or "coordinates/unwrapped",
                    traj_id=traj_id,
                    species=chosen,
                    start=start,
                    stop=stop,
                    max_lag=max_lag,
                    from_first=from_first,
                    overwrite=overwrite,
                    progress=progress,
                )
            else:
                plot_field(
                    path,
                    target,
                    field or "",
                    traj_id=traj_id,
                    species=chosen,
                    start=start,
                    stop=stop,
                    overwrite=overwrite,
                    progress=progress,
                )
    except ImportError as error:
        raise Failure(str(error)) from error


def _frames(text: str) -> tuple[int, int | None]:
    match = re.fullmatch(r"(-?\d+)?:(-?\d+)?", text, re.ASCII)
    if match is None:
        raise click.BadParameter(f"{text!r} is not A:B", param_hint="--frames")
    return int(match[1] or 0), None if match[2] is None else int(match[2])


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is no list of numbers; write 0,3", param_hint="--species"
        ) from error
