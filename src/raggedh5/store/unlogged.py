"""The items of a stream that neither file nor journal holds yet."""

from typing import Any

from numpy.typing import NDArray

__all__ = ["Unlogged"]

Items = NDArray[Any]


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
        self._at_hand = True

    def fill(self, first: int, items: Items) -> None:
        """Remember a chunk that has become full; its items stay where they are until `settle`."""
        self._full.append((first, items))

    def lose(self) -> None:
        """Take note that items went by that are not to be had again."""
        self._at_hand = False

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
        whole = self._at_hand and sum(map(len, parts)) == count - self.first
        return parts if whole else None

    def settle(self, count: int) -> None:
        """Take note that all items up to `count` are safe."""
        self.first = count
        self._full.clear()
        self._at_hand = True
