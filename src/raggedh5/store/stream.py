"""A dataset that grows along axis 0: items collect in a chunk, full chunks go to the sink."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.checksum import UNKNOWN, checksum
from raggedh5.core.cursors import Cursor
from raggedh5.errors import FormatError, WriteError
from raggedh5.store.coded import Coded
from raggedh5.store.durable.unlogged import NewItems, Unlogged
from raggedh5.store.facts import Facts
from raggedh5.store.filters import codec_of
from raggedh5.store.handle import Handle
from raggedh5.store.sink import Bytes, Job

__all__ = ["Snapshot", "Stream"]

Array = NDArray[Any]
Snapshot = tuple[int, int, Array]
"""Items of the stream, items of the last chunk, and an array that begins with these."""


class Stream(Cursor):
    """The writing end of one chunked dataset.

    `reserve` hands out the places where the next items go, `commit` makes them part of the stream
    and `cancel` forgets them; so a batch of several columns is appended to all of them or to none.

    Parameters
    ----------
    handle
        The open file.
    facts
        The dataset: chunked, resizable along axis 0.
    count
        How many items it holds; the rest of its extent is not in use.
    tail
        The items of the last chunk that is not full, shape (count % chunk length, *inner).
    before
        The item before these.
    blocksize
        Bytes of a Blosc block, None for the default.
    fresh
        Whether the dataset has just been created.
    """

    def __init__(
        self,
        handle: Handle,
        facts: Facts,
        count: int,
        tail: Array | None = None,
        before: Any = None,
        blocksize: int | None = None,
        fresh: bool = False,
    ) -> None:
        self.handle = handle
        self.dataset = facts.dataset
        self.dataset_id = facts.id
        self.name = facts.name
        self.dtype = facts.dtype
        self.inner = facts.inner
        self.chunks: tuple[int, ...] = facts.chunks or ()
        self.length = self.chunks[0]
        self.sums = handle.sums.of(facts, fresh)
        self.codec = codec_of(facts, blocksize)
        self.whole = self.chunks[1:] == self.inner
        self.grid = tuple(-(-n // c) for n, c in zip(self.inner, self.chunks[1:], strict=True))
        self.cells = math.prod(self.grid)
        self.row_bytes: int = self.dtype.itemsize * math.prod((self.length, *self.inner))
        self.extent = facts.shape[0]
        self.count = count
        self.item_bytes = self.row_bytes // self.length
        self.log = Unlogged(count, self.item_bytes, self.length) if handle.durable else None
        self.fill = count % self.length
        self.before = before
        self.dirty = False
        self._synced = count
        self._unsummed: set[int] = set()
        self.pending = 0
        self._fresh: list[Bytes] = []
        self._buffer: Bytes | None = None
        if self.fill and tail is not None:
            self._open_chunk()[: self.fill] = tail

    @property
    def last_name(self) -> str:
        """The name that the dataset has in its group."""
        return self.name.rpartition("/")[2]

    def reserve(self, n: int) -> list[Array]:
        """Return where the next `n` items go: arrays (k, *inner) in order, `n` items in all."""
        if self._fresh:  # of what was reserved before, and is not wanted
            self.cancel()
        view = self._open_chunk() if self.view is None else self.view
        fill = self.fill
        self.pending = n
        if fill + n <= self.length:
            return [view[fill : fill + n]]
        pieces = [view[fill:]]
        left = fill + n - self.length
        while left > 0:
            buffer = self.handle.buffers.take(self.row_bytes)
            self._fresh.append(buffer)
            pieces.append(self._typed(buffer)[: min(left, self.length)])
            left -= self.length
        return pieces

    def commit(self) -> None:
        """Make what was reserved last part of the stream; chunks that are full go to the sink."""
        n = self.pending
        if not n:
            return
        self.pending = 0
        self.count += n
        self.dirty = True
        self.fill += n
        while self.fill >= self.length and self._buffer is not None:
            row = self.count // self.length - self.fill // self.length
            self._log_full(row, self._buffer)
            self._put(row, self._buffer)
            self.fill -= self.length
            self._buffer = self.view = None
            self.dirty = self.fill > 0
            if self._fresh:
                self._buffer = self._fresh.pop(0)
                self.view = self._typed(self._buffer)

    def cancel(self) -> None:
        """Forget what was reserved last."""
        for buffer in self._fresh:
            self.handle.buffers.give(buffer)
        self._fresh.clear()
        self.pending = 0

    def append(self, values: Array) -> None:
        """Append items (n, *inner) at once.

        Whole chunks among them are coded from where they are: the caller leaves them as they are
        until `ChunkSink.wait` has returned.
        """
        if not self.row_bytes:  # no chunks either; `finish` sees to the extent
            self.count += len(values)
            self.fill = self.count % self.length
            return
        head = min(-self.fill % self.length, len(values))
        whole = (len(values) - head) // self.length
        if (
            not whole
            or self.codec is None
            or not self.whole
            or values.dtype != self.dtype
            or not values.flags.c_contiguous
        ):
            self._copy(values)
            return
        self._copy(values[:head])
        for _ in range(whole):
            chunk = values[head : head + self.length]
            row = self.count // self.length
            if self.log is not None:  # the caller may change the values before the next flush
                self.log.fill(self.count, None)
            self.count += self.length
            self._put(row, chunk.reshape(-1).view(np.uint8), ours=False)
            head += self.length
        self._copy(values[head:])

    def pass_over(self, items: int) -> None:
        """Count `items` more, of which the caller stores the chunks; none may be half full before.

        If they end within a chunk, nothing can be appended any more.
        """
        self.handle.sink.drain()
        self.count += items
        self.fill = self.count % self.length
        self._synced = self.count
        self.dirty = False
        try:
            self._resize(max(self.extent, self.count))
        except (OSError, RuntimeError) as error:
            raise WriteError(f"{self.name} could not be resized: {error}") from error

    def _copy(self, values: Array) -> None:
        at = 0
        for piece in self.reserve(len(values)):
            piece[...] = values[at : at + len(piece)]
            at += len(piece)
        self.commit()

    def last(self) -> Any:
        """Return the last item, None where there is none."""
        return self._open()[self.fill - 1] if self.fill else self.before

    def snapshot(self) -> Snapshot:
        """Return what `restore` needs to come back to this point."""
        return self.count, self.fill, self._open()[: self.fill].copy()

    def mark(self, stored: bool) -> Snapshot:
        """Return the same between `reserve` and `commit`, without a copy where that is enough.

        It is until the chunk that is being filled now has been stored, which is ruled out unless
        `stored`. A stream that nothing is reserved of may be appended to by its owner.
        """
        if stored and (not self.pending or self.fill + self.pending >= self.length):
            return self.snapshot()
        return self.count, self.fill, self._open()

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot; what was appended since is gone."""
        self.cancel()
        count, fill, tail = snapshot
        # Chunks that are on their way go first: storing one extends the dataset by the count.
        self.handle.sink.drop(self, count // self.length)
        self.count = count
        self.fill = fill
        self._open_chunk()[:fill] = tail[:fill]
        self._synced = min(self._synced, self.count - self.fill)
        self.dirty = self.fill > 0
        if self.log is not None:
            self.log.cut(count)

    def unlogged_items(self, stop: int) -> NewItems | None:
        """Return the items up to `stop` that no flush has made safe yet.

        None where they are not at hand.
        """
        if self.log is None or self.extent > self.count:
            return None
        return self.log.items(stop, self.count, self.fill, self._buffer)

    def is_safe(self, stop: int) -> bool:
        """Whether a flush has made all items up to `stop` safe."""
        return self.log is not None and self.log.first >= stop

    def settle(self, stop: int | None = None) -> None:
        """Take note that every item is safe, or that those up to `stop` are."""
        if self.log is not None:
            self.log.settle(self.count if stop is None else stop)

    def stored(self, row: int, coded: Coded | None) -> None:
        """Take note that a chunk of chunk row `row` is stored, and where, if that is known."""
        if self.log is not None:
            self.log.stored(row * self.length, coded)

    def restore_items(self, first: int, chunks: Sequence[Bytes], raw: memoryview) -> None:
        """Append items that a journal has kept, but for those that are there already.

        Parameters
        ----------
        first
            The first of them.
        chunks
            Stored chunks one behind the other, the first of them with that item.
        raw
            The bytes of items that follow.

        Raises
        ------
        FormatError
            If some are missing between those that are there and these, or a chunk is damaged.
        """
        at = first
        for stored in chunks:
            at -= at % self.length
            if at <= self.count < at + self.length:
                self._copy(self._decoded(stored)[self.count - at :])
            at += self.length
        count = raw.nbytes // self.item_bytes if self.item_bytes else 0
        if not max(first, at) <= self.count <= at + count:
            raise FormatError(
                f"{self.name}: the journal goes on with item {first}, but the file has {self.count}"
            )
        if raw.nbytes != count * self.item_bytes:
            raise FormatError(f"{self.name}: the journal has {raw.nbytes} bytes, no whole items")
        items = np.empty((count, *self.inner), self.dtype)
        items.reshape(-1).view(np.uint8)[:] = np.frombuffer(raw, np.uint8)
        self._copy(items[self.count - at :])

    def _decoded(self, stored: Bytes) -> Array:
        chunk = np.empty(self.row_bytes, np.uint8)
        if self.codec is None or not self.codec.decode(stored, stored.size, chunk):
            raise FormatError(f"{self.name}: a chunk that its journal leads to is damaged")
        return self._typed(chunk)

    def put_tail(self) -> None:
        """Queue the last chunk as it is, unless it has been stored so before."""
        if self.dirty and self._buffer is not None:
            filled = self.fill * self.item_bytes
            codec = self.codec
            if codec is None or not self.whole:
                self._open()[self.fill :] = 0
                self._put(self.count // self.length, self._buffer, ours=False)
            else:
                self._buffer[filled : codec.zeros_from(filled)] = 0
                self._put(self.count // self.length, self._buffer, ours=False, filled=filled)
            self.dirty = False
            self._synced = self.count

    def sync_tail(self) -> None:
        """Leave the items of the last chunk to HDF5, which stores them when the file is closed."""
        first = self.count - self.fill
        start = max(self._synced, first)
        if start < self.count:
            self.handle.sink.generation += 1
            self._unsum(first // self.length)
            try:
                self._resize(max(self.extent, self.count))
                self.dataset[start : self.count] = self._open()[start - first : self.fill]
            except (OSError, RuntimeError) as error:
                raise WriteError(f"{self.name} could not be written: {error}") from error
        self._synced = self.count

    def cut(self) -> None:
        """Cut the dataset to the items there are, where a refused batch has left more behind.

        HDF5 clears the rest of the chunk at the cut, and so stores it anew in its own way; hence
        this comes before the last chunk is stored.
        """
        if self.extent <= self.count:
            return
        self.handle.sink.generation += 1
        self._set_extent()
        kept = -(-self.count // self.length) * self.cells
        self.sums.forget(kept)
        self._unsummed = {number for number in self._unsummed if number < kept}
        self._synced = min(self._synced, self.count - self.fill)
        self.dirty = self.fill > 0

    def finish(self) -> None:
        """See to the extent and to the checksums of what HDF5 has coded, once all is stored."""
        if self.extent < self.count:  # items of no bytes make no chunks
            self._set_extent()
        if self._unsummed:
            try:
                self.dataset_id.flush()
                for number in sorted(self._unsummed):
                    row, cell = divmod(number, self.cells)
                    _, stored = self.dataset_id.read_direct_chunk(self._place(row, cell))
                    self.sums.put(number, checksum(stored))
            except (OSError, RuntimeError) as error:
                raise WriteError(f"{self.name} could not be flushed: {error}") from error
            self._unsummed.clear()

    def extend(self, row: int) -> None:
        """Make the dataset reach over chunk row `row`, but no further than the items there are."""
        needed = min((row + 1) * self.length, self.count)
        if self.extent < needed:
            self._resize(needed)

    def store_by_hdf5(self, job: Job) -> None:
        """Write a chunk through HDF5's own pipeline; its checksum is worked out by `finish`."""
        first = job.row * self.length
        rows = min(self.length, self.extent - first)
        block = self._typed(job.source)[:rows]
        self._unsum(job.row)
        self._unsummed.update(range(job.row * self.cells, (job.row + 1) * self.cells))
        self.dataset[first : first + rows] = block

    def _log_full(self, row: int, buffer: Bytes) -> None:
        if self.log is None:
            return
        if self.whole or self.codec is None:
            self.log.fill(row * self.length, buffer)
        else:  # its parts are coded from copies, and the buffer is used again
            self.log.lose()

    def _unsum(self, row: int) -> None:
        """Forget the checksums of chunks that HDF5 is about to store anew."""
        for number in range(row * self.cells, (row + 1) * self.cells):
            if self.sums.get(number) != UNKNOWN:
                self.sums.put(number, UNKNOWN)

    def _put(self, row: int, buffer: Bytes, ours: bool = True, filled: int | None = None) -> None:
        sink = self.handle.sink
        if self.whole or self.codec is None:
            place = self._place(row, 0)
            sink.put(self, row, row * self.cells, place, buffer, ours, filled)
            return
        view = self._typed(buffer)
        for cell in range(self.cells):
            place = self._place(row, cell)
            source = self.handle.buffers.take(self.codec.nbytes)
            chunk = source.view(self.dtype).reshape(self.chunks)
            ends = (at + n for at, n in zip(place[1:], self.chunks[1:], strict=True))
            part = view[(slice(None), *map(slice, place[1:], ends))]
            if part.shape != chunk.shape:
                chunk[...] = 0
            chunk[tuple(map(slice, part.shape))] = part
            sink.put(self, row, row * self.cells + cell, place, source)
        if ours:
            self.handle.buffers.give(buffer)

    def _place(self, row: int, cell: int) -> tuple[int, ...]:
        if self.whole:
            return (row * self.length, *(0 for _ in self.inner))
        at = np.unravel_index(cell, self.grid) if self.grid else ()
        return (row * self.length, *(int(i) * c for i, c in zip(at, self.chunks[1:], strict=True)))

    def _typed(self, buffer: Bytes) -> Array:
        return buffer.view(self.dtype).reshape(self.length, *self.inner)

    def _open_chunk(self) -> Array:
        self._buffer = self.handle.buffers.take(self.row_bytes)
        self.view = self._typed(self._buffer)
        return self.view

    def _open(self) -> Array:
        """Return the chunk that is being filled, with no place where there is none."""
        return np.empty((0, *self.inner), self.dtype) if self.view is None else self.view

    def _set_extent(self) -> None:
        try:
            self._resize(self.count)
        except (OSError, RuntimeError) as error:
            raise WriteError(f"{self.name} could not be resized: {error}") from error

    def _resize(self, extent: int) -> None:
        self.dataset_id.set_extent((extent, *self.inner))
        self.extent = extent
