"""Fields that are not in every frame, and the numbers of the frames that they are in."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.frames import FrameBatch

__all__ = ["Rows", "comes_last", "frames_present", "numbers_due", "rows_before"]

Numbers = NDArray[np.int64]

PIECE = 1 << 17
"""Numbers that are made at once."""


class Rows(Protocol):
    """Rows of a field, as a store keeps them."""

    @property
    def rows(self) -> int:
        """How many there are."""

    @property
    def numbers(self) -> Any:
        """Numbers of their frames, indexable; None where they are in every frame from 0 on."""


def numbers_due(rows: int, numbers: Numbers, stop: int, sparse: bool) -> Iterator[Numbers] | None:
    """Return the frame numbers that are to be stored with new rows of a field.

    None as long as the field is in every frame. From the first frame on that lacks it, its rows
    have numbers, those before included.

    Parameters
    ----------
    rows
        Rows that there are before.
    numbers
        Numbers of the frames of the new rows.
    stop
        Number of the next frame.
    sparse
        Whether the rows before have numbers.

    Examples
    --------
    >>> numbers_due(2, np.array([2, 3]), 4, False)
    >>> [part.tolist() for part in numbers_due(2, np.array([3]), 4, False)]
    [[0, 1], [3]]
    """
    if sparse:
        return iter([numbers] if len(numbers) else [])
    whole = rows + len(numbers) == stop
    if whole and (not len(numbers) or (numbers[0] == rows and numbers[-1] == stop - 1)):
        return None
    return _with_those_before(rows, numbers)


def _with_those_before(rows: int, numbers: Numbers) -> Iterator[Numbers]:
    for first in range(0, rows, PIECE):
        yield np.arange(first, min(first + PIECE, rows), dtype=np.int64)
    if len(numbers):
        yield numbers


def rows_before(field: Rows, frame: int) -> int:
    """Return how many rows of a field are of frames before one."""
    if field.numbers is None:
        return int(min(field.rows, frame))
    numbers: Any = field.numbers
    return int(bisect_left(numbers, frame, 0, min(field.rows, len(numbers))))


def comes_last(batch: FrameBatch, name: str, field: Rows | None) -> bool:
    """Whether a field is in every frame so far, those of a batch included.

    Such fields are written behind the others, and so tell how many frames are complete.

    Parameters
    ----------
    batch
        Frames that are to be written.
    name
        Name of the field, or of the table of particles.
    field
        The rows that it has; None if it is new.
    """
    numbers = batch.rows[name].numbers if name in batch.rows else batch.numbers
    before = not batch.first if field is None else field.numbers is None
    return before and len(numbers) == batch.count


def frames_present(fields: list[Any], counted: int | None = None) -> int:
    """Return how many frames are complete: those that every field is in which is in each frame.

    Where there is no such field, the last frame of any counts, up to those that were `counted`.
    """
    every = [field.rows for field in fields if field.numbers is None]
    if every:
        return int(min(every))
    last = 0
    for field in fields:
        count = min(field.rows, len(field.numbers))
        if count:
            last = max(last, int(field.numbers[count - 1]) + 1)
    return last if counted is None else min(last, counted)
