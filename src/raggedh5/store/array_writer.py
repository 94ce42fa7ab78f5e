"""The writing end of an array: blocks are appended whole, or not at all."""

import contextlib
from collections.abc import Mapping
from typing import Any

import h5py
from numpy.typing import NDArray

from raggedh5.errors import WriteError
from raggedh5.store.facts import Facts
from raggedh5.store.handle import Handle
from raggedh5.store.reader import Reader
from raggedh5.store.sink import AppendedBatch
from raggedh5.store.stream import Stream

__all__ = ["ArrayWriter"]

Values = NDArray[Any]

PART = 1 << 23
"""Bytes of a block that are copied before what is coded is stored."""


class ArrayWriter:
    """The writing end of one array."""

    is_table = False

    def __init__(self, handle: Handle, dataset: h5py.Dataset, blocksize: int | None = None) -> None:
        self.handle = handle
        self.h5 = dataset
        self.name = str(dataset.name)
        self._blocksize = blocksize
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

    def append(self, block: Values, lent: bool = False) -> None:
        """Append all rows of `block`, or none; a large one part by part.

        `lent`: it stays as it is until everything has been stored.
        """
        stream, sink = self.stream, self.handle.sink
        immediate = self.handle.immediate
        small = len(block) < stream.length
        if small:  # otherwise only once the threads have this block to code
            sink.advance()
        step = max(PART // max(block[:1].nbytes, 1), 1)
        step = -(-step // stream.length) * stream.length if stream.row_bytes else len(block)
        sink.batch = AppendedBatch(self.name, stream.count, len(block))
        snapshot = stream.mark(False) if small and not immediate else stream.snapshot()
        try:
            for first in range(0, len(block), step or 1):
                # What is coded is stored while the threads have the next chunks to code.
                stream.append(block[first : first + step])
                if not small:
                    sink.advance()
            if not lent:
                sink.wait()
            if immediate:
                self.flush(sync_only=True)
        except BaseException:
            stream.restore(snapshot)
            self._saved = -1
            if immediate:  # the owner may close the file now
                with contextlib.suppress(WriteError):
                    stream.cut()
            raise
        finally:
            sink.batch = None

    def flush(self, sync_only: bool = False) -> None:
        """Bring every row to the file; see `raggedh5.store.writer.TableWriter.flush`."""
        stream = self.stream
        if self._saved == stream.count:
            return
        self.queue(sync_only)
        self.handle.sink.drain()
        if sync_only:
            stream.sync_tail()
        stream.finish()
        stream.sums.save()
        stream.sums.keep_rows(stream.extent)
        self._saved = stream.count

    def truncate(self, rows: int) -> None:
        """Drop the rows behind the first `rows`, in the file with the next flush."""
        stream = self.stream
        if rows >= stream.count:
            return
        self.flush()
        first = rows - rows % stream.length
        box = (slice(first, rows), *(slice(0, n) for n in stream.inner))
        tail = Reader(self.handle, Facts(self.h5)).read(box)
        stream.restore((rows, rows - first, tail))
        self.handle.sink.generation += 1
        self._saved = -1
        self.flush()

    def renewed(self) -> "ArrayWriter":
        """Return another one that goes on from what is in the file."""
        return ArrayWriter(self.handle, self.h5, self._blocksize)

    @property
    def is_saved(self) -> bool:
        """Whether all of them are in the file."""
        return self._saved == self.stream.count

    @property
    def streams(self) -> tuple[Stream]:
        """The stream of the dataset."""
        return (self.stream,)

    def complete(self) -> None:
        """Do nothing: the stream holds all rows."""

    def queue(self, sync_only: bool = False) -> None:
        """Have the last chunk coded; `flush` stores it."""
        if self._saved != self.stream.count:
            self.stream.cut()
            if not sync_only:
                self.stream.put_tail()

    def restore_rows(self, rows: int, items: Mapping[str, Any]) -> None:
        """Append rows as they are; see `raggedh5.store.writer.TableWriter.restore_rows`."""
        (of_stream,) = items.values()
        self.stream.restore_items(of_stream.first, of_stream.chunks, of_stream.raw)

    def create(self) -> None:
        """Do nothing: an array has its dataset from the first."""

    def conclude(self) -> None:
        """Do nothing: an array has its dataset from the first."""

    def settle(self) -> None:
        """Store the last chunk that `flush` has left to HDF5."""
        self.stream.put_tail()
        self.handle.sink.drain()
        self.stream.sums.save()
        self.stream.sums.keep_rows(self.stream.extent)
