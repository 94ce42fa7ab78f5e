"""Frames between the simulation that makes them and whoever writes them."""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from raggedh5.core.arrays import as_numpy
from raggedh5.core.frames import (
    FieldRows,
    FrameBatch,
    FrameBlock,
    FrameBuffer,
    FrameField,
    batch_of,
    check_items,
    fitting_frame,
    fitting_rows,
    new_block,
)
from raggedh5.core.ragged import Ragged
from raggedh5.core.signals import deferred_signals
from raggedh5.errors import ClosedError, SchemaError
from raggedh5.formats.trajectory.fields import check_names, field_of

__all__ = ["FrameQueue"]

BLOCKS = 2
"""Blocks of frames in use at most: one is filled, while another is written."""

MOST_BYTES = 1 << 26
"""Bytes of all blocks, for frames so large that fewer than asked for are held."""


class FrameQueue:
    """The frames of one trajectory that are not safe yet.

    `put` copies a frame into a block of memory and returns. Whoever writes takes the blocks that
    are full, and gives them back when their frames are safe. There are only so many of them: when
    none is left, `put` waits for one.

    Parameters
    ----------
    traj_id
        Name of the trajectory, for messages.
    first
        Number of the first frame.
    fields
        By name, those of frames that are there already.
    frames
        How many frames may be here at once.
    ragged
        Whether the number of particles varies.
    filled
        Called without the lock when there is a full block, which it writes; None where another
        thread sees to that.
    lock
        Guards everything here, but for `put` of a frame like those before. It is notified when
        there is a full block, and when one is given back.

    Attributes
    ----------
    put : callable
        ``put(frame)`` copies a frame. It raises `SchemaError` if that does not fit, and nothing has
        happened then; `ClosedError` if the trajectory is complete.
    waits, waited
        How often there was no room, and for how many seconds in all.
    number : int
        Number of the next frame.
    """

    def __init__(
        self,
        traj_id: str,
        first: int,
        fields: Mapping[str, FrameField],
        frames: int,
        ragged: bool,
        filled: Callable[[], None] | None,
        lock: threading.Condition,
    ) -> None:
        self.traj_id = traj_id
        self.fields = dict(fields)
        self.waits = 0
        self.waited = 0.0
        self._buffer = FrameBuffer(first, self._put_slowly)
        self.put: Callable[[Mapping[str, Any]], None] = self._buffer
        self._blocks = min(BLOCKS, frames)
        self._frames = frames // self._blocks
        self._ragged = ragged
        self._filled = filled
        self._lock = lock
        self._full: deque[FrameBlock] = deque()
        self._free: list[FrameBlock] = []
        self._made = 0
        self._items = 0
        self._error: BaseException | None = None

    @property
    def number(self) -> int:
        """Number of the next frame."""
        return self._buffer.number

    @property
    def waiting(self) -> bool:
        """Whether a block is full."""
        return bool(self._full)

    def is_behind(self, kept: int) -> bool:
        """Whether so many blocks are better given back, before there is none to be filled."""
        return kept >= max(self._blocks // 2, 1)

    def together(self, frames: Mapping[str, Any]) -> FrameBatch:
        """Return frames that come together, as the next ones; those before have been taken.

        Parameters
        ----------
        frames
            By name, values of as many frames: arrays (frames, *shape), and `Ragged` for fields of
            particles whose number varies. What fits is not copied.

        Raises
        ------
        SchemaError
            If they do not fit; nothing has happened then.
        """
        with self._lock:
            self._check()
            lengths = {name: len(values) for name, values in frames.items()}
            if len(set(lengths.values())) != 1:
                raise SchemaError(
                    f"{self.traj_id}: fields of frames that come together are of one length, not "
                    f"{lengths}"
                )
            count = next(iter(lengths.values()))
            try:
                batch = self._together(frames, count)
            except SchemaError as error:
                raise SchemaError(f"{self.traj_id}: {error}") from error
            self._buffer.number += count
            return batch

    def take(self, all_of_them: bool = False, most: int | None = None) -> list[FrameBlock]:
        """Return blocks that are to be written, full ones only unless the others are wanted."""
        with self._lock:
            if all_of_them:
                self._retire()
            count = len(self._full) if most is None else min(most, len(self._full))
            return [self._full.popleft() for _ in range(count)]

    def batch(self, block: FrameBlock) -> FrameBatch:
        """Return the frames of a block that was taken."""
        fields = {name: self.fields[name] for name in block.names}
        return batch_of(block, fields)

    def give_back(self, block: FrameBlock) -> None:
        """Have a block filled again, whose frames are safe."""
        with self._lock:
            if block.names == tuple(self.fields):
                block.clear()
                self._free.append(block)
            else:
                self._made -= 1
            self._lock.notify_all()

    def stop(self, error: BaseException | None = None) -> None:
        """Take no more frames; `error` is raised by whoever comes with one."""
        with self._lock:
            self._error = error or ClosedError(f"{self.traj_id} is complete")
            self._retire()
            self._lock.notify_all()

    def leave_to_parent(self, error: BaseException, lock: threading.Condition) -> None:
        """Forget all frames, in the child of the process that writes them; `error` says so."""
        self._lock, self._error = lock, error
        self._full.clear()
        self._buffer.block = None

    def _put_slowly(self, frame: Mapping[str, Any]) -> None:
        if not isinstance(frame, Mapping) or not frame:
            raise SchemaError(f"{self.traj_id}: a frame is a dict of arrays by name, not {frame!r}")
        filled = False
        with self._lock:
            try:
                self._check()
                known = len(self.fields)
                if any(name not in self.fields for name in frame):
                    self._learn(frame)
                fitting = fitting_frame(frame, self.fields, self.number)
                if len(self.fields) > known:
                    filled = self._retire()
                while not self._buffer.put(fitting):
                    filled = self._retire() or filled
                    self._next_block(fitting)
                if self._frames == 1:  # it is full, and perhaps there is no other
                    filled = self._retire() or filled
            except SchemaError as error:
                raise SchemaError(f"{self.traj_id}: {error}") from error
        if filled and self._filled is not None:
            self._filled()

    def _learn(self, frame: Mapping[str, Any]) -> None:
        """Take in fields that are new; all of them, or none."""
        new = {}
        for name, value in frame.items():
            if name not in self.fields:
                if value is None:
                    raise SchemaError(f"frame {self.number}, {name}: it is None; leave it out")
                spec = field_of(name, as_numpy(value), self._ragged)
                new[spec.name] = spec
        fields = {**self.fields, **new}
        check_names(fields)
        of_particles = [spec for spec in self.fields.values() if spec.ragged]
        late = [name for name, spec in new.items() if spec.ragged]
        if of_particles and late:
            raise SchemaError(
                f"frame {self.number}: {late[0]} is new; all fields of particles are in the first "
                "frame that has any"
            )
        fitting_frame({name: frame[name] for name in frame}, fields, self.number)
        self.fields = fields

    def _together(self, frames: Mapping[str, Any], count: int) -> FrameBatch:
        first = self.number
        numbers = np.arange(first, first + count, dtype=np.int64)
        if count and any(name not in self.fields for name in frames):
            self._learn({name: values[0] for name, values in frames.items()})
        rows, items, lengths = {}, {}, None
        for name, values in frames.items() if count else ():
            spec = self.fields[name]
            if not spec.ragged:
                rows[spec.name] = FieldRows(fitting_rows(values, spec, first), numbers)
                continue
            flat, of_rows = _flat(values)
            if lengths is not None and not np.array_equal(lengths, of_rows):
                raise SchemaError(f"frames from {first}, {name}: another number of particles")
            lengths = of_rows
            items[spec.name] = fitting_rows(flat, replace(spec, ragged=False), first)
        if lengths is None:
            return FrameBatch(first, count, rows)
        check_items(dict.fromkeys(items, 0), self.fields, first)
        return FrameBatch(first, count, rows, items, lengths, numbers)

    def _retire(self) -> bool:
        """Have the block that is being filled taken next; False where it is empty."""
        with deferred_signals:
            block = self._buffer.take()
            if block is None:
                return False
            if block.count:
                self._full.append(block)
                self._lock.notify_all()
                return True
            self._made -= 1
            return False

    def _next_block(self, frame: Mapping[str, Any]) -> None:
        """Give the buffer a block with room for a frame."""
        sizes = [len(frame[name]) for name in frame if self.fields[name].ragged]
        while not self._free and self._made >= self._blocks:
            if self._full and self._filled is not None:
                self._have_written(self._filled)
            else:
                self.waits += 1
                started = time.perf_counter()
                self._lock.wait()
                self.waited += time.perf_counter() - started
            self._check()
            if self._buffer.block is not None:  # another thread has got one
                return
        largest = max(sizes, default=0)
        with deferred_signals:
            if largest > self._items:
                self._items = largest * self._room(largest) * 5 // 4
                self._made -= len(self._free)
                self._free.clear()
            if self._free:
                self._buffer.block = self._free.pop()
                return
            self._buffer.block = new_block(self.fields, self._room(largest), self._items)
            self._made += 1

    def _have_written(self, write: Callable[[], None]) -> None:
        """Have full blocks written by this thread, without the lock: all others may wait, too."""
        self._lock.release()
        try:
            write()
        finally:
            self._lock.acquire()
            self._lock.notify_all()

    def _room(self, items: int) -> int:
        """Return the frames of a block; `items` is how many particles they may have."""
        nbytes = sum(
            spec.row_bytes * (items if spec.ragged else 1) for spec in self.fields.values()
        )
        fitting = MOST_BYTES // self._blocks // max(nbytes, 1)
        return max(min(self._frames, fitting), 1)

    def _check(self) -> None:
        if self._error is not None:
            raise self._error


def _flat(values: Any) -> tuple[Any, Any]:
    """Return the items of all rows, and how many each row has."""
    if isinstance(values, Ragged):
        offsets = values.offsets
        return values.values[offsets[0] : offsets[-1]], values.lengths
    arrays = [as_numpy(row) for row in values]
    return np.concatenate(arrays), np.array([len(row) for row in arrays], np.int64)
