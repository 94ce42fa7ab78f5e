"""One trajectory in an open HDF5 file, as it is written."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from raggedh5.core.codecs import Blosc
from raggedh5.core.frames import FieldRows, FrameBatch
from raggedh5.core.precision import rounded
from raggedh5.core.ragged import Ragged
from raggedh5.core.schema import Column
from raggedh5.formats.trajectory.fields import PARTICLES, STANDARD, check_no_events, column_of
from raggedh5.formats.trajectory.hdf5_layout import events_of, fields_of, group_of
from raggedh5.formats.trajectory.writing.chunk_plan import frames_per_chunk
from raggedh5.formats.trajectory.writing.rates import (
    comes_last,
    frames_present,
    numbers_due,
    rows_before,
)
from raggedh5.store.array import Array
from raggedh5.store.attributes import get_number, set_attributes
from raggedh5.store.file import File

__all__ = ["HDF5Trajectory", "Storage", "now"]

LAYOUT = "interleaved_xyz"

BLOCK = 1 << 18
"""Bytes of a Blosc block: a single frame takes as much to be decoded."""

ZSTD_LEVEL = 3


@dataclass(frozen=True)
class Storage:
    """How the fields of a trajectory are stored.

    Attributes
    ----------
    codec
        As for `raggedh5.File.create_array`.
    precision : float or None
        Absolute error that coordinates may have, None for none.
    chunk_frames : int or None
        Frames of a chunk; None: planned for each field.
    flushed : int
        Frames that are flushed together.
    estimated : int or None
        Frames that are expected.
    attributes : dict or None
        By name of a field, attributes that its dataset gets, in place of those that it would get.
    """

    codec: Any = Blosc()  # noqa: RUF009 - immutable
    precision: float | None = None
    chunk_frames: int | None = None
    flushed: int = 500
    estimated: int | None = None
    attributes: Mapping[str, Mapping[str, Any]] | None = None

    def frames(self, row_bytes: int) -> int:
        """Return the frames of a chunk."""
        return self.chunk_frames or frames_per_chunk(row_bytes, self.flushed, self.estimated)

    def expecting(self, frames: int) -> "Storage":
        """Return the same for trajectories of so many frames."""
        return replace(self, estimated=frames)

    def codec_of(self, name: str, chunk_bytes: int = 0) -> Any:
        """Return the codec of a field, given the bytes of its chunks.

        A frame is much like the one before it, so Blosc's blocks hold many. Rounded numbers are
        worth an entropy coder, which LZ4 lacks: Zstd takes its place, at a level as quick.
        """
        codec, is_rounded = self.codec, self.precision_of(name) is not None
        if not isinstance(codec, Blosc):
            return codec
        if is_rounded and codec.compressor == "lz4":
            codec = replace(codec, compressor="zstd", level=min(codec.level, ZSTD_LEVEL))
        if codec.blocksize is None and chunk_bytes > BLOCK:
            codec = replace(codec, blocksize=chunk_bytes if is_rounded else BLOCK)
        return codec

    def attributes_of(self, name: str) -> Mapping[str, Any]:
        """Return the attributes that the dataset of a field gets in place of its own."""
        return (self.attributes or {}).get(name, {})

    def precision_of(self, name: str) -> float | None:
        """Return the error that a field may have, None for none."""
        return self.precision if name.startswith("coordinates/") else None


def now() -> str:
    """Return the time, as files have it: ISO 8601, with the offset from UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class _Rows:
    """The rows of a field, an array or the table of particles, and the numbers of their frames."""

    def __init__(self, values: Any, numbers: Array | None) -> None:
        self.values = values
        self.numbers = numbers
        self.rows = len(values)

    def truncate(self, rows: int) -> None:
        self.values.truncate(rows)
        if self.numbers is not None:
            self.numbers.truncate(rows)
        self.rows = min(self.rows, rows)


