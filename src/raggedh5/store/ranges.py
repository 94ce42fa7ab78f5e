"""Runs of items along axis 0 of one dataset, as rows of a table are: the rest stays coded.

A run is usually far shorter than a chunk. Blosc chunks are made of blocks that decode on their own;
those that a run touches are decoded, and kept for a while.
"""

import math
import threading
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.blocks import BlockReader
from raggedh5.core.chunk_codecs import BloscChunks
from raggedh5.store.chunkmap import ChunkMap
from raggedh5.store.reader import Reader

__all__ = ["RangeReader"]

Array = NDArray[Any]
Indices = NDArray[np.int64]

PARTIAL = 4
"""Where less than 1/PARTIAL of a chunk is wanted, its blocks are decoded one by one."""


class RangeReader:
    """Reads runs of items of a dataset; several threads may share it.

    Parameters
    ----------
    reader
        Reads what is better read otherwise: long runs, other codecs, other layouts.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        handle = reader.handle
        self._handle = handle
        self._descriptor = -1 if handle.descriptor is None else handle.descriptor
        self._inner = reader.inner
        self._length = reader.chunks[0] if reader.chunks else 0
        # Whether a chunk holds whole items, and is decoded here.
        self._whole = bool(reader.codec and reader.chunks and reader.chunks[1:] == self._inner)
        self._by_blocks = (
            self._whole and handle.descriptor is not None and isinstance(reader.codec, BloscChunks)
        )
        self._few = self._length // PARTIAL if self._by_blocks else 0
        self._like = np.empty((0, *self._inner), reader.dtype)
        # What has been verified and found ready stays so.
        self._steady = handle.verify != "always" and not handle.changing
        self._share = 0
        self._parts: dict[int, RangeReader] = {}
        self._making = threading.Lock()
        self._blocks: BlockReader | None = None
        self._blocks_of: ChunkMap | None = None

    def span(self, start: int, stop: int) -> Array:
        """Return items start:stop, shape (stop - start, *inner); quickest where these are few."""
        if 0 < stop - start <= self._few:
            blocks = self._blocks
            if blocks is not None and self._steady:
                items = blocks.items(self._descriptor, self._like, start, stop)
                if items is not None:
                    return items
            items = self.reader.steadily(
                self.reader.chunk_map(), partial(self._items, start=start, stop=stop)
            )
            if items is not None:
                return items
        virtual = self.reader.virtual
        if virtual is not None and start < stop:
            pieces = virtual.pieces(start, stop)
            part, first = pieces[0].reader, pieces[0].first
            if len(pieces) == 1 and part is not None and part.dtype == self.reader.dtype:
                return self._part(part).span(first, first + stop - start)
        return self.reader.read((slice(start, stop), *(slice(0, n) for n in self._inner)))

    def copy(self, starts: Indices, stops: Indices, out: Array, places: Indices) -> None:
        """Copy items ``starts[i]:stops[i]`` to `out`, from its item places[i] on.

        Parameters
        ----------
        starts, stops
            Item ranges within the dataset, stops not below starts; shape (n,).
        out
            C-contiguous, of the dataset's dtype and inner shape behind any first axes.
        places
            Where range i goes, counted in items; shape (n,).
        """
        axes = out.ndim - len(self._inner)
        flat = out.reshape(math.prod(out.shape[:axes]), *self._inner)  # one may be empty
        if not self._whole:
            self._copy_spans(starts, stops, flat, places)
            return
        number, start, stop, place = _split(starts, stops, places, self._length)
        if not len(number):
            return

        def read(chunk_map: ChunkMap) -> None:
            blocks = self._blocks_in(chunk_map)
            if blocks is None or not self._make_ready(chunk_map, blocks, number):
                chunk_map.verify(number)
                self._copy_from_whole(chunk_map, number, start, stop, place, flat)
                return
            itembytes = self.reader.itembytes
            bad = blocks.read(self._descriptor, number, start, stop, place, itembytes, out)
            if bad is not None:
                raise chunk_map.damaged(bad)

        self.reader.steadily(self.reader.chunk_map(), read)

    def _part(self, reader: Reader) -> "RangeReader":
        """Return what reads runs of a source of this dataset, which is virtual."""
        found = self._parts.get(id(reader))
        if found is None:
            found = self._parts[id(reader)] = RangeReader(reader)
        return found

    def _items(self, chunk_map: ChunkMap, start: int, stop: int) -> Array | None:
        """Return items start:stop by blocks, None where that cannot be."""
        blocks = self._blocks_in(chunk_map)
        number = np.array([start // self._length])
        if blocks is None or not self._make_ready(chunk_map, blocks, number):
            return None
        return blocks.items(self._descriptor, self._like, start, stop)

    def _blocks_in(self, chunk_map: ChunkMap) -> BlockReader | None:
        """Return the blocks of the chunks of a map, None where they are not read by blocks."""
        if not self._by_blocks:
            return None
        with self._making:
            blocks = self._blocks
            if blocks is None or self._blocks_of is not chunk_map:
                if not self._share:
                    self._share = self._handle.cache_share(self)
                blocks = BlockReader(
                    chunk_map.nbytes,
                    chunk_map.address,
                    chunk_map.stored,
                    chunk_map.mask,
                    self._share,
                )
                self._blocks, self._blocks_of = blocks, chunk_map
            return blocks

    def _make_ready(self, chunk_map: ChunkMap, blocks: BlockReader, numbers: Indices) -> bool:
        """Verify chunks, and see whether all of them can be read by blocks."""
        if self._handle.verify == "always":
            chunk_map.verify(numbers)
        unknown = numbers[~blocks.ready[numbers]]
        if len(unknown) == 0:
            return True
        chunk_map.verify(unknown)
        return all(
            blocks.learn(self._descriptor, number) for number in dict.fromkeys(unknown.tolist())
        )

    def _copy_spans(self, starts: Indices, stops: Indices, flat: Array, places: Indices) -> None:
        for start, stop, place in zip(starts, stops, places, strict=True):
            if stop > start:
                flat[place : place + stop - start] = self.span(int(start), int(stop))

    def _copy_from_whole(
        self,
        chunk_map: ChunkMap,
        number: Indices,
        start: Indices,
        stop: Indices,
        place: Indices,
        flat: Array,
    ) -> None:
        """Serve ranges from chunks decoded whole, one after the other."""
        order = np.argsort(number, kind="stable")
        decoded = np.empty(chunk_map.nbytes, np.uint8)
        items = decoded.view(self.reader.dtype).reshape(chunk_map.chunks)
        last = -1
        for i in order.tolist():
            if number[i] != last:
                last = int(number[i])
                self.reader.decode(chunk_map, last, decoded)
            flat[place[i] : place[i] + stop[i] - start[i]] = items[start[i] : stop[i]]


def _split(
    starts: Indices, stops: Indices, places: Indices, length: int
) -> tuple[Indices, Indices, Indices, Indices]:
    """Cut ranges at chunk borders: chunk number, start and stop in the chunk, and place."""
    some = stops > starts
    if not some.all():  # an empty range at the very end lies in no chunk
        starts, stops, places = starts[some], stops[some], places[some]
    first = starts // length
    last = np.maximum(stops - 1, starts) // length
    if (first == last).all():
        base = first * length
        return first, starts - base, stops - base, places
    spans = last - first + 1
    which = np.repeat(np.arange(len(starts)), spans)
    ordinal = np.arange(len(which)) - np.repeat(np.cumsum(spans) - spans, spans)
    number = first[which] + ordinal
    base = number * length
    start = np.maximum(starts[which], base)
    stop = np.minimum(stops[which], base + length)
    place = np.asarray(places[which] + (start - starts[which]), np.int64)
    return number, start - base, stop - base, place
