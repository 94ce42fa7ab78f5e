"""The writing end of an array: blocks are appended whole, or not at all."""

from typing import Any

import h5py
from numpy.typing import NDArray

from raggedh5.store.facts import Facts
from raggedh5.store.handle import Handle
from raggedh5.store.reader import Reader
from raggedh5.store.stream import Stream

__all__ = ["ArrayWriter"]

Values = NDArray[Any]

PART = 1 << 23
"""Bytes of a block that are copied before what is coded is stored."""


class ArrayWriter:
    """The writing end of one array."""

    def __init__(self, handle: Handle, dataset: h5py.Dataset, blocksize: int | None = None) -> None:
        self.handle = handle
        facts = Facts(dataset)
        count = facts.shape[0]
        length = dataset.chunks[0]
        tail = None
        if count % length:
            box = (slice(count - count % length, count), *(slice(0, n) for n in facts.inner))
            tail = Reader(handle, facts).read(box)
        self.stream = Stream(handle, facts, count, tail, blocksize=blocksize)
        self._saved = count

    @property
    def rows(self) -> int:
        """Rows appended so far, on disk or not."""
        return self.stream.count

    def append(self, block: Values) -> None:
        """Append all rows of `block`, or none."""
        stream, sink = self.stream, self.handle.sink
        if len(block) < stream.length:
            sink.advance()
            stream.append(block)
        else:
            self._append_parts(block)
        sink.wait()
        if self.handle.adopted:
            self.flush(sync_only=True)

    def _append_parts(self, block: Values) -> None:
        """Append a large block part by part; go back to where it began if one cannot be stored."""
        stream = self.stream
        step = max(PART // max(block[:1].nbytes, 1), 1)
        step = -(-step // stream.length) * stream.length
        snapshot = stream.snapshot()
        try:
            for first in range(0, len(block), step):
                # What is coded is stored while the threads have the next chunks to code.
                stream.append(block[first : first + step])
                self.handle.sink.advance()
        except BaseException:
            stream.restore(snapshot)
            self._saved = -1
            raise

    def flush(self, sync_only: bool = False) -> None:
        """Bring every row to the file; see `raggedh5.store.writer.TableWriter.flush`."""
        stream = self.stream
        if self._saved == stream.count:
            return
        stream.cut()
        if not sync_only:
            stream.put_tail()
        self.handle.sink.drain()
        if sync_only:
            stream.sync_tail()
        stream.finish()
        self._saved = stream.count
        stream.sums.save()

    def conclude(self) -> None:
        """Do nothing: an array has its dataset from the first."""

    def settle(self) -> None:
        """Store the last chunk that `flush` has left to HDF5."""
        self.stream.put_tail()
        self.handle.sink.drain()
        self.stream.sums.save()
