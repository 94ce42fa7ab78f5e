"""Lines against time, or against numbers of frames where there is no time for them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raggedh5.care.progress import Progress
from raggedh5.formats.trajectory.drawing.envelope import BINS, Envelope
from raggedh5.formats.trajectory.drawing.field_lines import Piece
from raggedh5.formats.trajectory.reading.field import TrajectoryField
from raggedh5.formats.trajectory.reading.trajectory import Trajectory

__all__ = ["Curves", "Pieces", "curves", "thinned", "time_label", "time_of"]

Floats = npt.NDArray[np.float64]
Lines = list[tuple[Floats, Floats]]
Pieces = Callable[[int, int], Iterable[tuple[int, int, Piece]]]

FARTHEST = 1e300
"""Times beyond it are none: their differences are not finite."""


@dataclass(frozen=True, eq=False)
class Curves:
    """Lines that are to be drawn.

    Attributes
    ----------
    label : str
        What the horizontal axis is.
    lines : list of pairs of ndarray
        Of each line, the points.
    """

    label: str
    lines: Lines


def curves(
    trajectory: Trajectory,
    pieces: Pieces,
    lines: int,
    rows: int,
    start: int,
    stop: int,
    progress: Progress,
    timed: bool = True,
) -> Curves:
    """Return what is to be drawn of some frames.

    Parameters
    ----------
    trajectory
        Where the times are.
    pieces
        Reads frames.
    lines
        How many lines that gives.
    rows
        How many points a line has, at most.
    start, stop
        Which frames.
    progress
        Called with frames.
    timed
        Whether times are wanted.
    """
    time = time_of(trajectory) if timed else None
    ends = None if time is None else _ends(time, start, stop)
    if time is not None and ends is not None:
        found = _gather(time, ends, pieces, lines, rows, (start, stop), progress)
        if found is not None:
            return Curves(time_label("time", time), found)
    found = _gather(
        None, (start, max(stop - 1, start)), pieces, lines, rows, (start, stop), progress
    )
    return Curves("frame", found or [])


def thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return a line with no more points than a picture can show."""
    if len(x) <= 2 * BINS:
        return x, y
    envelope = Envelope(float(x.min()), float(x.max()), 1)
    envelope.add(x, y[:, None])
    return envelope.lines()[0]


def time_of(trajectory: Trajectory) -> TrajectoryField | None:
    """Return the times of a trajectory; None where there are none, or they are no numbers."""
    time = trajectory.get("time")
    if not isinstance(time, TrajectoryField) or len(time.shape) != 1:
        return None
    return time if time.dtype.kind in "iuf" else None


def time_label(name: str, time: TrajectoryField) -> str:
    """Return what an axis of times is called."""
    return f"{name} ({time.units})" if time.units else name


def _ends(time: TrajectoryField, start: int, stop: int) -> tuple[float, float] | None:
    """Return the first and the last time; None where one is not finite, or there is none."""
    low, high = np.inf, -np.inf
    for block in time.blocks(start, stop):
        values = block.astype(np.float64)
        if not (np.abs(values) < FARTHEST).all():
            return None
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    return (low, high) if low <= high else None


def _gather(
    time: TrajectoryField | None,
    ends: tuple[float, float],
    pieces: Pieces,
    lines: int,
    rows: int,
    frames: tuple[int, int],
    progress: Progress,
) -> Lines | None:
    """Read what is to be drawn; None where a frame has no time."""
    start, stop = frames
    envelope = Envelope(*ends, lines) if min(rows, stop - start) > 2 * BINS else None
    kept: list[tuple[Floats, Floats]] = []
    for first, last, (numbers, values) in pieces(start, stop):
        x = numbers.astype(np.float64)
        if time is not None:
            times = time.rows_of(first, last)
            at = np.searchsorted(times.numbers, numbers)
            if len(numbers) and (
                at[-1] >= len(times.numbers) or (times.numbers[at] != numbers).any()
            ):
                return None
            x = times.values[at].astype(np.float64)
        if envelope is None:
            kept.append((x, values))
        else:
            envelope.add(x, values)
        progress(last - start, stop - start)
    if envelope is not None:
        return envelope.lines()
    if not kept:
        return [(np.empty(0), np.empty(0)) for _ in range(lines)]
    x = np.concatenate([piece[0] for piece in kept])
    y = np.concatenate([piece[1] for piece in kept])
    return [(x, y[:, line]) for line in range(lines)]
