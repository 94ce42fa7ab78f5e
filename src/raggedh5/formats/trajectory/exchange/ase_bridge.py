"""Frames as ASE has them, and files of extended XYZ through ASE."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from raggedh5.care.progress import Progress, silent
from raggedh5.care.targets import check_target
from raggedh5.core.frames import FrameBatch
from raggedh5.errors import SchemaError, WriteError
from raggedh5.formats.trajectory.exchange.cell import cell_of
from raggedh5.formats.trajectory.exchange.elements import atomic_number, elements_of
from raggedh5.formats.trajectory.exchange.units import (
    BOHR_IN_ANGSTROM,
    ENERGIES,
    HARTREE_IN_EV,
    LENGTHS,
    S_IN_PS,
    TIMES,
    factor_of,
)
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.formats.trajectory.reading.trajectory import Trajectory

__all__ = ["ATOMIC_NUMBERS", "FRAME", "TIME", "images_of", "require_ase", "to_ase", "write_extxyz"]

ATOMIC_NUMBERS = "particles/atomic_number"
"""The field of elements where the number of particles varies."""

FRAME, TIME = "frame", "time_ps"
"""What is in the `info` of an `ase.Atoms`: number of the frame, and its time."""

DEFAULTS = ("coordinates/unwrapped", "coordinates/wrapped")


def to_ase(
    trajectory: Trajectory,
    frame: int,
    *,
    metadata: TrajectoryMetadata | None = None,
    elements: Sequence[str] | None = None,
    coordinates: str | None = None,
) -> Any:
    """Return a frame as `ase.Atoms`, in angstrom.

    Parameters
    ----------
    trajectory
        What it is of.
    frame
        Its number; from the end if it is negative.
    metadata
        Has the lattice and what is periodic, `TrajectoryReader.metadata`; None: there is no cell.
    elements
        A name for each particle, or for each kind; see `elements_of`. What is no element is "X".
    coordinates
        The field of positions; None: unwrapped ones, or else wrapped ones.

    Returns
    -------
    ase.Atoms
        Its time in ps and its number are in its `info`, its energy in eV in a calculator.

    Raises
    ------
    ImportError
        If ase is not installed.
    IndexError
        If there is no such frame.
    SchemaError
        If the frame has no such coordinates.
    """
    at = frame + (trajectory.n_frames if frame < 0 else 0)
    if not 0 <= at < trajectory.n_frames:
        raise IndexError(f"{trajectory.id} has {trajectory.n_frames} frames, and no frame {frame}")
    for image in images_of(trajectory, at, at + 1, metadata, elements, coordinates):
        return image
    raise SchemaError(f"{trajectory.id}: frame {at} has no coordinates")


def write_extxyz(
    trajectory: Trajectory,
    path: str | os.PathLike[str],
    *,
    metadata: TrajectoryMetadata | None = None,
    elements: Sequence[str] | None = None,
    coordinates: str | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> int:
    """Write the frames that have coordinates as extended XYZ; return how many there are.

    ASE writes it: positions in angstrom with eight decimals, so that they are not those of the
    trajectory to the last bit. See `to_ase` for the parameters.

    Raises
    ------
    ImportError
        If ase is not installed.
    WriteError
        If the file is there already, or cannot be written.
    """
    require_ase()
    from ase.io.extxyz import write_extxyz as write

    target = Path(path)
    check_target([], target, overwrite)
    new = target.with_name(f".{target.name}.{os.getpid()}.new")
    done = 0
    try:
        with new.open("w") as file:
            images = images_of(trajectory, 0, None, metadata, elements, coordinates)
            for image in images:
                write(file, [image])
                done += 1
                progress(image.info[FRAME] + 1, trajectory.n_frames)
        new.replace(target)
    except OSError as error:
        raise WriteError(f"{target} could not be written: {error}") from error
    finally:
        new.unlink(missing_ok=True)
    return done


def images_of(
    trajectory: Trajectory,
    start: int = 0,
    stop: int | None = None,
    metadata: TrajectoryMetadata | None = None,
    elements: Sequence[str] | None = None,
    coordinates: str | None = None,
) -> Iterator[Any]:
    """Return frames as `ase.Atoms`, one after the other; see `to_ase`."""
    require_ase()
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator

    known = metadata if metadata is not None else TrajectoryMetadata()
    name = coordinates or next((each for each in DEFAULTS if each in trajectory), DEFAULTS[0])
    if name not in trajectory or not name.startswith("coordinates/"):
        fields = ", ".join(trajectory.fields) or "none"
        raise SchemaError(f"{trajectory.id} has no coordinates {name!r}; it has {fields}")
    cell = cell_of(known)
    lattice = None if cell is None else cell * BOHR_IN_ANGSTROM
    length = factor_of(trajectory[name], LENGTHS) * BOHR_IN_ANGSTROM
    numbers = None
    if name in trajectory and trajectory.n_species is not None:
        names = elements_of(known, trajectory.n_species, elements)
        numbers = [atomic_number(each) for each in names]
    for batch in trajectory.batches(start, stop):
        times = _scalars(trajectory, batch, "time", TIMES)
        energies = _scalars(trajectory, batch, "energy", ENERGIES)
        for frame, positions, own in _positions(batch, name):
            if own is None and numbers is None:
                names = [] if elements is None else list(elements)
                own = _of_varying(names, len(positions))
            image = Atoms(
                numbers=numbers if own is None else own,
                positions=positions * length,
                cell=lattice,
                pbc=False if lattice is None else known.pbc,
            )
            image.info[FRAME] = frame
            if frame in times:
                image.info[TIME] = times[frame] * S_IN_PS
            elif known.time_interval is not None and "time" not in trajectory:
                image.info[TIME] = frame * known.time_interval * S_IN_PS
            if frame in energies:
                energy = energies[frame] * HARTREE_IN_EV
                image.calc = SinglePointCalculator(image, energy=energy)
            yield image


def require_ase() -> None:
    """Refuse to go on without ase.

    Raises
    ------
    ImportError
        If ase is not installed.
    """
    try:
        import ase  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "ase.Atoms and extended XYZ need ase; install it with: pip install 'raggedh5[ase]'"
        ) from error


def _positions(batch: FrameBatch, name: str) -> Iterator[tuple[int, Any, Any]]:
    """Return number, positions (n, 3) and, where they are stored, atomic numbers of each frame."""
    if name in batch.rows:
        values, numbers = batch.rows[name]
        for frame, row in zip(numbers.tolist(), values, strict=True):
            yield frame, np.asarray(row, np.float64).reshape(-1, 3), None
    elif name in batch.items:
        ends = np.cumsum(batch.lengths)
        stored = batch.items.get(ATOMIC_NUMBERS)
        for frame, end, length in zip(
            batch.numbers.tolist(), ends.tolist(), batch.lengths.tolist(), strict=True
        ):
            rows = slice(end - length, end)
            positions = np.asarray(batch.items[name][rows], np.float64)
            yield frame, positions, None if stored is None else stored[rows]


def _of_varying(names: Iterable[str], count: int) -> list[int]:
    kinds = {atomic_number(name) for name in names}
    if len(kinds) > 1:
        raise SchemaError(
            "the number of particles varies: name one element for all, or write the field "
            f"{ATOMIC_NUMBERS!r}"
        )
    return [kinds.pop() if kinds else 0] * count


def _scalars(
    trajectory: Trajectory, batch: FrameBatch, name: str, units: dict[str, float]
) -> dict[int, float]:
    """Return the numbers of a field by frame, in the unit of the layout."""
    if name not in batch.rows or batch.rows[name].values.ndim != 1:
        return {}
    factor = factor_of(trajectory[name], units)
    values, numbers = batch.rows[name]
    return dict(zip(numbers.tolist(), (values * factor).tolist(), strict=True))
