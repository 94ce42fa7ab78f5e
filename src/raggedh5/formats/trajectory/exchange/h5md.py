"""H5MD files, as MDAnalysis and other programs of molecular dynamics read them."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from raggedh5._version import __version__
from raggedh5.care.progress import Progress, silent
from raggedh5.care.targets import check_target
from raggedh5.formats.trajectory.exchange.cell import cell_of
from raggedh5.formats.trajectory.exchange.elements import atomic_number, elements_of
from raggedh5.formats.trajectory.exchange.fixed_frames import FixedFrames
from raggedh5.formats.trajectory.exchange.units import (
    BOHR_IN_ANGSTROM,
    HARTREE_IN_KJ_PER_MOL,
    S_IN_PS,
)
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.formats.trajectory.reading.trajectory import Trajectory
from raggedh5.store.attributes import set_attributes
from raggedh5.store.file import File

__all__ = ["GZIP", "write_h5md"]

GZIP = {"compression": "gzip", "compression_opts": 4, "shuffle": True}
"""What every program that reads HDF5 decompresses."""

VERSION = (1, 1)
GROUP = "/particles/trajectory"
ENERGY = "/observables/potential_energy"
PS = {"unit": "ps"}
LENGTH = {"unit": "Angstrom"}


def write_h5md(
    trajectory: Trajectory,
    path: str | os.PathLike[str],
    *,
    metadata: TrajectoryMetadata | None = None,
    elements: Sequence[str] | None = None,
    coordinates: str | None = None,
    author: str | None = None,
    codec: Any = GZIP,
    overwrite: bool = False,
    progress: Progress = silent,
) -> int:
    """Write a trajectory to an H5MD file, in bounded memory; return how many frames it has.

    The format is that of P. de Buyl, P. H. Colberg, F. Höfling: H5MD: A structured, efficient, and
    portable file format for molecular data, Comput. Phys. Commun. 185, 1546 (2014), version 1.1.
    Positions are float64 in angstrom without images, times in ps, energies in kJ/mol. Steps are the
    frame numbers. The box is the lattice, the same in every frame; MDAnalysis keeps its lengths and
    angles. A time that is not known is NaN, because MDAnalysis wants one.

    Parameters
    ----------
    trajectory
        What is written: the frames that have positions.
    path
        The new file; MDAnalysis knows it by the ending ``.h5md``.
    metadata
        Has the lattice, `TrajectoryReader.metadata`; None: there is no box.
    elements
        A name for each particle, or for each kind; see `elements_of`.
    coordinates
        The field that is written; None: unwrapped coordinates, or else wrapped ones.
    author
        Its name; None: it is not known.
    codec
        As for `raggedh5.File`. Other programs may lack the filters of all but gzip.
    overwrite
        Whether a file that is there is replaced.
    progress
        Is told the frames that are done, and how many there are.

    Raises
    ------
    SchemaError
        If the trajectory has no such coordinates, or its number of particles varies.
    WriteError
        If the file is there already, or cannot be written.
    """
    known = metadata if metadata is not None else TrajectoryMetadata()
    frames = FixedFrames(trajectory, known, coordinates)
    names = elements_of(known, frames.n_species, elements)
    check_target([], Path(path), overwrite)
    with File(path, "w" if overwrite else "x", codec=codec) as file:
        _describe(file, author)
        _add_species(file, names)
        arrays = _arrays(file, frames)
        cell = cell_of(known)
        box = _add_box(file, known)
        done = 0
        for block in frames.blocks():
            arrays["value"].append(block.positions * BOHR_IN_ANGSTROM)
            arrays["step"].append(block.numbers)
            arrays["time"].append(block.times * S_IN_PS)
            if block.energies is not None:
                arrays["energy"].append(block.energies * HARTREE_IN_KJ_PER_MOL)
            if box is not None and cell is not None:
                edges = np.broadcast_to(cell * BOHR_IN_ANGSTROM, (len(block.numbers), 3, 3))
                box.append(edges)
            done += len(block.numbers)
            progress(done, frames.rows)
    return done


def _describe(file: File, author: str | None) -> None:
    root = file.h5.create_group("h5md")
    root.attrs["version"] = np.array(VERSION, np.int32)
    set_attributes(root.create_group("author"), {"name": author or "unknown"})
    creator = {"name": "raggedh5", "version": __version__}
    set_attributes(root.create_group("creator"), creator)
    units = root.create_group("modules/units")
    units.attrs["version"] = np.array((1, 0), np.int32)


def _add_species(file: File, names: Sequence[str]) -> None:
    """Add the species as an enumeration: atomic numbers, and numbers from -1 down for others."""
    members: dict[str, int] = {}
    for name in names:
        if name not in members:
            number = atomic_number(name)
            others = sum(value < 0 for value in members.values())
            members[name] = number or (0 if name == "X" else -1 - others)
    # As `h5py.enum_dtype` makes it.
    kind = np.dtype(np.int32, metadata={"enum": members or {"X": 0}})
    values = np.array([members[name] for name in names], np.int32)
    file.h5.require_group(GROUP).create_dataset("species", data=values, dtype=kind)


def _arrays(file: File, frames: FixedFrames) -> dict[str, Any]:
    position = f"{GROUP}/position"
    shape = (0, frames.n_species, 3)
    arrays = {
        "value": file.create_array(f"{position}/value", shape, np.float64, attrs=LENGTH),
        "step": file.create_array(f"{position}/step", (0,), np.int64),
        "time": file.create_array(f"{position}/time", (0,), np.float64, attrs=PS),
    }
    if frames.has_energy:
        unit = {"unit": "kJ mol-1"}
        arrays["energy"] = file.create_array(f"{ENERGY}/value", (0,), np.float64, attrs=unit)
        _share(file, ENERGY)
    return arrays


def _add_box(file: File, metadata: TrajectoryMetadata) -> Any:
    """Add the box; return the array of its edges, None where there is none."""
    box = file.h5[GROUP].create_group("box")
    cell = cell_of(metadata)
    periodic = np.zeros(3, bool) if cell is None else np.asarray(metadata.pbc)
    box.attrs["dimension"] = 3
    box.attrs["boundary"] = np.array([b"periodic" if axis else b"none" for axis in periodic])
    if cell is None:
        return None
    edges = file.create_array(f"{GROUP}/box/edges/value", (0, 3, 3), np.float64, attrs=LENGTH)
    _share(file, f"{GROUP}/box/edges")
    return edges


def _share(file: File, element: str) -> None:
    """Give an element the steps and times of the positions: the same datasets."""
    for name in ("step", "time"):
        file.h5[element][name] = file.h5[f"{GROUP}/position/{name}"]