class HDF5Trajectory:
    """The writing end of one trajectory in an HDF5 file.

    Parameters
    ----------
    file
        The file, open for writing.
    traj_id
        Its name.
    storage
        How new fields are stored.

    Attributes
    ----------
    frames : int
        Frames so far; those that are complete, in a trajectory that was there before.
    fresh : bool
        Whether it was not there before.
    described : bool
        Whether attributes were changed.
    """

    def __init__(self, file: File, traj_id: str, storage: Storage) -> None:
        self.file = file
        self.path = group_of(traj_id)
        self.storage = storage
        self._fields: dict[str, _Rows] = {}
        self._counted: int | None = None
        self.described = False
        self.fresh = self.path not in file
        if not self.fresh:
            self._open()
        else:
            file.h5.create_group(f"{self.path}/metadata")
            self._describe(status="running", n_frames=0, start_time=now(), end_time="")
        self.frames = frames_present(list(self._fields.values()), self._counted)

    def write(self, batch: FrameBatch) -> None:
        """Append frames, which follow those that there are, and stay as they are until a flush.

        Raises
        ------
        SchemaError
            If they do not fit.
        WriteError
            If the file cannot be written.
        """
        present = [*batch.rows, *([PARTICLES] if batch.items else [])]
        last = {name: comes_last(batch, name, self._fields.get(name)) for name in present}
        if not any(last.values()) and self._counted is None:
            self._count(batch.first)
        for name in self._fields.keys() - present:
            self._put_numbers(name, self._fields[name], np.empty(0, np.int64), batch.stop)
        for name in sorted(present, key=last.__getitem__):
            if name in batch.rows:
                self._write_rows(name, batch.rows[name], batch.stop)
            else:
                self._write_particles(batch)
        if self._counted is not None:
            self._count(batch.stop)
        self.frames = batch.stop

    def cut(self, frames: int) -> None:
        """Drop what is behind the first so many frames."""
        for field in self._fields.values():
            field.truncate(rows_before(field, frames))
        self.frames = min(self.frames, frames)
        if self._counted is not None:
            self._count(self.frames)

    def run_on(self) -> None:
        """Say that more is to come."""
        self._describe(status="running", end_time="")

    def finish(self, status: str) -> None:
        """Say that it is complete, or how else it ended."""
        self._describe(status=status, n_frames=self.frames, end_time=now())

    def _count(self, frames: int) -> None:
        """Say how many frames are complete, where no field is in every frame."""
        self._counted = frames
        self._describe(complete_frames=frames)

    def _describe(self, **values: Any) -> None:
        set_attributes(self.file.h5[f"{self.path}/metadata"], values)
        self.described = True

    def _put_numbers(self, name: str, field: _Rows, numbers: Any, stop: int) -> None:
        due = numbers_due(field.rows, numbers, stop, field.numbers is not None)
        if due is None:
            return
        if field.numbers is None:
            field.numbers = self.file.create_array(
                f"{self.path}/frames/{name}",
                (0,),
                np.int64,
                codec=self.storage.codec,
                chunks=(self.storage.frames(8),),
                attrs={"field": f"{self.path}/{name}"},
            )
            set_attributes(field.values.h5, {"frame_numbers": field.numbers.name})
            self.described = True
        for part in due:
            field.numbers.append(part)

    def _create(self, name: str, rows: FieldRows) -> _Rows:
        check_no_events(name, dict(events_of(self.file, self.path)), self.path)
        shape, dtype = rows.values.shape[1:], rows.values.dtype
        attrs: dict[str, Any] = {}
        units = STANDARD[name].units if name in STANDARD else None
        if name.startswith("coordinates/"):
            attrs = {"units": "bohr", "species_layout": LAYOUT}
        elif units is not None:
            attrs = {"units": units}
        precision = self.storage.precision_of(name)
        if precision is not None:
            attrs["precision"] = precision
        attrs |= self.storage.attributes_of(name)
        row_bytes = dtype.itemsize * math.prod(shape)
        frames = self.storage.frames(row_bytes)
        array = self.file.create_array(
            f"{self.path}/{name}",
            (0, *shape),
            dtype,
            codec=self.storage.codec_of(name, frames * row_bytes),
            chunks=(frames, *(max(n, 1) for n in shape)),
            attrs=attrs,
        )
        field = self._fields[name] = _Rows(array, None)
        return field

    def _write_rows(self, name: str, rows: FieldRows, stop: int) -> None:
        field = self._fields.get(name) or self._create(name, rows)
        values, precision = rows.values, self.storage.precision_of(name)
        if precision is not None:
            values = rounded(values, precision)
        self._put_numbers(name, field, rows.numbers, stop)
        field.values.append(values, lent=True)
        field.rows += len(values)

    def _write_particles(self, batch: FrameBatch) -> None:
        field = self._fields.get(PARTICLES) or self._create_particles(batch)
        offsets = np.zeros(len(batch.lengths) + 1, np.int64)
        np.cumsum(batch.lengths, out=offsets[1:])
        columns = {}
        for name, values in batch.items.items():
            precision = self.storage.precision_of(name)
            kept = values if precision is None else rounded(values, precision)
            columns[column_of(name)] = Ragged(kept, offsets)
        self._put_numbers(PARTICLES, field, batch.numbers, batch.stop)
        field.values.append(columns)
        field.rows += len(batch.lengths)

    def _create_particles(self, batch: FrameBatch) -> _Rows:
        columns = {}
        for name, values in batch.items.items():
            attrs: dict[str, Any] = {"field": name}
            if name.startswith("coordinates/"):
                attrs["units"] = "bohr"
            precision = self.storage.precision_of(name)
            if precision is not None:
                attrs["precision"] = precision
            attrs |= self.storage.attributes_of(name)
            columns[column_of(name)] = Column(
                values.dtype, values.shape[1:], codec=self.storage.codec_of(name), attrs=attrs
            )
        table = self.file.create_table(
            f"{self.path}/{PARTICLES}", columns, codec=self.storage.codec
        )
        field = self._fields[PARTICLES] = _Rows(table, None)
        return field

    def _open(self) -> None:
        for name, values, numbers in fields_of(self.file, self.path):
            self._fields[name] = _Rows(values, numbers)
        about = self.path + "/metadata"
        if about in self.file:
            self._counted = get_number(self.file.h5[about].id, "complete_frames")
