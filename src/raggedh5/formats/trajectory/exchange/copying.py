"""Trajectories copied from one layout to the other, in bounded memory."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from raggedh5.care.progress import Progress, silent
from raggedh5.core.codecs import Blosc
from raggedh5.core.frames import FieldRows, FrameBatch
from raggedh5.core.precision import check_precision
from raggedh5.errors import SchemaError, WriteError
from raggedh5.formats.trajectory.checking.comparison import ComparisonReport
from raggedh5.formats.trajectory.checking.validator import TrajectoryValidator
from raggedh5.formats.trajectory.exchange.targets import HDF5Target, NPYTarget, Target
from raggedh5.formats.trajectory.fields import STANDARD
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.formats.trajectory.npy_folder import folder_of
from raggedh5.formats.trajectory.reading.field import TrajectoryField
from raggedh5.formats.trajectory.reading.reader import TrajectoryReader
from raggedh5.formats.trajectory.reading.trajectory import Trajectory
from raggedh5.formats.trajectory.writing.hdf5_trajectory import Storage

__all__ = ["CopiedTrajectories", "Layout", "Source", "copy_trajectories", "new_target"]

Layout = Literal["npy", "hdf5"]

FLOAT = np.dtype(np.float64)


class Source(Protocol):
    """Trajectories to copy: a `TrajectoryReader`, or anything like it."""

    @property
    def metadata(self) -> TrajectoryMetadata:
        """What is known of the simulation."""

    @property
    def ids(self) -> list[str]:
        """Names of the trajectories."""

    def __getitem__(self, traj_id: str) -> Trajectory:
        """Return a trajectory."""


@dataclass(frozen=True)
class CopiedTrajectories:
    """What was copied.

    Attributes
    ----------
    target : str
        Where it is.
    layout : str
        ``"hdf5"`` or ``"npy"``.
    frames : dict of int
        By name of the trajectory, how many frames.
    comparison : ComparisonReport or None
        Of the source, named npy in it, with the target, named hdf5; None where it was not wanted.
    """

    target: str
    layout: str
    frames: dict[str, int]
    comparison: ComparisonReport | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing differs, as far as that was looked at."""
        return self.comparison is None or self.comparison.ok

    def as_dict(self) -> dict[str, Any]:
        """Return the same for JSON."""
        return {
            "target": self.target,
            "to": self.layout,
            "ok": self.ok,
            "frames": self.frames,
            "comparison": None if self.comparison is None else self.comparison.as_dict(),
        }


def copy_trajectories(
    source: Source,
    target: str | os.PathLike[str],
    layout: Layout,
    *,
    trajectories: Sequence[str] | None = None,
    metadata: TrajectoryMetadata | None = None,
    codec: Any = Blosc(),  # noqa: B008 - immutable
    precision: float | None = None,
    check: bool = True,
    overwrite: bool = False,
    progress: Progress = silent,
) -> CopiedTrajectories:
    """Copy trajectories to a new HDF5 file, or to folders of NumPy files.

    All fields are copied with their frame numbers, units and metadata; those of another rate that
    are events of their own, too, and those of a varying number of particles. Coordinates and the
    standard fields become float64, as the layout has them. Memory holds some MiB of each field.

    The target appears when it is complete. Then it is read again and compared with the source.

    Parameters
    ----------
    source
        What is copied, open.
    target
        The file; or the folder that gets a folder ``traj<N>`` for each trajectory.
    layout
        ``"hdf5"`` or ``"npy"``.
    trajectories
        Their names; None for all of them.
    metadata
        What is known of the simulation; None: what the source says.
    codec
        As for `raggedh5.File`, in HDF5.
    precision
        Absolute error that coordinates may have in HDF5, in bohr; None for none. It is added to
        that which they had before, unless that is as large.
    check
        Whether the target is compared with the source.
    overwrite
        Whether trajectories that are there already are replaced.
    progress
        Is told the frames that are done, and how many there are.

    Raises
    ------
    KeyError
        If there is no such trajectory.
    SchemaError
        If a precision is asked for in NumPy files, or two trajectories would be in one place.
    WriteError
        If the target is there already, or cannot be written.
    """
    place = Path(target)
    chosen = list(dict.fromkeys(source.ids if trajectories is None else trajectories))
    _refuse_source(source, place, chosen, layout)
    found = [source[name] for name in chosen]
    known = source.metadata if metadata is None else metadata
    total = sum(trajectory.n_frames for trajectory in found)
    done = 0
    with new_target(place, layout, known, codec, precision, overwrite) as new:
        for trajectory in found:
            for batch in _copied(trajectory, new, precision):
                progress(done + batch.stop, total)
            done += trajectory.n_frames
    comparison = None
    if check:
        with TrajectoryReader(place) as reader:
            validator = TrajectoryValidator(0.0, statistics=False)
            comparison = ComparisonReport(
                tuple(validator.compare(each, reader[each.id]) for each in found)
            )
    frames = {trajectory.id: trajectory.n_frames for trajectory in found}
    return CopiedTrajectories(str(place), layout, frames, comparison)


