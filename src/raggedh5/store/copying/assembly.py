"""One dataset put together from stretches of others: chunks as they are where they line up."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from raggedh5.errors import FormatError
from raggedh5.store.copying.chunk_copy import copy_chunks
from raggedh5.store.copying.twins import same_chunks
from raggedh5.store.facts import Facts
from raggedh5.store.handle import Handle
from raggedh5.store.reader import Reader
from raggedh5.store.stream import Stream

__all__ = ["Assembly", "Change", "Target"]

PART = 1 << 24
"""Bytes that are decoded at once where chunks cannot be copied."""

Change = Callable[[NDArray[Any], int], NDArray[Any]]
"""Returns the items that are to be stored, given those of the source and the number of the first;
None where they are not to be changed."""


class Target(Protocol):
    """A new dataset that is put together from others: see `Assembly`."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the dataset."""

    @property
    def count(self) -> int:
        """Items so far."""

    def append(
        self,
        source: Reader,
        start: int,
        stop: int,
        change: Change | None = None,
        last: bool = False,
    ) -> None:
        """Append the items start:stop of a dataset."""

    def put(self, values: NDArray[Any]) -> None:
        """Append items from memory."""

    def finish(self) -> None:
        """Store what is left."""


class Assembly:
    """The writing end of a new dataset that is put together from others.

    Parameters
    ----------
    handle
        The open file.
    facts
        The dataset: empty, chunked.
    blocksize
        Bytes of a Blosc block for chunks that are coded anew, None for the default.

    Attributes
    ----------
    copied, coded : int
        Items whose chunks were copied as they are, and items that were decoded and coded anew.
    """

    def __init__(self, handle: Handle, facts: Facts, blocksize: int | None = None) -> None:
        self.handle = handle
        self.facts = facts
        self.stream = Stream(handle, facts, 0, blocksize=blocksize, fresh=True)
        self.copied = 0
        self.coded = 0

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the dataset."""
        return self.facts.dtype

    @property
    def count(self) -> int:
        """Items so far."""
        return self.stream.count

    def append(
        self,
        source: Reader,
        start: int,
        stop: int,
        change: Change | None = None,
        last: bool = False,
    ) -> None:
        """Append the items start:stop of a dataset.

        Parameters
        ----------
        source
            Any dataset of the same inner shape.
        start, stop
            Which items along axis 0.
        change
            What is to be done to them; chunks are copied where that is nothing.
        last
            Nothing is appended after this. A last chunk that is not full is copied too, then.

        Raises
        ------
        FormatError
            If there are not so many items, or they are damaged.
        WriteError
            If the file cannot be written.
        """
        extent = source.shape[0]
        if not 0 <= start <= stop <= extent:
            raise FormatError(
                f"{source.name}: items {start}:{stop} are asked for, but there are {extent}"
            )
        stream, at = self.stream, start
        lines_up = change is None and (start - stream.count) % stream.length == 0
        if lines_up and stream.row_bytes and same_chunks(source.facts, self.facts):
            at = min(start + -start % stream.length, stop)
            self._code(source, start, at, None)
            ends = last and stop == extent
            until = stop if ends else max(stop - stop % stream.length, at)
            if until > at:
                self._copy(source, at, until)
                at = until
        self._code(source, at, stop, change)

    def put(self, values: NDArray[Any]) -> None:
        """Append items from memory, which stay as they are from then on."""
        self.stream.append(values)
        self.handle.sink.advance()

    def finish(self) -> None:
        """Store what is left; the dataset is complete then, and so are its checksums."""
        stream = self.stream
        stream.put_tail()
        self.handle.sink.drain()
        stream.finish()
        stream.sums.save()

    def _code(self, source: Reader, start: int, stop: int, change: Change | None) -> None:
        """Decode items and append them."""
        if stop <= start:
            return
        # Parts end where chunks do, so that none is decoded twice.
        chunk = source.chunks[0] if source.chunks else 1
        step = max(PART // max(source.itembytes, 1) // chunk, 1) * chunk
        inner = tuple(slice(0, n) for n in source.inner)
        while start < stop:
            end = min((start // step + 1) * step, stop)
            values = source.read((slice(start, end), *inner))
            self.put(values if change is None else change(values, start))
            self.coded += end - start
            start = end

    def _copy(self, source: Reader, start: int, stop: int) -> None:
        """Copy whole chunks; both datasets have a chunk that begins here."""
        stream = self.stream
        shift = stream.count - start
        stream.pass_over(stop - start)
        chunks = source.chunk_map()
        copy_chunks(chunks, start, stop, stream.dataset_id, stream.name, stream.sums, shift)
        self.copied += stop - start
