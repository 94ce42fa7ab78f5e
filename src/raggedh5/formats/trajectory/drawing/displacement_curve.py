"""Mean-square displacement as a line."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from raggedh5.care.progress import Progress
from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory.drawing.curves import (
    Curves,
    curves,
    thinned,
    time_label,
    time_of,
)
from raggedh5.formats.trajectory.drawing.field_lines import Piece
from raggedh5.formats.trajectory.geometry.displacement import (
    DisplacementFromStart,
    mean_square_displacement,
)
from raggedh5.formats.trajectory.geometry.positions import species_of
from raggedh5.formats.trajectory.reading.field import TrajectoryField
from raggedh5.formats.trajectory.reading.trajectory import Trajectory

__all__ = ["against_lag", "from_start", "paths_of"]

BLOCK_BYTES = 1 << 23

LEAST_LAGS = 10
"""Frames that lags reach at least, where a quarter of all is less."""

UNEVEN = 0.01
"""Deviation from even times, in steps, that is taken for rounding."""


def paths_of(trajectory: Trajectory, name: str) -> TrajectoryField:
    """Return the field that displacements are taken from.

    Raises
    ------
    KeyError
        If there is no such field.
    SchemaError
        If it has no species, or other ones in each frame.
    """
    field = trajectory[name]
    if not isinstance(field, TrajectoryField):
        raise SchemaError(
            f"{trajectory.id}: {name}: the number of particles varies; a mean-square displacement "
            "wants the same species in every frame"
        )
    if field.n_species is None:
        raise SchemaError(f"{trajectory.id}: {name} holds no coordinates")
    return field


def from_start(
    trajectory: Trajectory,
    field: TrajectoryField,
    species: Any,
    start: int,
    stop: int,
    progress: Progress,
) -> Curves:
    """Return the mean-square displacement of each frame from the first of them, against time."""
    chosen = species_of(field, species)
    row_bytes = field.dtype.itemsize * int(np.prod(field.shape[1:], dtype=np.int64))
    frames = max(BLOCK_BYTES // max(row_bytes, 1), 1)

    def pieces(start: int, stop: int) -> Iterator[tuple[int, int, Piece]]:
        displacement = DisplacementFromStart()
        for first in range(start, stop, frames):
            last = min(first + frames, stop)
            rows = field.rows_of(first, last)
            positions = rows.values.reshape(len(rows.values), field.n_species or 0, 3)
            if species is not None:
                positions = positions[:, chosen]
            yield first, last, (rows.numbers, displacement.add(positions)[:, None])

    return curves(trajectory, pieces, 1, len(field), start, stop, progress)


def against_lag(
    trajectory: Trajectory,
    field: TrajectoryField,
    species: Any,
    start: int,
    stop: int,
    max_lag: int | None,
) -> Curves:
    """Return the mean-square displacement, over all frames to begin from, against lag.

    The lag is a time where times are evenly spaced, else a number of frames.

    Raises
    ------
    SchemaError
        If the frames that have coordinates are not evenly spaced either.
    """
    numbers = field.frames
    if numbers is None:
        numbers = np.arange(len(field), dtype=np.int64)
    first, last = np.searchsorted(numbers, [start, stop])
    numbers = numbers[first:last]
    step = _even(numbers.astype(np.float64))
    if step is None:
        raise SchemaError(
            f"{trajectory.id}: the frames that have {field.name} are not evenly spaced: there is "
            "no lag; draw displacements from the first frame instead"
        )
    most = max(len(numbers) // 4, LEAST_LAGS) if max_lag is None else int(max_lag // step)
    found = mean_square_displacement(
        field, start=int(first), stop=int(last), species=species, max_lag=most
    )
    interval = _interval(trajectory, numbers)
    label, scale = ("lag (frames)", step) if interval is None else interval
    return Curves(label, [thinned(found.lags.astype(np.float64) * scale, found.values)])


def _interval(trajectory: Trajectory, numbers: npt.NDArray[np.int64]) -> tuple[str, float] | None:
    """Return what a lag in time is called and the time between frames, where these are even."""
    time = time_of(trajectory)
    if time is None or len(numbers) < 2:
        return None
    start, stop = int(numbers[0]), int(numbers[-1]) + 1
    times, known = time.rows_of(start, stop)
    at = np.searchsorted(known, numbers)
    if at[-1] >= len(known) or (known[at] != numbers).any():
        return None
    even = _even(times[at].astype(np.float64))
    return None if even is None else (time_label("lag time", time), even)


def _even(values: npt.NDArray[np.float64]) -> float | None:
    """Return the distance of values that are evenly spaced and rise, None of others."""
    if len(values) < 2:
        return 1.0
    step = float(values[-1] - values[0]) / (len(values) - 1)
    if not 0 < step < np.inf:
        return None
    apart = np.abs(values - (values[0] + step * np.arange(len(values))))
    return step if bool((apart <= UNEVEN * step).all()) else None
