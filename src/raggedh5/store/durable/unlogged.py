"""The items of a stream that neither file nor journal holds yet."""

from typing import Any, NamedTuple

from numpy.typing import NDArray

from raggedh5.store.coded import Coded

__all__ = ["NewItems", "Unlogged"]

Bytes = NDArray[Any]

MOST_CHUNKS = 1 << 12
"""Chunks of a stream that are remembered."""

MOST_KEPT = 1 << 20
"""Bytes of these, as they are stored, that are kept in memory."""


class NewItems(NamedTuple):
    """Items that a journal has yet to get.

    Attributes
    ----------
    first : int
        The first of them. Chunks may begin before it.
    chunks : list of Coded
        Chunks one behind the other that are in the file, but that nothing there leads to for good.
    raw : list of memoryview
        The bytes of the items behind these.
    """

    first: int
    chunks: list[Coded]
    raw: list[memoryview]


class _Full:
    """A chunk that has become full.

    Attributes
    ----------
    first, stop : int
        Its items.
    data : ndarray or None
        Its bytes before it is coded, where they are at hand.
    coded : Coded or None
        Where it is in the file.
    """

    __slots__ = ("coded", "data", "first", "stop")

    def __init__(self, first: int, stop: int, data: Bytes | None) -> None:
        self.first = first
        self.stop = stop
        self.data = data
        self.coded: Coded | None = None


class Unlogged:
    """Remembers where the items are that a journal has yet to get; nothing is copied.

    Parameters
    ----------
    count
        Items of the stream that are safe.
    item_bytes, length
        Bytes of an item, and items of a chunk.

    Attributes
    ----------
    first : int
        The first item that is not safe.
    """

    def __init__(self, count: int, item_bytes: int, length: int) -> None:
        self.first = count
        self._item_bytes = item_bytes
        self._length = length
        self._full: dict[int, _Full] = {}
        self._at_hand = True
        self._kept = 0

    def fill(self, first: int, data: Bytes | None) -> None:
        """Remember a chunk that has become full.

        Its bytes, if they are given, stay where they are until it has been stored, or `settle`.
        """
        if len(self._full) >= MOST_CHUNKS:
            self.lose()
        if self._at_hand:
            self._full[first] = _Full(first, first + self._length, data)

    def stored(self, first: int, coded: Coded | None) -> None:
        """Take note that the chunk with this first item is in the file."""
        chunk = self._full.get(first)
        if chunk is None:
            return
        if coded is not None and coded.raw is not None:
            self._kept += coded.size
            if self._kept > MOST_KEPT:
                coded = coded._replace(raw=None)
        chunk.data, chunk.coded = None, coded

    def lose(self) -> None:
        """Take note that items went by that are not to be had again."""
        self._at_hand = False
        self._full.clear()

    def cut(self, count: int) -> None:
        """Forget items from `count` on: their batch was refused, or they were cut off."""
        self.first = min(self.first, count)
        self._full = {n: chunk for n, chunk in self._full.items() if chunk.stop <= count}

    def items(self, stop: int, count: int, fill: int, chunk: Bytes | None) -> NewItems | None:
        """Return the items up to `stop` that are not safe, None where they are not at hand.

        Parameters
        ----------
        stop
            How many items are to be safe.
        count
            Items of the stream.
        fill, chunk
            How many of them are in the chunk that is not full, and its bytes.
        """
        size, at = self._item_bytes, self.first
        if not self._at_hand or not size:
            return None
        new = NewItems(at, [], [])
        for full in self._full.values():
            if at >= stop:
                break
            if full.first > at:  # chunks that were taken back leave gaps
                return None
            if full.coded is not None and not new.raw and full.stop <= stop:
                new.chunks.append(full.coded)
            elif full.data is not None:
                new.raw.append(
                    full.data.data[(at - full.first) * size : (stop - full.first) * size]
                )
            else:
                return None
            at = min(full.stop, stop)
        if at < stop:
            start = count - fill
            if chunk is None or at < start:
                return None
            new.raw.append(chunk.data[(at - start) * size : (stop - start) * size])
        return new

    def settle(self, stop: int) -> None:
        """Take note that all items up to `stop` are safe."""
        self.first = stop
        self._at_hand = True
        self._kept = 0
        if self._full:
            self._full = {n: chunk for n, chunk in self._full.items() if chunk.stop > stop}
