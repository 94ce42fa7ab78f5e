"""The items of a stream that neither file nor journal holds yet."""

from typing import Any

from numpy.typing import NDArray

__all__ = ["Unlogged"]

Bytes = NDArray[Any]

LARGEST = 1 << 25
"""Bytes of chunks that are remembered for a stream."""


class Unlogged:
    """Remembers where the items are that a journal has yet to get; nothing is copied.

    Parameters
    ----------
    count
        Items of the stream that are safe.
    item_bytes
        Bytes of an item.

    Attributes
    ----------
    first : int
        The first item that is not safe.
    """

    def __init__(self, count: int, item_bytes: int) -> None:
        self.first = count
        self._item_bytes = item_bytes
        self._full: list[tuple[int, Bytes]] = []
        self._held = 0
        self._at_hand = True

    def fill(self, first: int, chunk: Bytes) -> None:
        """Remember a chunk that has become full; its items stay where they are until `settle`.

        More of them than are held back from the file are of no use: then they have been stored.
        """
        self._held += chunk.nbytes
        if self._held > LARGEST:
            self.lose()
        if self._at_hand:
            self._full.append((first, chunk))

    def lose(self) -> None:
        """Take note that items went by that are not to be had again."""
        self._at_hand = False
        self._full.clear()

    def cut(self, count: int) -> None:
        """Forget items from `count` on: the batch that they came with was refused."""
        size = self._item_bytes
        self._full = [
            chunk for chunk in self._full if chunk[0] * size + chunk[1].nbytes <= count * size
        ]

    def items(self, count: int, fill: int, chunk: Bytes | None) -> list[memoryview] | None:
        """Return the bytes of items `first` to `count`, None where they are not at hand.

        Parameters
        ----------
        count
            Items of the stream.
        fill, chunk
            How many of them are in the chunk that is not full, and its bytes.
        """
        size, at, start = self._item_bytes, self.first, count - fill
        if not self._at_hand or not size:
            return None
        parts = []
        for first, full in self._full:
            if first > at:  # chunks that were stored and forgotten, or taken back, leave gaps
                return None
            part = full.data[(at - first) * size :]
            if part.nbytes:
                parts.append(part)
                at += part.nbytes // size
        if at < start:
            return None
        if at < count:
            if chunk is None:
                return None
            parts.append(chunk.data[(at - start) * size : fill * size])
        return parts

    def settle(self, count: int) -> None:
        """Take note that all items up to `count` are safe."""
        self.first = count
        self._held = 0
        self._at_hand = True
        if self._full:
            self._full.clear()
