"""What the items of each row are together, row by row."""

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from raggedh5.care.organising.composition import formula
from raggedh5.care.organising.keys import Key
from raggedh5.care.organising.numbering import LIMIT, Numbering
from raggedh5.care.work import PIECE, Work
from raggedh5.core.dictionary import Dictionary
from raggedh5.errors import SchemaError
from raggedh5.store.items import ItemReader

__all__ = ["compositions"]

ITEMS = 1 << 20
"""Items that are counted together."""

Codes = NDArray[np.int64]


def compositions(items: ItemReader, key: Key, work: Work) -> Iterator[list[str]]:
    """Go through the rows, several at once, with the formula of each.

    Raises
    ------
    SchemaError
        If there are too many different strings.
    """
    column = key.column
    symbols = _Symbols(items, key)
    most = max(1, min(ITEMS, int(PIECE / items.item_bytes(column))))
    known: dict[bytes, str] = {}
    for first in range(0, items.rows, ITEMS):
        bounds = items.bounds(first, min(first + ITEMS, items.rows))
        row = 0
        while row < len(bounds) - 1:
            stop = int(np.searchsorted(bounds, bounds[row] + most, "right")) - 1
            stop = min(max(stop, row + 1), len(bounds) - 1)
            texts = []
            for counted in _counted(symbols.read, bounds[row : stop + 1], most):
                text = known.get(counted)
                if text is None:
                    if len(known) > LIMIT:
                        raise Numbering(key.text).too_many()
                    text = known[counted] = _formula(counted, symbols.names)
                texts.append(text)
            yield texts
            work.advance(stop - row)
            row = stop


class _Symbols:
    """Reads the strings of a column as numbers, from 1 on, and 0 where one is missing."""

    def __init__(self, items: ItemReader, key: Key) -> None:
        self._items = items
        self._key = key
        self._strings = Dictionary(limit=LIMIT)
        self._names: list[str] = []
        self._stored = bool(items.column(key.column).dictionary)
        if self._stored:
            self._names = items.categories(key.column).tolist()

    @property
    def names(self) -> list[str]:
        """The strings; the first has the number 1."""
        if not self._stored and len(self._names) < len(self._strings):
            self._names = self._strings.categories
        return self._names

    def read(self, start: int, stop: int) -> Codes:
        """Return the numbers of items start:stop."""
        column = self._key.column
        if self._stored:
            return self._items.codes(column, start, stop).astype(np.int64) + 1
        values = self._items.read(column, start, stop)
        try:
            return self._strings.encode(values, nullable=True).astype(np.int64) + 1
        except SchemaError as error:
            raise SchemaError(
                f"/{self._key.name}: column {column!r} has more than {LIMIT:,} different strings, "
                "too many to make compositions of"
            ) from error


def _counted(read: Callable[[int, int], Codes], bounds: Codes, most: int) -> Iterator[bytes]:
    """Go through rows with pairs of a number and how often it is there, as bytes of int64."""
    start, stop = int(bounds[0]), int(bounds[-1])
    if stop - start > most:  # a single large row
        total: Counter[int] = Counter()
        for at in range(start, stop, most):
            found, counts = np.unique(read(at, min(at + most, stop)), return_counts=True)
            total.update(dict(zip(found.tolist(), counts.tolist(), strict=True)))
        yield np.array(sorted(total.items()), np.int64).tobytes()
        return
    codes = read(start, stop)
    size = int(codes.max(initial=0)) + 1
    rows = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    found, counts = np.unique(rows * size + codes, return_counts=True)
    pairs = np.stack([found % size, counts], axis=1).astype(np.int64).tobytes()
    ends = np.searchsorted(found // size, np.arange(len(bounds)))
    for first, last in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        yield pairs[16 * first : 16 * last]


def _formula(counted: bytes, names: list[str]) -> str:
    # Categories of a file made elsewhere may repeat themselves.
    total: Counter[str | None] = Counter()
    for code, count in np.frombuffer(counted, np.int64).reshape(-1, 2).tolist():
        total[names[code - 1] if code else None] += count
    return formula(total)