def _refuse_source(source: Source, place: Path, ids: Sequence[str], layout: Layout) -> None:
    """Refuse to write where the source is, by whatever name."""
    path = getattr(source, "path", None)
    if path is None:
        return
    pairs = [(place, path)]
    if layout == "npy":
        for traj_id in ids:
            folder = folder_of(place, traj_id)
            inside = path.parent if path.suffix == ".npy" else folder_of(path, traj_id)
            pairs += [(folder, path), (folder, inside)]
    for target, origin in pairs:
        if target.exists() and origin.exists() and target.samefile(origin):
            raise WriteError(f"{target} is {origin} itself; give another name for the copy")


def new_target(
    place: Path,
    layout: Layout,
    metadata: TrajectoryMetadata,
    codec: Any,
    precision: float | None,
    overwrite: bool,
) -> Target:
    """Return where trajectories go, which is there when its ``with`` block ends.

    Raises
    ------
    SchemaError
        If a precision is asked for in NumPy files.
    WriteError
        If the place is taken.
    """
    if layout == "npy":
        if precision is not None:
            raise SchemaError("a precision makes HDF5 smaller; NumPy files hold every bit")
        if place.exists() and not place.is_dir():
            raise WriteError(f"{place} is no folder; NumPy files go into one")
        return NPYTarget(place, metadata, overwrite)
    if place.is_dir():
        raise WriteError(f"{place} is a folder; give the name of a file")
    if place.exists() and not overwrite:
        raise WriteError(f"{place} exists already; overwrite=True, or --overwrite, replaces it")
    if precision is not None:
        precision = check_precision(precision)
    return HDF5Target(place, metadata, Storage(codec, precision), overwrite)


def _copied(
    trajectory: Trajectory, target: Target, precision: float | None
) -> Iterator[FrameBatch]:
    """Copy a trajectory, and yield what has been."""
    attributes = _attributes(trajectory, precision)
    target.begin(trajectory.id, trajectory.n_frames, attributes)
    target.write(_without_frames(trajectory))
    for batch in trajectory.batches():
        standard = _standard(batch)
        target.write(standard)
        yield standard
    for name, field in trajectory.events.items():
        dtype = _dtype(name, field.dtype)
        blocks = (_converted(name, field[rows]) for rows in _pieces(field))
        target.write_events(name, dtype, field.shape[1:], blocks)
    target.finish(trajectory.status, trajectory.start_time, trajectory.end_time)


def _attributes(trajectory: Trajectory, precision: float | None) -> Mapping[str, Mapping[str, Any]]:
    """Return what is said of each field beside its values."""
    found: dict[str, dict[str, Any]] = {}
    fields = {name: trajectory[name] for name in trajectory.fields} | trajectory.events
    for name, field in fields.items():
        said: dict[str, Any] = {} if field.units is None else {"units": field.units}
        lost = field.precision
        if precision is not None and name.startswith("coordinates/"):
            # What is rounded as coarsely already is not changed by it.
            fine = lost is None or precision > lost
            lost = (lost or 0.0) + precision if fine and name not in trajectory.events else lost
        if lost is not None:
            said["precision"] = lost
        found[name] = said
    return found


def _without_frames(trajectory: Trajectory) -> FrameBatch:
    """Return the fields that no frame has: they are there all the same."""
    rows, items = {}, {}
    for name in trajectory.fields:
        field = trajectory[name]
        if len(field):
            continue
        dtype = _dtype(name, field.dtype)
        if isinstance(field, TrajectoryField):
            values = np.empty((0, *field.shape[1:]), dtype)
            rows[name] = FieldRows(values, np.empty(0, np.int64))
        else:
            items[name] = np.empty((0, *field.inner), dtype)
    return FrameBatch(0, 0, rows, items)


def _standard(batch: FrameBatch) -> FrameBatch:
    """Return frames with every value in the dtype that its field has in the layout."""
    rows = {
        name: FieldRows(_converted(name, found.values), found.numbers)
        for name, found in batch.rows.items()
    }
    items = {name: _converted(name, values) for name, values in batch.items.items()}
    return replace(batch, rows=rows, items=items)


def _converted(name: str, values: NDArray[Any]) -> NDArray[Any]:
    found = np.ascontiguousarray(values, _dtype(name, values.dtype))
    if values.dtype.itemsize > found.itemsize or values.dtype.kind in "iu":
        with np.errstate(invalid="ignore"):  # NumPy compares integers and floats as floats
            back = found.astype(values.dtype)
        if np.array_equal(back, values, equal_nan=True):
            return found
        raise SchemaError(f"{name}: a value of {values.dtype} does not fit {found.dtype}")
    return found


def _dtype(name: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    standard = name.startswith("coordinates/") or name in STANDARD
    return FLOAT if standard and dtype.kind in "biuf" else dtype.newbyteorder("=")


def _pieces(field: TrajectoryField) -> Iterator[slice]:
    row_bytes = field.dtype.itemsize * int(np.prod(field.shape[1:], dtype=np.int64))
    rows = max((1 << 23) // max(row_bytes, 1), 1)
    for first in range(0, len(field), rows):
        yield slice(first, first + rows)
