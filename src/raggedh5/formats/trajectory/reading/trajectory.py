"""One trajectory: its fields, and what is known of it."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from raggedh5.core.frames import FieldRows, FrameBatch
from raggedh5.formats.trajectory.fields import STANDARD
from raggedh5.formats.trajectory.reading.field import TrajectoryField
from raggedh5.formats.trajectory.reading.ragged_field import RaggedField

__all__ = ["Trajectory"]

BATCH_BYTES = 1 << 24


class Trajectory:
    """A trajectory, as `TrajectoryReader` returns it.

    Attributes
    ----------
    id : str
        Its name.
    status : str
        ``"running"``, ``"completed"`` or ``"incomplete"``.
    n_frames : int
        Frames that are there.
    start_time, end_time : str
        ISO 8601; empty where it is not known.
    events : dict of TrajectoryField
        By name, fields whose rows are events of their own: they were written at another rate, and
        nobody knows in which frames. Where a field counts frames, one of these counts its rows.
    """

    def __init__(
        self,
        traj_id: str,
        fields: Mapping[str, TrajectoryField | RaggedField],
        n_frames: int,
        attributes: Mapping[str, Any],
        events: Mapping[str, TrajectoryField] | None = None,
    ) -> None:
        self.id = traj_id
        self.n_frames = n_frames
        self.status = str(attributes.get("status", "completed"))
        self.start_time = str(attributes.get("start_time", ""))
        self.end_time = str(attributes.get("end_time", ""))
        self.events = dict(events or {})
        known = [name for name in STANDARD if name in fields]
        others = sorted(name for name in fields if name not in STANDARD)
        self._fields = {name: fields[name] for name in [*known, *others]}

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of its fields: those that every program knows, then the others."""
        return tuple(self._fields)

    @property
    def ragged(self) -> bool:
        """Whether the number of particles varies."""
        return any(isinstance(field, RaggedField) for field in self._fields.values())

    @property
    def n_species(self) -> int | None:
        """Number of species; None where it varies, or there are no coordinates."""
        for field in self._fields.values():
            if isinstance(field, TrajectoryField) and field.n_species is not None:
                return field.n_species
        return None

    def __getitem__(self, name: str) -> TrajectoryField | RaggedField:
        """Return a field.

        Raises
        ------
        KeyError
            If there is no such field.
        """
        try:
            return self._fields[name]
        except KeyError:
            known = ", ".join(self._fields) or "none"
            said = f"{self.id} has no field {name!r}; it has {known}"
            if name in self.events:
                said += f" in its frames, and {name!r} among its events"
            raise KeyError(said) from None

    def get(self, name: str) -> TrajectoryField | RaggedField | None:
        """Return a field, None where there is no such."""
        return self._fields.get(name)

    def __contains__(self, name: object) -> bool:
        """Whether there is such a field."""
        return name in self._fields

    def __iter__(self) -> Iterator[str]:
        """Go through the names of the fields."""
        return iter(self._fields)

    def __len__(self) -> int:
        """Return the number of frames."""
        return self.n_frames

    def __repr__(self) -> str:
        """Say what it is."""
        fields = ", ".join(self._fields)
        events = "".join(f", {len(field)} events of {name}" for name, field in self.events.items())
        return (
            f"<raggedh5 trajectory {self.id!r} ({self.status}): {self.n_frames} frames of {fields}"
            f"{events}>"
        )

    def frame(self, number: int) -> dict[str, Any]:
        """Read one frame: the fields that it has, coordinates as (n_species, 3).

        Raises
        ------
        IndexError
            If there is no such frame.
        """
        at = number + (self.n_frames if number < 0 else 0)
        if not 0 <= at < self.n_frames:
            raise IndexError(f"{self.id} has {self.n_frames} frames, and no frame {number}")
        found = {name: field.read(at, at + 1) for name, field in self._fields.items()}
        return {name: rows[0] for name, rows in found.items() if len(rows)}

    def batch(self, start: int, stop: int) -> FrameBatch:
        """Read the frames start:stop with all their fields, as they are stored."""
        rows: dict[str, FieldRows] = {}
        items: dict[str, Any] = {}
        lengths = numbers = np.empty(0, np.int64)
        for name, field in self._fields.items():
            if isinstance(field, RaggedField):
                values, numbers = field.rows_of(start, stop)
                if len(numbers):
                    items[name], lengths = values.values, values.lengths
            else:
                found = field.rows_of(start, stop)
                if len(found.numbers):
                    rows[name] = found
        return FrameBatch(start, stop - start, rows, items, lengths, numbers)

    def batches(
        self, start: int = 0, stop: int | None = None, nbytes: int = BATCH_BYTES
    ) -> Iterator[FrameBatch]:
        """Read frames with all their fields, piece by piece, of about `nbytes` each."""
        first, last, _ = slice(start, stop).indices(self.n_frames)
        frames = 1
        while first < last:
            end = min(first + frames, last)
            batch = self.batch(first, end)
            yield batch
            first = end
            frames = max(int(nbytes // max(batch.nbytes / max(batch.count, 1), 1)), 1)
            frames = min(frames, 8 * batch.count)
