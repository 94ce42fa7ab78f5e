"""Periodic paths made continuous, from one file to others, in bounded memory."""

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from raggedh5.care.progress import Progress, silent
from raggedh5.core.lattice import Lattice
from raggedh5.errors import SchemaError, WriteError
from raggedh5.formats.trajectory.configuring.formats import resolve_formats
from raggedh5.formats.trajectory.fields import check_trajectory_id
from raggedh5.formats.trajectory.geometry.positions import frames_of
from raggedh5.formats.trajectory.geometry.unwrapping import Unwrapper
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.formats.trajectory.rewriting.cell import lattice_matrix
from raggedh5.formats.trajectory.rewriting.unwrapped_target import (
    FrameSink,
    Target,
    new_files,
    sink_to,
)
from raggedh5.formats.trajectory.rewriting.wrapped_source import (
    WRAPPED,
    Block,
    WrappedSource,
    open_source,
)

__all__ = ["UnwrapReport", "UnwrappedTrajectory", "unwrap"]

UNWRAPPED = "coordinates/unwrapped"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class UnwrappedTrajectory:
    """One trajectory that was unwrapped.

    Attributes
    ----------
    trajectory : str
        Its name.
    frames, species : int
        Its size.
    longest_step : float or None
        The longest displacement from a frame to the next, in bohr. What was longer than half the
        shortest lattice vector may have been a longer one the other way round.
    left_out : tuple of str
        Fields that were not written: those of events, which are of no known frames.
    """

    trajectory: str
    frames: int
    species: int
    longest_step: float | None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class UnwrapReport:
    """What was unwrapped.

    Attributes
    ----------
    source : str
        What was read.
    targets : tuple of str
        The HDF5 file and the folders of NumPy files that were made.
    half_cell : float
        Half the shortest lattice vector, in bohr: shorter steps are followed for sure.
    trajectories : tuple of UnwrappedTrajectory
        Each of them.
    """

    source: str
    targets: tuple[str, ...]
    half_cell: float
    trajectories: tuple[UnwrappedTrajectory, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the same for JSON."""
        return {**asdict(self), "targets": list(self.targets)}


def unwrap(
    source: str | os.PathLike[str],
    *,
    output: str | os.PathLike[str] | None = None,
    output_dir: str | os.PathLike[str] | None = None,
    formats: Any = None,
    lattice: Any = None,
    pbc: Any = None,
    time: str | os.PathLike[str] | None = None,
    traj_id: str | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> UnwrapReport:
    """Unwrap periodic coordinates, frame by frame, and write both kinds.

    Each species moves by the shortest image of its displacement; see `Unwrapper`. What is written
    appears when it is complete.

    Parameters
    ----------
    source
        A ``.npy`` file of wrapped positions (frames, n_species, 3) or (frames, n_species * 3), in
        bohr; or an HDF5 file or a folder of trajectories with a field ``coordinates/wrapped``,
        whose other fields are written as well.
    output
        The HDF5 file to make.
    output_dir
        Or the folder to write to: ``trajectories.h5``, and ``traj<N>/*.npy``.
    formats
        ``"npy"``, ``"hdf5"``, ``"both"`` or several of them; by default both in a folder.
    lattice
        The lattice vectors, as `lattice_matrix` takes them; by default those that the trajectories
        come with.
    pbc
        Which of them the cell is periodic along, three bool or one; by default as the trajectories
        say, and all of a lattice that is given.
    time
        A ``.npy`` file of times in s, one for each frame.
    traj_id
        Which trajectory, by default all; the name of one that a ``.npy`` file is to become, by
        default ``"traj_001"``.
    overwrite
        Replace what is there.
    progress
        Called with frames.

    Raises
    ------
    FileNotFoundError, KeyError
        If there is no such file, trajectory or field.
    FormatError
        If a file is damaged.
    SchemaError
        If the arguments do not fit each other, there is no lattice, it is singular or nowhere
        periodic, or shapes do not fit.
    WriteError
        If something is there already, is the source, or cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from raggedh5.formats.trajectory import TrajectoryReader
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> np.save(folder / "wrapped.npy", [[[9.0, 0.0, 0.0]], [[1.0, 0.0, 0.0]]])
    >>> report = unwrap(folder / "wrapped.npy", output=folder / "run.h5", lattice="10,10,10")
    >>> report.trajectories[0].longest_step, report.half_cell
    (2.0, 5.0)
    >>> with TrajectoryReader(folder / "run.h5") as reader:
    ...     reader["traj_001"]["coordinates/unwrapped"][:].tolist()
    [[9.0, 0.0, 0.0], [11.0, 0.0, 0.0]]
    """
    path = Path(source)
    target = _target(output, output_dir, formats)
    if traj_id is not None:
        check_trajectory_id(traj_id)
    opened = open_source(path, traj_id, None if time is None else Path(time))
    with opened as (sources, known, places):
        metadata = _metadata(path, known, lattice, pbc)
        if metadata.total_species is None and len({each.n_species for each in sources}) == 1:
            metadata = replace(metadata, total_species=sources[0].n_species)
        ids = [each.id for each in sources]
        total = sum(each.n_frames for each in sources)
        done, found = 0, []
        with (
            new_files(target, ids, places, overwrite) as aside,
            sink_to(aside, target, metadata) as sink,
        ):
            for each in sources:
                found.append(_unwrap(each, metadata, sink, _from(progress, done, total)))
                done += each.n_frames
    file = target.file if output is None else Path(output)
    made = [*target.folders(ids), *filter(None, [file])]
    near = Lattice.of(metadata.lattice_matrix, metadata.pbc).near
    return UnwrapReport(str(path), tuple(map(str, made)), float(np.sqrt(near)), tuple(found))


def _target(output: Any, output_dir: Any, formats: Any) -> Target:
    if (output is None) == (output_dir is None):
        raise SchemaError("give either an HDF5 file to write, or a folder to write to")
    if output is None:
        return Target(Path(output_dir), resolve_formats("formats", formats or "both"))
    wanted = resolve_formats("formats", formats or "hdf5")
    if wanted != ("hdf5",):
        raise SchemaError("NumPy files are several; give a folder for them instead of a file")
    path = Path(os.path.realpath(output))  # a link stays a link
    if not path.parent.is_dir():
        raise WriteError(f"{output} cannot be written: {path.parent} is no folder")
    return Target(path.parent, wanted, path.name)


def _metadata(path: Path, known: TrajectoryMetadata, lattice: Any, pbc: Any) -> TrajectoryMetadata:
    if lattice is not None:
        axes = pbc if pbc is not None else known.lattice_matrix is None or known.pbc
        metadata = replace(known, lattice_matrix=lattice_matrix(lattice), pbc=axes)
    else:
        metadata = known if pbc is None else replace(known, pbc=pbc)
    if metadata.lattice_matrix is None:
        raise SchemaError(f"{path} does not say what the lattice is; give it")
    if not any(metadata.pbc):
        raise SchemaError(f"{path}: no axis is periodic: there is nothing to unwrap")
    Lattice.of(metadata.lattice_matrix, metadata.pbc)  # raises where it is none
    return metadata


def _unwrap(
    source: WrappedSource, metadata: TrajectoryMetadata, sink: FrameSink, progress: Progress
) -> UnwrappedTrajectory:
    unwrapper = Unwrapper(metadata.lattice_matrix, metadata.pbc)
    longest = _LongestStep()
    sink.begin(source.id, source.n_frames)
    for block in source.blocks():
        wrapped = block.fields[WRAPPED]
        paths = unwrapper.unwrap(wrapped.values)
        longest.add(paths)
        more = {UNWRAPPED: wrapped._replace(values=paths)}
        for frame in _frames(block._replace(fields={**block.fields, **more})):
            sink.put(source.id, frame)
        progress(block.stop, source.n_frames)
    sink.finish(source.id)
    return UnwrappedTrajectory(
        source.id, source.n_frames, source.n_species, longest.found, source.left_out
    )


def _frames(block: Block) -> Iterator[dict[str, Any]]:
    """Return each frame: the fields that it has."""
    fields = [(name, rows.values, rows.numbers.tolist()) for name, rows in block.fields.items()]
    places = [0] * len(fields)
    for number in range(block.start, block.stop):
        frame = {}
        for at, (name, values, numbers) in enumerate(fields):
            row = places[at]
            if row < len(numbers) and numbers[row] == number:
                frame[name] = values[row]
                places[at] = row + 1
        yield frame


class _LongestStep:
    """The longest displacement from a frame to the next one, of finite positions."""

    def __init__(self) -> None:
        self.found: float | None = None
        self._last: Floats | None = None

    def add(self, block: Floats) -> None:
        frames = frames_of(block)
        if not frames.size:
            return
        if self._last is not None:
            self._note(frames[:1] - self._last)
        self._note(np.diff(frames, axis=0))
        self._last = frames[-1:]

    def _note(self, steps: Floats) -> None:
        squares = np.square(steps).sum(axis=2)
        finite = squares[np.isfinite(squares)]
        if finite.size:
            self.found = max(self.found or 0.0, float(np.sqrt(finite.max())))


def _from(progress: Progress, done: int, total: int) -> Progress:
    def report(part: int, _: int) -> None:
        progress(done + part, total)

    return report
