"""Two formats of a trajectory compared, frame by frame."""

import math
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.formats.trajectory.checking.comparison import (
    ComparisonReport,
    FieldComparison,
    TrajectoryComparison,
)
from raggedh5.formats.trajectory.checking.statistics import RunningStatistics
from raggedh5.formats.trajectory.fields import EVENTS
from raggedh5.formats.trajectory.reading.field import TrajectoryField
from raggedh5.formats.trajectory.reading.ragged_field import RaggedField
from raggedh5.formats.trajectory.reading.reader import TrajectoryReader
from raggedh5.formats.trajectory.reading.trajectory import Trajectory

__all__ = ["TrajectoryValidator"]

Values = NDArray[Any]
Field = TrajectoryField | RaggedField

BLOCK_BYTES = 1 << 23
"""Bytes of a side that are compared at once."""


class TrajectoryValidator:
    """Compares what NumPy files and HDF5 files hold, in bounded memory.

    Values are the same if they are equal, both NaN, or apart by no more than the tolerance. Where a
    field was stored with a precision, that is the tolerance if it is larger.

    Parameters
    ----------
    tolerance
        Largest absolute difference that counts as none; 0: every value is equal.
    statistics
        Whether mean, variance, minimum, maximum and mean-square displacement of both sides are
        worked out as well.

    Raises
    ------
    ValueError
        If the tolerance is below zero or NaN.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from raggedh5.formats.trajectory import TrajectoryValidator, TrajectoryWriterManager
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with TrajectoryWriterManager() as manager:
    ...     _ = manager.initialize_writers(folder, "traj_001")
    ...     manager.write_frame("traj_001", {"time": 0.5})
    >>> validator = TrajectoryValidator(statistics=False)
    >>> npy, hdf5 = folder / "traj1", folder / "trajectories.h5"
    >>> found = validator.validate_trajectory(npy, hdf5, "traj_001")
    >>> print(found.to_text())
    traj_001: the same; npy 1 frames, hdf5 1 frames
      time: identical, 1 rows
    """

    def __init__(self, tolerance: float = 1e-15, *, statistics: bool = True) -> None:
        if not tolerance >= 0:
            raise ValueError(f"a tolerance is 0 or more, not {tolerance}")
        self.tolerance = tolerance
        self.statistics = statistics

    def validate_trajectory(
        self, npy_dir: str | os.PathLike[str], hdf5_file: str | os.PathLike[str], traj_id: str
    ) -> TrajectoryComparison:
        """Compare one trajectory.

        Parameters
        ----------
        npy_dir
            The folder of its NumPy files, or the folder that this is in.
        hdf5_file
            The HDF5 file.
        traj_id
            Its name.

        Raises
        ------
        FileNotFoundError, KeyError
            If one side does not have it.
        FormatError
            If a file is damaged.
        """
        with TrajectoryReader(npy_dir) as npy, TrajectoryReader(hdf5_file) as hdf5:
            return self.compare(_of_folder(npy, traj_id), hdf5[traj_id])

    def validate(
        self, npy_dir: str | os.PathLike[str], hdf5_file: str | os.PathLike[str]
    ) -> ComparisonReport:
        """Compare all trajectories that both sides have, and list those that one lacks.

        Raises
        ------
        FormatError
            If a file is damaged.
        """
        with TrajectoryReader(npy_dir) as npy, TrajectoryReader(hdf5_file) as hdf5:
            both = [name for name in npy.ids if name in hdf5]
            lone = {name: "only the NumPy files have it" for name in npy.ids if name not in hdf5}
            lone |= {name: "only HDF5 has it" for name in hdf5.ids if name not in npy}
            return ComparisonReport(
                tuple(self.compare(npy[name], hdf5[name]) for name in both), lone
            )

    def compare(self, npy: Trajectory, hdf5: Trajectory) -> TrajectoryComparison:
        """Compare two sides that are open."""
        names = list(dict.fromkeys([*npy.fields, *hdf5.fields]))
        stop = max(npy.n_frames, hdf5.n_frames)
        fields = [self._field(name, npy.get(name), hdf5.get(name), stop) for name in names]
        for name in dict.fromkeys([*npy.events, *hdf5.events]):
            one, other = npy.events.get(name), hdf5.events.get(name)
            rows = max(len(found) for found in (one, other) if found is not None)
            fields.append(self._field(f"{EVENTS}/{name}", one, other, rows))
        return TrajectoryComparison(npy.id, (npy.n_frames, hdf5.n_frames), tuple(fields))

    def _field(
        self, name: str, one: Field | None, other: Field | None, stop: int
    ) -> FieldComparison:
        rows = (None if one is None else len(one), None if other is None else len(other))
        if one is None or other is None:
            side = "NumPy files have" if other is None else "HDF5 has"
            return FieldComparison(
                name, False, rows, largest_difference=math.nan, reason=f"only the {side} it"
            )
        if type(one) is not type(other):
            return FieldComparison(
                name,
                False,
                rows,
                largest_difference=math.nan,
                reason="the number of particles varies on one side only",
            )
        precision = max(one.precision or 0.0, other.precision or 0.0)
        found = _Comparing(name, one, max(self.tolerance, precision), self.statistics)
        first, count = 0, _rows_at_once(one, other)
        while first < stop:
            ends = [each.behind(first, count) for each in (one, other)]
            last = min([stop, *(end for end in ends if end is not None)])
            nbytes = found.add(one, other, first, last)
            if isinstance(one, RaggedField):  # whose rows are of any size
                count = min(max(int(BLOCK_BYTES * count // max(nbytes, 1)), 1), 8 * count)
            first = last
        return found.result(rows)


class _Comparing:
    """One field while it is compared."""

    def __init__(self, name: str, field: Field, tolerance: float, statistics: bool) -> None:
        self._name = name
        self._tolerance = tolerance
        vectors = isinstance(field, TrajectoryField) and field.n_species is not None
        self._statistics = statistics
        self._running = (RunningStatistics(vectors), RunningStatistics(vectors))
        self._identical = True
        self._largest = 0.0
        self._where: tuple[int, int] | None = None
        self._reason = ""

    def add(self, one: Field, other: Field, start: int, stop: int) -> int:
        """Compare the frames start:stop; return how many bytes of one side these were."""
        ragged = False
        if isinstance(one, RaggedField) and isinstance(other, RaggedField):
            (a_rows, a_numbers), (b_rows, b_numbers) = (
                one.rows_of(start, stop),
                other.rows_of(start, stop),
            )
            a, b, ragged = a_rows.values, b_rows.values, True
            same = np.array_equal(a_rows.lengths, b_rows.lengths)
            owners = np.repeat(a_numbers, a_rows.lengths) if same else a_numbers
        elif isinstance(one, TrajectoryField) and isinstance(other, TrajectoryField):
            (a, a_numbers), (b, b_numbers) = one.rows_of(start, stop), other.rows_of(start, stop)
            same, owners = True, a_numbers
            if one.n_species is not None and one.n_species == other.n_species:
                a, b = (values.reshape(len(values), 3 * one.n_species) for values in (a, b))
        if self._statistics:
            for running, values in zip(self._running, (a, b), strict=True):
                running.add(values)
        if not np.array_equal(a_numbers, b_numbers):
            lone = np.setxor1d(a_numbers, b_numbers)
            self._differ(int(lone[0]), f"frame {lone[0]} has it on one side only")
        elif not same or a.shape[1:] != b.shape[1:]:
            frame = int(a_numbers[0]) if len(a_numbers) else start
            self._differ(
                frame,
                f"the shapes differ, {a.shape} and {b.shape}, from frame {frame}"
                if not ragged
                else f"other numbers of particles from frame {frame} on",
            )
        elif a.dtype != b.dtype or a.tobytes() != b.tobytes():
            self._look(a, b, owners)
        return int(a.nbytes)

    def result(self, rows: tuple[int | None, int | None]) -> FieldComparison:
        """Return what has been found."""
        apart = not self._largest <= self._tolerance
        reason = self._reason
        if apart and not reason and self._where is not None:
            reason = (
                f"largest difference {self._largest:.6g} at frame {self._where[0]}, component "
                f"{self._where[1]}, with a tolerance of {self._tolerance:g}"
            )
        return FieldComparison(
            self._name,
            not reason,
            rows,
            self._identical and not reason,
            self._tolerance,
            self._largest,
            None if self._where is None else self._where[0],
            None if self._where is None else self._where[1],
            reason,
            (self._running[0].result(), self._running[1].result()) if self._statistics else None,
        )

    def _differ(self, frame: int, reason: str) -> None:
        self._identical = False
        if not self._reason:
            self._reason, self._largest, self._where = reason, math.nan, (frame, 0)

    def _look(self, a: Values, b: Values, numbers: Values) -> None:
        """Look for the largest difference in rows of the same shape."""
        self._identical = False
        if not a.size:  # of two dtypes, and no value
            return
        with np.errstate(invalid="ignore", over="ignore"):
            kind = np.complex128 if "c" in a.dtype.kind + b.dtype.kind else np.float64
            exact = a.dtype.kind in "biu" and b.dtype.kind in "biu"
            apart = np.abs(a.astype(kind) - b.astype(kind))
            equal = (a == b) | ((a != a) & (b != b))
        if exact:  # float64 does not have all integers
            apart = np.where(equal, 0.0, np.maximum(apart, 1.0))
        apart = np.where(equal, 0.0, apart).reshape(len(a), -1)
        one_nan = np.isnan(apart)
        ranked = np.where(one_nan, math.inf, apart)
        row, component = np.unravel_index(int(np.argmax(ranked)), ranked.shape)
        worst = float(apart[row, component])
        if math.isnan(self._largest):
            return
        if math.isnan(worst) or worst > self._largest:
            self._largest, self._where = worst, (int(numbers[row]), int(component))


def _rows_at_once(one: Field, other: Field) -> int:
    """Return how many rows are compared together, at first."""
    if isinstance(one, RaggedField) or isinstance(other, RaggedField):
        return 16
    nbytes = max(each.dtype.itemsize * math.prod(each.shape[1:]) for each in (one, other))
    return max(BLOCK_BYTES // max(nbytes, 1), 1)


def _of_folder(reader: TrajectoryReader, traj_id: str) -> Trajectory:
    """Return the trajectory of a folder: of one of its own, whatever it is called."""
    if traj_id not in reader and len(reader) == 1 and not reader.metadata.program:
        return reader[reader.ids[0]]
    return reader[traj_id]
