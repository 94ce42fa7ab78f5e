"""The items of a stream that neither file nor journal holds yet."""

from typing import Any

from numpy.typing import NDArray

__all__ = ["Unlogged"]

Items = NDArray[Any]

LARGEST = 1 << 25
"""Bytes of chunks that are remembered for a stream."""


class Unlogged:
    """Remembers where the items are that a journal has yet to get; nothing is copied.

    Parameters
    ----------
    count
        Items of the stream that are safe.

    Attributes
    ----------
    first : int
        The first item that is not safe.
    """

    def __init__(self, count: int) -> None:
        self.first = count
        self._full: list[tuple[int, Items]] = []
        self._held = 0
        self._at_hand = True

    def fill(self, first: int, items: Items) -> None:
        """Remember a chunk that has become full; its items stay where they are until `settle`.

        More of them than are held back from the file are of no use: then they have been stored.
        """
        self._held += items.nbytes
        if self._held > LARGEST:
            self.lose()
        if self._at_hand:
            self._full.append((first, items))

    def lose(self) -> None:
        """Take note that items went by that are not to be had again."""
        self._at_hand = False
        self._full.clear()

    def cut(self, count: int) -> None:
        """Forget items from `count` on: the batch that they came with was refused."""
        self._full = [(first, items) for first, items in self._full if first + len(items) <= count]

    def items(self, count: int, tail: Items) -> list[Items] | None:
        """Return the items that are not safe, None where they are not at hand.

        Parameters
        ----------
        count
            Items of the stream.
        tail
            The last of them, those of the chunk that is not full.
        """
        parts = []
        for first, items in [*self._full, (count - len(tail), tail)]:
            part = items[max(self.first - first, 0) :]
            if len(part):
                parts.append(part)
        # Chunks that were stored and forgotten, or taken back, leave gaps.
        whole = self._at_hand and sum(map(len, parts)) == count - self.first
        return parts if whole else None

    def settle(self, count: int) -> None:
        """Take note that all items up to `count` are safe."""
        self.first = count
        self._full.clear()
        self._held = 0
        self._at_hand = True
