"""One trajectory in a folder of ``.npy`` files, as it is written."""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.frames import FrameBatch
from raggedh5.core.team import CodingThreads
from raggedh5.errors import RaggedH5Error
from raggedh5.formats.trajectory.fields import PARTICLES, check_no_events, file_stem
from raggedh5.formats.trajectory.npy_folder import OFFSETS, FolderRecord
from raggedh5.formats.trajectory.writing.growing_npy import GrowingNpy
from raggedh5.formats.trajectory.writing.hdf5_trajectory import now
from raggedh5.formats.trajectory.writing.rates import (
    comes_last,
    frames_present,
    numbers_due,
    rows_before,
)

__all__ = ["NPYTrajectory"]


class _Rows:
    """The rows of a field in a file, and the numbers of their frames in another."""

    def __init__(self, values: GrowingNpy, numbers: GrowingNpy | None) -> None:
        self.values = values
        self.numbers = numbers

    @property
    def rows(self) -> int:
        return self.values.rows

    @property
    def files(self) -> list[GrowingNpy]:
        return [self.values, *([] if self.numbers is None else [self.numbers])]

    def truncate(self, rows: int) -> None:
        for file in self.files:
            file.truncate(rows)


class _Particles(_Rows):
    """The items of all rows in files, a field each, and the offsets of the rows in another."""

    def __init__(
        self, items: dict[str, GrowingNpy], offsets: GrowingNpy, numbers: GrowingNpy | None
    ) -> None:
        super().__init__(offsets, numbers)
        self.items = items

    @property
    def rows(self) -> int:
        """Rows of which every item is there."""
        whole = min((file.rows for file in self.items.values()), default=0)
        rows = max(self.values.rows - 1, 0)
        while rows and self.values[rows] > whole:
            rows -= 1
        return rows

    @property
    def files(self) -> list[GrowingNpy]:
        return [*self.items.values(), *super().files]

    def truncate(self, rows: int) -> None:
        for file in self.items.values():
            file.truncate(int(self.values[rows]))
        self.values.truncate(rows + 1)
        if self.numbers is not None:
            self.numbers.truncate(rows)


