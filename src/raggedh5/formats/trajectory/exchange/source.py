"""What is converted: open, whatever kind of file it is."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory.describing.layout import sort_out
from raggedh5.formats.trajectory.exchange.lone_arrays import trajectory_of_arrays
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.formats.trajectory.reading.reader import TrajectoryReader
from raggedh5.formats.trajectory.reading.trajectory import Trajectory

__all__ = ["LoneArrays", "OpenSource", "opened_source", "with_entries"]

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class LoneArrays:
    """What lone ``.npy`` files are; see `trajectory_of_arrays`."""

    n_species: int | None = None
    fields: Mapping[str, PathLike] | None = None
    frames: Mapping[str, PathLike] | None = None


@dataclass(frozen=True)
class OpenSource:
    """Trajectories, and what is known of them; see `Source`.

    Attributes
    ----------
    path : Path
        The file or folder.
    ids : list of str
        Their names.
    metadata : TrajectoryMetadata
        What is known of the simulation.
    open : callable
        Returns a trajectory, by its name.
    """

    path: Path
    ids: list[str]
    metadata: TrajectoryMetadata
    open: Callable[[str], Trajectory]

    def __getitem__(self, traj_id: str) -> Trajectory:
        """Return a trajectory."""
        return self.open(traj_id)


@contextlib.contextmanager
def opened_source(
    path: Path, trajectory: str | None, arrays: LoneArrays | None, coordinates: str | None
) -> Iterator[OpenSource]:
    """Open what is converted: all its trajectories, or the one that is asked for.

    Parameters
    ----------
    path
        A lone ``.npy`` file of positions, or what `TrajectoryReader` reads.
    trajectory
        Which one; what a lone one is called.
    arrays, coordinates
        What else there is of a lone file, and which coordinates it holds.

    Raises
    ------
    KeyError
        If there is no such trajectory.
    SchemaError
        If `arrays` are given and it is no lone file, or something does not fit.
    """
    if path.suffix == ".npy" and not path.is_dir():
        told = arrays if arrays is not None else LoneArrays()
        lone = trajectory_of_arrays(
            path,
            n_species=told.n_species,
            coordinates=coordinates or "coordinates/unwrapped",
            fields=told.fields,
            frames=told.frames,
            traj_id=trajectory or "traj_001",
        )
        known = TrajectoryMetadata(total_species=lone.n_species)
        yield OpenSource(path, [lone.id], known, lambda name: lone)
        return
    if arrays is not None:
        raise SchemaError(f"{path} is no .npy file of positions: it says itself what is in it")
    with TrajectoryReader(path) as reader:
        ids = reader.ids
        if trajectory is not None:
            ids = [reader[trajectory].id]
        yield OpenSource(path, ids, reader.metadata, reader.__getitem__)


def with_entries(metadata: TrajectoryMetadata, entries: Mapping[str, Any]) -> TrajectoryMetadata:
    """Return a description with further entries, and what follows from them."""
    known, added = sort_out(entries)
    if not known and not added:
        return metadata
    if "lattice_matrix" in known:
        known.setdefault("pbc", None)
    if "species_count" in known:
        known.setdefault("total_species", None)
    return replace(metadata, **known, parameters={**metadata.parameters, **added})
