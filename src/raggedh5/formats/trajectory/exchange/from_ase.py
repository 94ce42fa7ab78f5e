"""Trajectories of what ASE has, or reads."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from raggedh5.core.codecs import Blosc
from raggedh5.core.frames import FieldRows, FrameBatch
from raggedh5.errors import FormatError, SchemaError
from raggedh5.formats.trajectory.exchange.ase_bridge import ATOMIC_NUMBERS, TIME, require_ase
from raggedh5.formats.trajectory.exchange.copying import Layout, new_target
from raggedh5.formats.trajectory.exchange.elements import ELEMENTS
from raggedh5.formats.trajectory.exchange.units import BOHR_IN_ANGSTROM, HARTREE_IN_EV, S_IN_PS
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata

__all__ = ["from_ase", "read_extxyz"]

PIECE_BYTES = 1 << 22


def from_ase(
    images: Iterable[Any],
    target: str | os.PathLike[str],
    layout: Layout = "hdf5",
    *,
    traj_id: str = "traj_001",
    metadata: TrajectoryMetadata | None = None,
    ragged: bool = False,
    codec: Any = Blosc(),  # noqa: B008 - immutable
    precision: float | None = None,
    overwrite: bool = False,
) -> int:
    """Write `ase.Atoms`, one a frame, to a new file of trajectories; return how many there are.

    Positions become ``coordinates/unwrapped`` in bohr, an energy that is there already (in a
    calculator, or as ``energy`` in `info`) ``energy`` in hartree, ``time_ps`` in `info` becomes
    ``time`` in s. Cell, pbc and elements of the first image go to the metadata, and those of the
    others have to be the same. Forces and anything else are left out.

    Parameters
    ----------
    images
        The frames, in memory or as they come.
    target, layout, codec, precision, overwrite
        As for `copy_trajectories`.
    traj_id
        Name of the trajectory.
    metadata
        What else is known of the simulation.
    ragged
        Whether the number of atoms varies; atomic numbers are a field then,
        ``particles/atomic_number``.

    Raises
    ------
    SchemaError
        If cells differ; if elements do, without `ragged`; or if there is no image.
    WriteError
        If the target is there already, or cannot be written.
    """
    require_ase()
    coming = iter(images)
    first = next(coming, None)
    if first is None:
        raise SchemaError("there are no images: a trajectory takes one or more")
    known = metadata if metadata is not None else TrajectoryMetadata()
    frames = _Images(first, ragged)
    known = frames.described(known)
    done = 0
    with new_target(Path(target), layout, known, codec, precision, overwrite) as new:
        lossy = {} if precision is None else {"precision": precision}
        of_particles = {"coordinates/unwrapped": {"units": "bohr", **lossy}}
        new.begin(traj_id, None, of_particles)
        for batch in frames.batches(chain([first], coming)):
            new.write(batch)
            done = batch.stop
        new.finish("completed", "", "")
    return done


def read_extxyz(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Read extended XYZ through ASE, one `ase.Atoms` after the other.

    Raises
    ------
    ImportError
        If ase is not installed.
    FileNotFoundError
        If there is no such file.
    FormatError
        If it is none.
    """
    require_ase()
    from ase.io.extxyz import XYZError
    from ase.io.extxyz import read_extxyz as read

    with Path(path).open() as file:
        try:
            yield from read(file, slice(None))
        except (XYZError, ValueError, KeyError, IndexError, UnicodeDecodeError) as error:
            raise FormatError(f"{path} is no extended XYZ: {error}") from error


@dataclass
class _Images:
    """Images, all like the first one."""

    first: Any
    ragged: bool

    def described(self, metadata: TrajectoryMetadata) -> TrajectoryMetadata:
        """Add the cell and the elements of the first image, where nothing is said of them."""
        changes: dict[str, Any] = {}
        if metadata.lattice_matrix is None and self.first.cell.rank == 3:
            changes["lattice_matrix"] = np.asarray(self.first.cell) / BOHR_IN_ANGSTROM
            changes["pbc"] = np.asarray(self.first.pbc)
        if not self.ragged and len(self.first):
            if ELEMENTS not in metadata.parameters:
                symbols: Sequence[str] = self.first.get_chemical_symbols()
                changes["parameters"] = {**metadata.parameters, ELEMENTS: list(symbols)}
            if metadata.total_species is None:
                changes["total_species"] = len(self.first)
        return replace(metadata, **changes)

    def batches(self, images: Iterable[Any]) -> Iterator[FrameBatch]:
        """Return the frames, piece by piece."""
        piece: list[Any] = []
        first = nbytes = 0
        for number, image in enumerate(images):
            self._check(image, number)
            piece.append(image)
            nbytes += 24 * len(image) + 100
            if nbytes >= PIECE_BYTES:
                yield self._batch(piece, first)
                piece, first, nbytes = [], number + 1, 0
        if piece:
            yield self._batch(piece, first)

    def _check(self, image: Any, number: int) -> None:
        same = np.array_equal(image.cell, self.first.cell)
        if not same or not np.array_equal(image.pbc, self.first.pbc):
            raise SchemaError(
                f"image {number} has another cell than the first one; a trajectory has one lattice"
            )
        if not self.ragged and not np.array_equal(image.numbers, self.first.numbers):
            raise SchemaError(
                f"image {number} has other atoms than the first one; ragged=True, or --ragged, "
                "lets their number vary"
            )

    def _batch(self, images: list[Any], first: int) -> FrameBatch:
        rows: dict[str, FieldRows] = {}
        for name, find in (("time", _time), ("energy", _energy)):
            found = {first + at: find(image) for at, image in enumerate(images)}
            known = {frame: value for frame, value in found.items() if value is not None}
            if known:
                numbers = np.fromiter(known, np.int64)
                rows[name] = FieldRows(np.array(list(known.values()), np.float64), numbers)
        every = np.arange(first, first + len(images), dtype=np.int64)
        positions = [image.positions / BOHR_IN_ANGSTROM for image in images]
        if not self.ragged:
            flat = np.array(positions, np.float64).reshape(len(images), 3 * len(images[0]))
            rows["coordinates/unwrapped"] = FieldRows(flat, every)
            return FrameBatch(first, len(images), rows)
        items = {
            "coordinates/unwrapped": np.concatenate(positions),
            ATOMIC_NUMBERS: np.concatenate([image.numbers for image in images]),
        }
        lengths = np.array([len(image) for image in images], np.int64)
        return FrameBatch(first, len(images), rows, items, lengths, every)


def _energy(image: Any) -> float | None:
    results = {} if image.calc is None else getattr(image.calc, "results", {})
    energy = results.get("energy", image.info.get("energy"))
    return None if energy is None else float(energy) / HARTREE_IN_EV


def _time(image: Any) -> float | None:
    time = image.info.get(TIME)
    return None if time is None else float(time) / S_IN_PS
