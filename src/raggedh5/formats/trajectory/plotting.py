"""Fields of trajectories, and how far species go, as pictures."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from raggedh5.care.progress import Progress, silent
from raggedh5.care.targets import check_target
from raggedh5.errors import SchemaError, WriteError
from raggedh5.formats.trajectory.drawing.curves import Curves, curves
from raggedh5.formats.trajectory.drawing.displacement_curve import (
    against_lag,
    from_start,
    paths_of,
)
from raggedh5.formats.trajectory.drawing.field_lines import FieldLines
from raggedh5.formats.trajectory.reading.reader import TrajectoryReader
from raggedh5.formats.trajectory.reading.trajectory import Trajectory
from raggedh5.store.opening import NewFile

__all__ = ["displacement_figure", "field_figure", "plot_displacement", "plot_field"]

SIZE = 8.0, 4.5
"""Width and height in inches."""

Path_ = str | os.PathLike[str]


def field_figure(
    trajectory: Trajectory,
    field: str,
    *,
    species: Any = None,
    start: int = 0,
    stop: int | None = None,
    progress: Progress = silent,
) -> Any:
    """Return a field against time as a figure of matplotlib.

    Where a frame of the field has no time, it is drawn against numbers of frames. Few components
    are a line each; of many, the mean position of the species is drawn, or the mean, the lowest and
    the highest value. Of long series, the lowest and the highest point in each of 2,000 parts of
    the horizontal axis are drawn.

    Parameters
    ----------
    trajectory
        What `TrajectoryReader` returns.
    field
        Name of the field, in the frames or else among the events.
    species
        Which species of coordinates, by default all.
    start, stop
        Which frames, or events.
    progress
        Called with frames.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    KeyError
        If there is no such field.
    SchemaError
        If there is nothing to draw, or there are no such species.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from raggedh5.formats.trajectory import HDF5TrajectoryWriter, TrajectoryReader
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "run.h5"
    >>> with HDF5TrajectoryWriter(path) as writer:
    ...     _ = writer.create_trajectory_datasets("traj_001")
    ...     writer.append_frames("traj_001", {"time": [0.0, 0.5], "energy": [-1.0, -1.5]})
    >>> with TrajectoryReader(path) as reader:
    ...     figure = field_figure(reader["traj_001"], "energy")
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()
    ('time (s)', 'energy (hartree)')
    >>> figure.axes[0].lines[0].get_xydata().tolist()
    [[0.0, -1.0], [0.5, -1.5]]
    """
    of_events = field not in trajectory and field in trajectory.events
    found = trajectory.events[field] if of_events else trajectory[field]
    first, last = _frames(len(found) if of_events else trajectory.n_frames, start, stop)
    lines = FieldLines(found, species)
    drawn = curves(
        trajectory,
        lines.pieces,
        len(lines.labels),
        len(found),
        first,
        last,
        progress,
        timed=field != "time" and not of_events,
    )
    if of_events:
        drawn = replace(drawn, label="event")
    label = f"{field} ({found.units})" if found.units else field
    return _figure(trajectory, drawn, label, lines.labels)


def displacement_figure(
    trajectory: Trajectory,
    field: str = "coordinates/unwrapped",
    *,
    species: Any = None,
    start: int = 0,
    stop: int | None = None,
    max_lag: int | None = None,
    from_first: bool = False,
    progress: Progress = silent,
) -> Any:
    """Return the mean-square displacement as a figure of matplotlib.

    Parameters
    ----------
    trajectory, species, start, stop, progress
        As for `field_figure`.
    field
        Name of the coordinates.
    max_lag
        The longest lag in frames, by default a quarter of them.
    from_first
        Draw displacements from the first frame, against time, instead of those from all frames,
        against lag. The lag is in frames where the times are not evenly spaced.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError, KeyError
        As `field_figure` does.
    SchemaError
        If there is nothing to draw, there are no such species, or the number of particles varies.
    """
    first, last = _frames(trajectory.n_frames, start, stop)
    paths = paths_of(trajectory, field)
    if from_first:
        drawn = from_start(trajectory, paths, species, first, last, progress)
    else:
        drawn = against_lag(trajectory, paths, species, first, last, max_lag)
    label = "mean-square displacement"
    return _figure(trajectory, drawn, f"{label} ({paths.units}²)" if paths.units else label, ("",))


def plot_field(
    source: Path_,
    target: Path_,
    field: str,
    *,
    traj_id: str | None = None,
    species: Sequence[int] | None = None,
    start: int = 0,
    stop: int | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> None:
    """Draw a field against time; see `field_figure`.

    The picture appears when it is complete.

    Parameters
    ----------
    source
        What `TrajectoryReader` reads.
    target
        The PNG to make.
    field, species, start, stop, progress
        See `field_figure`.
    traj_id
        Which trajectory; not needed where there is only one.
    overwrite
        Replace the picture if it exists.

    Raises
    ------
    ImportError, KeyError, SchemaError
        See `field_figure`; `KeyError` also if there is no such trajectory.
    FileNotFoundError, FormatError
        See `TrajectoryReader`.
    WriteError
        If the picture exists or cannot be written.
    """
    _check(source, target, overwrite)
    with TrajectoryReader(source) as reader:
        trajectory = _trajectory(reader, traj_id)
        figure = field_figure(
            trajectory, field, species=species, start=start, stop=stop, progress=progress
        )
    _save(figure, Path(target), overwrite)


def plot_displacement(
    source: Path_,
    target: Path_,
    field: str = "coordinates/unwrapped",
    *,
    traj_id: str | None = None,
    species: Sequence[int] | None = None,
    start: int = 0,
    stop: int | None = None,
    max_lag: int | None = None,
    from_first: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> None:
    """Draw a mean-square displacement; see `displacement_figure`, and `plot_field` for the rest."""
    _check(source, target, overwrite)
    with TrajectoryReader(source) as reader:
        figure = displacement_figure(
            _trajectory(reader, traj_id),
            field,
            species=species,
            start=start,
            stop=stop,
            max_lag=max_lag,
            from_first=from_first,
            progress=progress,
        )
    _save(figure, Path(target), overwrite)


def _frames(count: int, start: int, stop: int | None) -> tuple[int, int]:
    first, last, _ = slice(start, stop).indices(count)
    return first, max(first, last)


def _trajectory(reader: TrajectoryReader, traj_id: str | None) -> Trajectory:
    if traj_id is None and len(reader) != 1:
        raise SchemaError(f"{reader.path} has several trajectories: {', '.join(reader.ids)}")
    return reader[reader.ids[0] if traj_id is None else traj_id]


def _figure_class() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "a plot needs matplotlib; install it with: pip install 'raggedh5[plot]'"
        ) from error
    return Figure


def _figure(trajectory: Trajectory, drawn: Curves, label: str, labels: Sequence[str]) -> Any:
    figure = _figure_class()(figsize=SIZE, layout="constrained")
    if not any(np.isfinite(y).any() for _, y in drawn.lines):
        raise SchemaError(f"{trajectory.id}: there is nothing to draw of {label}")
    axes = figure.subplots()
    for (x, y), name in zip(drawn.lines, labels, strict=True):
        axes.plot(x, y, linewidth=0.8, marker=".", markevery=_alone(y), label=name)
    # Names are not ours: a dollar sign would begin a formula.
    axes.set_title(trajectory.id, parse_math=False)
    axes.set_xlabel(drawn.label, parse_math=False)
    axes.set_ylabel(label, parse_math=False)
    if any(labels):
        axes.legend(frameon=False, ncols=min(len(labels), 6), fontsize="small")
    return figure


def _alone(y: npt.NDArray[Any]) -> list[int]:
    """Return which points have a gap on both sides: they would make no line."""
    known = np.concatenate([[False], np.isfinite(y), [False]])
    found: list[int] = np.flatnonzero(known[1:-1] & ~known[:-2] & ~known[2:]).tolist()
    return found


def _check(source: Path_, target: Path_, overwrite: bool) -> None:
    _figure_class()
    check_target([Path(source)], Path(target), overwrite)


def _save(figure: Any, target: Path, overwrite: bool) -> None:
    with NewFile(target, overwrite) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a font need not have every letter of a name
        try:
            figure.savefig(temporary, format="png", dpi=120)
        except OSError as error:
            raise WriteError(f"{target} could not be written: {error}") from error
