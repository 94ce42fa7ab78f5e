"""Frames of a fixed number of particles, one block after the other, with their times."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory.exchange.units import ENERGIES, LENGTHS, TIMES, factor_of
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.formats.trajectory.reading.field import TrajectoryField
from raggedh5.formats.trajectory.reading.trajectory import Trajectory

__all__ = ["FixedFrames", "PositionBlock"]

BLOCK_BYTES = 1 << 23

DEFAULTS = ("coordinates/unwrapped", "coordinates/wrapped")


@dataclass(frozen=True)
class PositionBlock:
    """Some frames.

    Attributes
    ----------
    numbers : ndarray of int64, shape (rows,)
        Their numbers.
    positions : ndarray of float64, shape (rows, n_species, 3)
        In bohr.
    times : ndarray of float64, shape (rows,)
        In s; NaN where it is not known.
    energies : ndarray of float64, shape (rows,) or None
        In hartree; NaN where it is not known. None if there is no field of them.
    """

    numbers: NDArray[np.int64]
    positions: NDArray[np.float64]
    times: NDArray[np.float64]
    energies: NDArray[np.float64] | None


class FixedFrames:
    """The frames of a trajectory that have positions.

    Parameters
    ----------
    trajectory
        What they are of.
    metadata
        Its time between frames counts where there are no times.
    coordinates
        The field of positions; None: unwrapped ones, or else wrapped ones.

    Attributes
    ----------
    rows, n_species : int
        How many frames there are, and particles.
    has_energy : bool
        Whether they have energies.
    has_times : bool
        Whether the time of any frame is known.

    Raises
    ------
    SchemaError
        If the trajectory has no such coordinates, or its number of particles varies.
    """

    def __init__(
        self,
        trajectory: Trajectory,
        metadata: TrajectoryMetadata,
        coordinates: str | None = None,
    ) -> None:
        if trajectory.ragged:
            raise SchemaError(
                f"{trajectory.id}: the number of its particles varies, which files of this kind "
                "cannot hold; extxyz can"
            )
        chosen = next((name for name in DEFAULTS if name in trajectory), DEFAULTS[0])
        self.coordinates = chosen if coordinates is None else coordinates
        field = trajectory.get(self.coordinates)
        if not isinstance(field, TrajectoryField) or field.n_species is None:
            known = ", ".join(trajectory.fields) or "none"
            raise SchemaError(f"{trajectory.id} has no {self.coordinates!r}; it has {known}")
        self._field = field
        self._trajectory = trajectory
        self._length = factor_of(field, LENGTHS)
        self._time = _scalars(trajectory, "time", TIMES)
        self._energy = _scalars(trajectory, "energy", ENERGIES)
        self._interval = metadata.time_interval
        self.rows = len(field)
        self.n_species = field.n_species
        self.has_energy = self._energy is not None
        self.has_times = self._time is not None or self._interval is not None

    def blocks(self) -> Iterator[PositionBlock]:
        """Read all of them, piece by piece."""
        frames = max(BLOCK_BYTES // max(24 * self.n_species, 8), 1)
        for start in range(0, self._trajectory.n_frames, frames):
            stop = min(start + frames, self._trajectory.n_frames)
            values, numbers = self._field.rows_of(start, stop)
            if not len(numbers):
                continue
            interval = np.nan if self._interval is None else self._interval
            times = self._known(self._time, numbers, start, stop)
            if times is None:
                times = np.multiply(numbers, interval, dtype=np.float64)
            positions = np.multiply(values, self._length, dtype=np.float64)
            positions = positions.reshape(len(values), self.n_species, 3)
            energies = self._known(self._energy, numbers, start, stop)
            yield PositionBlock(numbers, positions, times, energies)

    @staticmethod
    def _known(
        field: TrajectoryField | None, numbers: NDArray[np.int64], start: int, stop: int
    ) -> NDArray[np.float64] | None:
        """Return the values of these frames, NaN for those that have none."""
        if field is None:
            return None
        values, given = field.rows_of(start, stop)
        found = np.full(stop - start, np.nan)
        found[given - start] = values
        return found[numbers - start]


def _scalars(trajectory: Trajectory, name: str, units: dict[str, float]) -> TrajectoryField | None:
    """Return a field of one number a frame in the unit of the layout; None if it is none."""
    field = trajectory.get(name)
    if not isinstance(field, TrajectoryField) or len(field.shape) != 1:
        return None
    factor = factor_of(field, units)
    return field if factor == 1 else field.scaled(factor, None)
