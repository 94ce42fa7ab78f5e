"""Trajectories converted from one kind of file to another."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from raggedh5.care.progress import Progress, silent
from raggedh5.care.targets import check_target
from raggedh5.core.codecs import Blosc
from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory.checking.comparison import ComparisonReport
from raggedh5.formats.trajectory.exchange.ase_bridge import write_extxyz
from raggedh5.formats.trajectory.exchange.copying import Layout, copy_trajectories
from raggedh5.formats.trajectory.exchange.elements import ELEMENTS, elements_of
from raggedh5.formats.trajectory.exchange.from_ase import from_ase, read_extxyz
from raggedh5.formats.trajectory.exchange.h5md import GZIP, write_h5md
from raggedh5.formats.trajectory.exchange.mdtraj_hdf5 import write_mdtraj
from raggedh5.formats.trajectory.exchange.source import (
    LoneArrays,
    OpenSource,
    opened_source,
    with_entries,
)
from raggedh5.formats.trajectory.exchange.units import in_units_of_the_layout
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata

__all__ = ["KINDS", "ConversionReport", "Kind", "convert_trajectory"]

Kind = Literal["npy", "hdf5", "h5md", "mdtraj", "extxyz"]

KINDS = ("npy", "hdf5", "h5md", "mdtraj", "extxyz")

PathLike = str | os.PathLike[str]

_WRITERS: dict[str, Any] = {
    "h5md": write_h5md,
    "mdtraj": write_mdtraj,
    "extxyz": write_extxyz,
}
_SUFFIXES: dict[str, Kind] = {
    "": "npy",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".h5md": "h5md",
    ".xyz": "extxyz",
    ".extxyz": "extxyz",
}


@dataclass(frozen=True)
class ConversionReport:
    """What was converted.

    Attributes
    ----------
    source, target : str
        From where to where.
    to : str
        Kind of the target.
    frames : dict of int
        By name of the trajectory, frames that the target has.
    events : dict of list of str
        By name of the trajectory, fields without known frames: events of their own in the layouts,
        left out elsewhere.
    comparison : ComparisonReport or None
        Of both, the source named npy in it; None where there was none.
    """

    source: str
    target: str
    to: str
    frames: dict[str, int]
    events: dict[str, list[str]]
    comparison: ComparisonReport | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing differs, as far as that was looked at."""
        return self.comparison is None or self.comparison.ok

    def as_dict(self) -> dict[str, Any]:
        """Return the same for JSON."""
        return {
            "source": self.source,
            "target": self.target,
            "to": self.to,
            "ok": self.ok,
            "frames": self.frames,
            "events": self.events,
            "comparison": None if self.comparison is None else self.comparison.as_dict(),
        }


