"""What every field of a trajectory has: rows, and the frames that they are of."""

import numpy as np
from numpy.typing import NDArray

from raggedh5.formats.trajectory.reading.frames import Frames

__all__ = ["FieldOfFrames"]


class FieldOfFrames:
    """A field of a trajectory; `TrajectoryField` and `RaggedField` describe its attributes."""

    def __init__(
        self,
        name: str,
        frames: Frames,
        n_frames: int,
        units: str | None,
        precision: float | None,
    ) -> None:
        self.name = name
        self.units = units
        self.precision = precision
        self._frames = frames
        self._n_frames = n_frames

    @property
    def frames(self) -> NDArray[np.int64] | None:
        """Numbers of the frames of the rows, int64 (rows,); None where every frame has one."""
        return None if self._frames.every else self._frames.numbers()

    @property
    def first_frame(self) -> int:
        """Number of the first frame that has the field; 0 where none has."""
        return self._frames.start

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._frames.rows

    def behind(self, frame: int, rows: int) -> int | None:
        """Return the number of the frame behind so many rows from a frame on, None at the end."""
        return self._frames.behind(frame, rows)

    def _bounds(self, start: int, stop: int | None, step: int) -> tuple[int, int]:
        """Return the first frame of a range, and the one behind its last."""
        if step < 1:
            raise ValueError(f"a step is 1 or more, not {step}")
        first, last, _ = slice(start, stop).indices(self._n_frames)
        return first, max(last, first)