class NPYTrajectory:
    """The writing end of one trajectory in a folder.

    Parameters
    ----------
    folder
        Where its files are, or will be.
    traj_id
        Its name.
    metadata
        What is known of the simulation, as `json.dumps` takes it.
    fresh
        Whether files of a trajectory that was there before are removed.
    threads
        Who writes rows that come many at a time, while their giver goes on.

    Attributes
    ----------
    frames : int
        Frames so far; those that are complete, in a trajectory that was there before.
    fresh : bool
        Whether nothing was there before.
    """

    def __init__(
        self,
        folder: Path,
        traj_id: str,
        metadata: dict[str, Any],
        fresh: bool = True,
        threads: CodingThreads | None = None,
    ) -> None:
        self.folder = folder
        self._threads = threads
        self._fields: dict[str, Any] = {}
        self._record = None if fresh else FolderRecord.read(folder)
        if self._record is not None:
            self._open()
        else:
            folder.mkdir(parents=True, exist_ok=True)
            if fresh:
                FolderRecord.remove(folder)
            self._record = FolderRecord(
                id=traj_id, metadata=metadata, status="running", start_time=now()
            )
            self._record.write(folder)
        self.record = self._record
        self.fresh = not self._fields
        fields = list(self._fields.values())
        self.frames = self._flushed = frames_present(fields, self.record.complete_frames)

    def write(self, batch: FrameBatch) -> None:
        """Append frames, which follow those that there are; `flush` makes them count.

        Raises
        ------
        WriteError
            If a file cannot be written.
        """
        known = len(self._fields)
        present = batch.rows.keys() | ({PARTICLES} if batch.items else set())
        last = [comes_last(batch, name, self._fields.get(name)) for name in present]
        if not any(last) and self.record.complete_frames is None:
            self._count(self._flushed)
        for name, rows in batch.rows.items():
            field = self._fields.get(name) or self._create(name, rows.values)
            self._put_numbers(name, field, rows.numbers, batch.stop)
            field.values.append(rows.values)
        if batch.items:
            self._write_particles(batch)
        for name in self._fields.keys() - present:
            self._put_numbers(name, self._fields[name], np.empty(0, np.int64), batch.stop)
        if len(self._fields) > known:
            self.record.write(self.folder)
        self.frames = batch.stop

    def flush(self) -> None:
        """Make every row count that was written.

        Those of fields that are in every frame come last: they tell how many frames are complete.
        """
        for field in sorted(self._fields.values(), key=lambda each: each.numbers is None):
            for file in field.files:
                file.flush()
        self._flushed = self.frames
        if self.record.complete_frames is not None:
            self._count(self.frames)

    def cut(self, frames: int) -> None:
        """Drop what is behind the first so many frames, and whatever does not count."""
        for field in self._fields.values():
            field.truncate(rows_before(field, frames))
        self.frames = self._flushed = min(self.frames, frames)
        if self.record.complete_frames is not None:
            self._count(self.frames)

    def run_on(self) -> None:
        """Say that more is to come."""
        self.record.status, self.record.end_time = "running", ""
        self.record.write(self.folder)

    def finish(self, status: str) -> None:
        """Close the files, and say that they are complete, or how else they ended."""
        self.flush()
        self.close()
        record = self.record
        record.status, record.n_frames, record.end_time = status, self.frames, now()
        record.complete_frames = None  # whoever looks at it now finds whole files
        record.write(self.folder)

    def close(self) -> None:
        """Close the files."""
        fields, self._fields = self._fields, {}
        for field in fields.values():
            for file in field.files:
                file.close()

    def abandon(self) -> None:
        """Close the files as they were at the last flush."""
        fields, self._fields = self._fields, {}
        for field in fields.values():
            for file in field.files:
                with contextlib.suppress(OSError, RaggedH5Error):
                    file.abandon()

    def _count(self, frames: int) -> None:
        """Say how many frames are complete, where no field is in every frame."""
        if self.record.complete_frames != frames:
            self.record.complete_frames = frames
            self.record.write(self.folder)

    def _put_numbers(self, name: str, field: _Rows, numbers: NDArray[np.int64], stop: int) -> None:
        due = numbers_due(field.rows, numbers, stop, field.numbers is not None)
        if due is None:
            return
        if field.numbers is not None:
            for part in due:
                field.numbers.append(part)
            return
        # It appears with a number for every row that counts: rows without one would be lost.
        path = self._frames_path(name)
        new = self._file(path.with_suffix(".new"), np.dtype(np.int64), ())
        for part in due:
            new.append(part)
        new.flush()
        new.path.replace(path)
        new.path = path
        field.numbers = new

    def _create(self, name: str, values: NDArray[Any]) -> _Rows:
        check_no_events(name, self.record.events, self.folder)
        self._frames_path(name).unlink(missing_ok=True)  # of a field that was forgotten
        file = self._file(self._path(name), values.dtype, values.shape[1:])
        field = self._fields[name] = _Rows(file, None)
        self.record.add(name)
        return field

    def _write_particles(self, batch: FrameBatch) -> None:
        field = self._fields.get(PARTICLES) or self._create_particles(batch)
        self._put_numbers(PARTICLES, field, batch.numbers, batch.stop)
        for name, values in batch.items.items():
            field.items[name].append(values)
        ends = int(field.values[field.values.rows - 1]) + np.cumsum(batch.lengths)
        field.values.append(ends)

    def _create_particles(self, batch: FrameBatch) -> _Particles:
        self._frames_path(PARTICLES).unlink(missing_ok=True)
        items = {}
        for name, values in batch.items.items():
            items[name] = self._file(self._path(name), values.dtype, values.shape[1:])
            self.record.add(name, of_particles=True)
        offsets = self._file(self.folder / OFFSETS, np.dtype(np.int64), ())
        offsets.append(np.zeros(1, np.int64))
        field = self._fields[PARTICLES] = _Particles(items, offsets, None)
        return field

    def _file(
        self, path: Path, dtype: np.dtype[Any] | None = None, shape: tuple[int, ...] | None = None
    ) -> GrowingNpy:
        return GrowingNpy(path, dtype, shape, self._threads)

    def _path(self, name: str) -> Path:
        return self.folder / f"{file_stem(name)}.npy"

    def _frames_path(self, name: str) -> Path:
        return self.folder / f"{file_stem(name)}.frames.npy"

    def _open(self) -> None:
        record = self._record
        if record is None:
            return
        items = {}
        for name, about in record.fields.items():
            path = self.folder / about["file"]
            if not path.exists():  # killed before its first row
                continue
            file = self._file(path)
            if about.get("particles"):
                items[name] = file
            else:
                self._fields[name] = _Rows(file, self._numbers_file(name))
        if items:
            offsets = self._file(self.folder / OFFSETS)
            if not offsets.rows:  # killed before the first flush
                offsets.append(np.zeros(1, np.int64))
            self._fields[PARTICLES] = _Particles(items, offsets, self._numbers_file(PARTICLES))

    def _numbers_file(self, name: str) -> GrowingNpy | None:
        path = self._frames_path(name)
        return self._file(path) if path.exists() else None