def convert_trajectory(
    source: PathLike,
    target: PathLike,
    *,
    to: Kind | None = None,
    trajectory: str | None = None,
    arrays: LoneArrays | None = None,
    time_unit: str = "s",
    length_unit: str = "bohr",
    metadata: Mapping[str, Any] | None = None,
    elements: Sequence[str] | None = None,
    coordinates: str | None = None,
    ragged: bool = False,
    precision: float | None = None,
    codec: Any = "default",
    check: bool = True,
    overwrite: bool = False,
    progress: Progress = silent,
) -> ConversionReport:
    """Convert trajectories from one kind of file to another, in bounded memory.

    Parameters
    ----------
    source
        An HDF5 file of the layout, a folder of NumPy files, a lone ``.npy`` file of positions, or
        extended XYZ, ``.xyz`` or ``.extxyz``, which ASE reads.
    target
        What is made. It appears when it is complete.
    to
        ``"hdf5"`` and ``"npy"`` are the two layouts; ``"h5md"``, ``"mdtraj"`` and ``"extxyz"`` hold
        one trajectory a file. None: by the name of the target.
    trajectory
        Only this one; what a lone array or extended XYZ is called.
    arrays
        What else there is of a lone array of positions.
    time_unit, length_unit
        What the times and coordinates of the source are in; see `in_units_of_the_layout`.
    metadata
        Entries that are known beside those of the source, or in place of them.
    elements
        Names of the particles, see `elements_of`; kept in the metadata of the layouts.
    coordinates
        Which field a lone array is, and which one goes to a file that holds only one.
    ragged
        Whether the number of atoms in extended XYZ varies.
    precision
        See `copy_trajectories`.
    codec
        As for `raggedh5.File`; ``"default"``: gzip for other programs, Blosc for the layout.
    check
        Whether the two layouts are compared with the source.
    overwrite
        Whether what is there is replaced.
    progress
        Is told the frames that are done, and how many there are.

    Raises
    ------
    ImportError
        If extended XYZ is asked for, and ase is not installed.
    KeyError
        If there is no such trajectory.
    SchemaError
        If something does not fit.
    WriteError
        If the target is there already, or cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile, numpy as np
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> np.save(folder / "x.npy", np.zeros((10, 2, 3)))
    >>> np.save(folder / "t.npy", np.arange(10.0))
    >>> arrays = LoneArrays(n_species=2, fields={"time": folder / "t.npy"})
    >>> report = convert_trajectory(folder / "x.npy", folder / "x.h5", arrays=arrays)
    >>> report.frames, report.ok
    ({'traj_001': 10}, True)
    """
    begin, end = Path(source), Path(target)
    kind = _kind(end) if to is None else to
    if kind not in KINDS:
        raise SchemaError(f"{kind!r} is no kind of file here; use one of {', '.join(KINDS)}")
    if kind != "npy":
        check_target([begin], end, overwrite)
    if precision is not None and kind != "hdf5":
        raise SchemaError(f"a precision is for HDF5 files of the layout, not for {kind}")
    if isinstance(codec, str) and codec == "default":
        codec = GZIP if kind in ("h5md", "mdtraj") else Blosc()
    described = dict(metadata or {})
    if elements is not None:
        described[ELEMENTS] = list(elements)
    if begin.suffix in (".xyz", ".extxyz"):
        traj_id = trajectory or "traj_001"
        frames = from_ase(
            read_extxyz(begin),
            end,
            _layout(kind, begin),
            traj_id=traj_id,
            metadata=with_entries(TrajectoryMetadata(), described),
            ragged=ragged,
            codec=codec,
            precision=precision,
            overwrite=overwrite,
        )
        return ConversionReport(str(begin), str(end), kind, {traj_id: frames}, {})
    with opened_source(begin, trajectory, arrays, coordinates) as opened:
        found = OpenSource(
            begin,
            opened.ids,
            with_entries(opened.metadata, described),
            lambda name: in_units_of_the_layout(opened[name], time_unit, length_unit),
        )
        events = {name: list(found[name].events) for name in found.ids if found[name].events}
        if elements is not None:  # a wrong number of them shows before anything is written
            for each in map(found.__getitem__, found.ids):
                if each.n_species is not None:
                    elements_of(found.metadata, each.n_species)
        comparison = None
        if kind in ("npy", "hdf5"):
            copied = copy_trajectories(
                found,
                end,
                kind,
                codec=codec,
                precision=precision,
                check=check,
                overwrite=overwrite,
                progress=progress,
            )
            counts, comparison = copied.frames, copied.comparison
        else:
            traj_id = _only(found)
            counts = {
                traj_id: _WRITERS[kind](
                    found[traj_id],
                    end,
                    metadata=found.metadata,
                    coordinates=coordinates,
                    overwrite=overwrite,
                    progress=progress,
                    **({} if kind == "extxyz" else {"codec": codec}),
                )
            }
    return ConversionReport(str(begin), str(end), kind, counts, events, comparison)


def _kind(target: Path) -> Kind:
    if target.is_dir():
        return "npy"
    kind = _SUFFIXES.get(target.suffix.lower())
    if kind is None:
        raise SchemaError(
            f"{target}: its name does not say what it is to be; give to=, or --to, one of "
            f"{', '.join(KINDS)}"
        )
    return kind


def _layout(kind: Kind, source: Path) -> Layout:
    if kind not in ("npy", "hdf5"):
        raise SchemaError(f"{source} becomes hdf5 or npy first, which then becomes {kind}")
    return kind


def _only(source: OpenSource) -> str:
    if len(source.ids) != 1:
        raise SchemaError(
            f"{source.path} has {len(source.ids)} trajectories, and the target holds one: choose "
            f"it with trajectory=, or --trajectory: {', '.join(source.ids)}"
        )
    return source.ids[0]
