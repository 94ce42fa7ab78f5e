"""``raggedh5 convert trajectory``: trajectories between NumPy, HDF5 and other programs."""

import json
from pathlib import Path
from typing import Any

import click

from raggedh5.care.progress_bar import progress_bar
from raggedh5.cli.errors import Failure
from raggedh5.cli.options import CODECS, make_codec
from raggedh5.cli.report import show
from raggedh5.cli.screen import printable
from raggedh5.formats.trajectory.exchange.conversion import (
    KINDS,
    ConversionReport,
    convert_trajectory,
)
from raggedh5.formats.trajectory.exchange.elements import parse_elements
from raggedh5.formats.trajectory.exchange.source import LoneArrays
from raggedh5.formats.trajectory.exchange.units import LENGTHS, TIMES

__all__ = ["trajectory"]

DIFFERS = 1

_FILE: Any = click.Path(readable=False, path_type=Path)


@click.command("trajectory")
@click.argument("source", metavar="IN", type=_FILE)
@click.argument("target", metavar="OUT", type=_FILE)
@click.option("--to", type=click.Choice(KINDS), help="What OUT is to be.  [default: by its name]")
@click.option("--trajectory", metavar="ID", help="Only this one; the name of that in IN.npy.")
@click.option("--species", type=click.IntRange(min=0), help="Species in IN.npy, to be checked.")
@click.option("--time", metavar="FILE.npy", type=_FILE, help="Times that go with IN.npy.")
@click.option(
    "--time-frames", metavar="FILE.npy", type=_FILE, help="The frames that these times are of."
)
@click.option(
    "--field", "fields", metavar="NAME=FILE.npy", multiple=True, help="A field beside IN.npy."
)
@click.option(
    "--frames", metavar="NAME=FILE.npy", multiple=True, help="The frames that its rows are of."
)
@click.option(
    "--time-unit",
    type=click.Choice(list(TIMES)),
    default="s",
    show_default=True,
    help="What the times of IN are in; au are atomic units.",
)
@click.option(
    "--length-unit",
    type=click.Choice(list(LENGTHS)),
    default="bohr",
    show_default=True,
    help="What the coordinates of IN are in.",
)
@click.option(
    "--metadata", metavar="FILE.json", type=_FILE, help="What is known of the simulation."
)
@click.option("--elements", metavar="Bi,V,O*4", help="The elements of the species.")
@click.option(
    "--coordinates",
    metavar="FIELD",
    help="What IN.npy is, or what becomes h5md, mdtraj or extxyz.  [default: "
    "coordinates/unwrapped]",
)
@click.option("--ragged", is_flag=True, help="The number of atoms in IN.xyz varies.")
@click.option(
    "--precision", type=float, help="Absolute error that coordinates may have in HDF5, in bohr."
)
@click.option(
    "--codec", type=click.Choice(list(CODECS)), help="[default: blosc-lz4; gzip in h5md, mdtraj]"
)
@click.option("--level", type=int, help="Level of the codec, where it has levels.")
@click.option("--no-check", is_flag=True, help="Do not compare OUT with IN.")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
@click.option("--json", "machine", is_flag=True, help="Write JSON, for programs.")
def trajectory(
    source: Path,
    target: Path,
    to: Any,
    trajectory: str | None,
    species: int | None,
    time: Path | None,
    time_frames: Path | None,
    fields: tuple[str, ...],
    frames: tuple[str, ...],
    time_unit: str,
    length_unit: str,
    metadata: Path | None,
    elements: str | None,
    coordinates: str | None,
    ragged: bool,
    precision: float | None,
    codec: str | None,
    level: int | None,
    no_check: bool,
    overwrite: bool,
    machine: bool,
) -> None:
    """Convert trajectories between NumPy, HDF5 and files of other programs.

    IN is an HDF5 file of trajectories, a folder of them in NumPy files, a single IN.npy of
    positions, (frames, species * 3) or (frames, species, 3), or IN.xyz in extended XYZ. By its
    name OUT becomes

    \b
      OUT.h5           HDF5: every field, with units, frame numbers, metadata
      OUT              the same in a folder traj<N> of NumPy files for each
      OUT.h5md         H5MD 1.1 for MDAnalysis and others: angstrom, ps
      OUT.xyz          extended XYZ, through ase: angstrom, 8 decimals
      OUT, --to mdtraj mdtraj's HDF5: nm, ps; its positions are float32

    A field beside IN.npy that has another number of rows was written at another rate. With its
    frame numbers it is a field of those frames. Without them nobody knows them: it is kept as
    events/NAME, and other programs do not get it.

    HDF5 and NumPy files are compared with IN, number by number. OUT appears when it is complete.

    Exit status: 0 if OUT holds what IN does, 1 if it differs, 2 after an error.
    """  # noqa: D301 - click knows a paragraph that is to stay as it is by its backspace
    if codec is None and level is not None:
        raise click.BadParameter("give --codec, too", param_hint="--level")
    with progress_bar("converting") as progress:
        try:
            report = convert_trajectory(
                source,
                target,
                to=to,
                trajectory=trajectory,
                arrays=_arrays(species, time, time_frames, fields, frames),
                time_unit=time_unit,
                length_unit=length_unit,
                metadata=None if metadata is None else _entries(metadata),
                elements=None if elements is None else parse_elements(elements),
                coordinates=coordinates,
                ragged=ragged,
                precision=precision,
                codec="default" if codec is None else make_codec(codec, level),
                check=not no_check,
                overwrite=overwrite,
                progress=progress,
            )
        except ImportError as error:
            raise Failure(str(error)) from error
    if machine:
        click.echo(json.dumps(report.as_dict(), indent=2))
    else:
        _show(report)
    if not report.ok:
        raise click.exceptions.Exit(DIFFERS)


def _arrays(
    species: int | None,
    time: Path | None,
    time_frames: Path | None,
    fields: tuple[str, ...],
    frames: tuple[str, ...],
) -> LoneArrays | None:
    found = [
        _files("--field", fields, "time", time),
        _files("--frames", frames, "time", time_frames),
    ]
    if species is None and not any(found):
        return None
    return LoneArrays(species, *found)


def _files(option: str, pairs: tuple[str, ...], name: str, path: Path | None) -> dict[str, Path]:
    found = {} if path is None else {name: path}
    for text in pairs:
        key, separator, file = text.partition("=")
        if not separator or not key or not file:
            raise click.BadParameter(f"{text!r} is not NAME=FILE.npy", param_hint=option)
        if key in found:
            raise click.BadParameter(f"{key} is given twice", param_hint=option)
        found[key] = Path(file)
    return found


def _entries(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise Failure(f"{path} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise Failure(f"{path} holds no entries by name")
    return found


def _show(report: ConversionReport) -> None:
    count = ", ".join(f"{name} {frames:,} frames" for name, frames in report.frames.items())
    lines = [f"{report.target}: {report.to}; {count}"]
    kept = report.to in ("npy", "hdf5")
    for name, fields in report.events.items():
        what = "kept as events" if kept else "left out"
        lines.append(f"{name}: {', '.join(fields)} without frame numbers, {what}")
    if report.comparison is not None:
        lines.append(f"compared with {report.source}:")
        lines += report.comparison.to_text().splitlines()
    show(*map(printable, lines))
