"""HDF5 files of mdtraj."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from raggedh5._version import __version__
from raggedh5.care.progress import Progress, silent
from raggedh5.care.targets import check_target
from raggedh5.formats.trajectory.exchange.cell import cell_of, lengths_and_angles
from raggedh5.formats.trajectory.exchange.elements import atomic_number, elements_of
from raggedh5.formats.trajectory.exchange.fixed_frames import FixedFrames
from raggedh5.formats.trajectory.exchange.h5md import GZIP
from raggedh5.formats.trajectory.exchange.units import (
    BOHR_IN_NM,
    HARTREE_IN_KJ_PER_MOL,
    S_IN_PS,
)
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.formats.trajectory.reading.trajectory import Trajectory
from raggedh5.store.attributes import set_attributes
from raggedh5.store.file import File

__all__ = ["write_mdtraj"]

CONVENTIONS = "Pande"
VERSION = "1.1"
VIRTUAL = "VS"
"""mdtraj's symbol for what is no element."""


def write_mdtraj(
    trajectory: Trajectory,
    path: str | os.PathLike[str],
    *,
    metadata: TrajectoryMetadata | None = None,
    elements: Sequence[str] | None = None,
    coordinates: str | None = None,
    codec: Any = GZIP,
    overwrite: bool = False,
    progress: Progress = silent,
) -> int:
    """Write a trajectory to an HDF5 file of mdtraj, in bounded memory; return its frames.

    The format is that of https://mdtraj.org, HDF5 trajectories, convention "Pande" 1.1. Its
    positions are float32, and so are these, in nm: seven digits are left of sixteen. Times are in
    ps, energies in kJ/mol, both float64, and NaN where they are not known; there is no array of
    times if none is. All particles are in one residue ``SYS``. Of the lattice it has lengths and
    angles: how its vectors lie in space is lost.

    Parameters
    ----------
    trajectory
        What is written: the frames that have positions.
    path
        The new file; mdtraj knows it by the ending ``.h5``.
    metadata
        Has the lattice, `TrajectoryReader.metadata`; None: there is no cell.
    elements
        A name for each particle, or for each kind; see `elements_of`. What is no element is a
        virtual site in mdtraj.
    coordinates
        The field that is written; None: unwrapped coordinates, or else wrapped ones.
    codec
        As for `raggedh5.File`. mdtraj may lack the filters of all but gzip.
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
        _describe(file, names, trajectory.id, known)
        arrays = _arrays(file, frames)
        cell = cell_of(known)
        constant = []
        if cell is not None:
            lengths, angles = lengths_and_angles(cell)
            constant = [
                (_array(file, "cell_lengths", "nanometers", (3,)), lengths * BOHR_IN_NM),
                (_array(file, "cell_angles", "degrees", (3,)), angles),
            ]
        done = 0
        for block in frames.blocks():
            arrays["coordinates"].append((block.positions * BOHR_IN_NM).astype(np.float32))
            if "time" in arrays:
                arrays["time"].append(block.times * S_IN_PS)
            if block.energies is not None:
                arrays["potentialEnergy"].append(block.energies * HARTREE_IN_KJ_PER_MOL)
            for array, values in constant:
                array.append(np.broadcast_to(values.astype(np.float32), (len(block.numbers), 3)))
            done += len(block.numbers)
            progress(done, frames.rows)
    return done


def _describe(file: File, names: Sequence[str], traj_id: str, metadata: TrajectoryMetadata) -> None:
    said = {"program": "raggedh5", "programVersion": __version__, "title": traj_id}
    # mdtraj's page writes them with capitals, its code without.
    for name, value in (("onventions", CONVENTIONS), ("onventionVersion", VERSION)):
        said |= {f"C{name}": value, f"c{name}": value}
    if metadata.program is not None:
        said["application"] = metadata.program
    set_attributes(file.h5, said)
    atoms = [
        {"index": index, "name": name, "element": name if atomic_number(name) else VIRTUAL}
        for index, name in enumerate(names)
    ]
    residue = {"index": 0, "name": "SYS", "resSeq": 1, "segmentID": "", "atoms": atoms}
    topology = {"chains": [{"index": 0, "residues": [residue]}], "bonds": []}
    text = np.array([json.dumps(topology).encode("ascii")])
    file.h5.create_dataset("topology", data=text)


def _arrays(file: File, frames: FixedFrames) -> dict[str, Any]:
    arrays = {"coordinates": _array(file, "coordinates", "nanometers", (frames.n_species, 3))}
    if frames.has_times:
        arrays["time"] = _array(file, "time", "picoseconds", (), np.float64)
    if frames.has_energy:
        name = "potentialEnergy"
        arrays[name] = _array(file, name, "kilojoules_per_mole", (), np.float64)
    return arrays


def _array(
    file: File, name: str, units: str, shape: tuple[int, ...], dtype: Any = np.float32
) -> Any:
    return file.create_array(name, (0, *shape), dtype, attrs={"units": units})
