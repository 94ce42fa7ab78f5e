"""Checks of strings: that each is UTF-8 by itself, and that no two of a dictionary are the same."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from raggedh5.care.checking.findings import Findings
from raggedh5.care.checking.jobs import Job
from raggedh5.core.string_decode import decode, find_not_utf8
from raggedh5.store.damage import PROBLEMS
from raggedh5.store.pieces import Piece, Pieces

__all__ = ["StringCheck"]

RUN = 1 << 22
"""Bytes of strings that are looked at in one go."""


@dataclass
class StringCheck:
    """Strings: offsets into UTF-8 bytes.

    Parameters
    ----------
    offsets, data
        Both datasets. Their chunks, and whether the offsets fall, are looked at elsewhere: what
        cannot be read is passed over here.
    findings
        Where errors go.
    count
        How many strings there are.
    distinct
        Whether they are those of a dictionary, and should be all different.
    """

    offsets: Pieces
    data: Pieces
    findings: Findings
    count: int
    distinct: bool = False
    hashes: dict[int, NDArray[np.int64]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Path of the bytes."""
        return self.data.facts.name

    def jobs(self) -> Iterator[Job]:
        """Go through the checks of all pieces of the offsets."""
        for piece in self.offsets.all():
            if piece.box[0].start < self.count:
                yield lambda piece=piece: self._check(piece)  # type: ignore[misc]

    def finish(self) -> None:
        """Look for strings that a dictionary has twice."""
        if not self.distinct or not self.hashes:
            return
        starts = sorted(self.hashes)
        rows = np.concatenate([s + np.arange(len(self.hashes[s])) for s in starts])
        hashes = np.concatenate([self.hashes[start] for start in starts])
        order = np.argsort(hashes, kind="stable")
        same = np.flatnonzero(np.diff(hashes[order]) == 0)
        for at in same.tolist()[: 1 << 10]:
            first, again = int(rows[order[at]]), int(rows[order[at + 1]])
            if self._text(first) == self._text(again):
                name = self.offsets.facts.name
                self.findings.warn(
                    name,
                    "twice",
                    f"{name}: string {again} is the same as string {first}; nothing can be "
                    "appended to such a dictionary",
                    again,
                )

    def _check(self, piece: Piece) -> None:
        start, stop = piece.box[0].start, min(piece.box[0].stop, self.count)
        try:
            # One more than there are strings: where the last of them ends.
            bounds = self.offsets.reader.read((slice(start, stop + 1),)).astype(np.int64)
        except PROBLEMS:
            return
        if bounds[0] < 0 or (np.diff(bounds) < 0).any() or bounds[-1] > self.data.shape[0]:
            return
        self._each_run(start, bounds, self.look_at)
        if self.distinct:
            self._each_run(start, bounds, self._hash)

    def _each_run(
        self,
        start: int,
        bounds: NDArray[np.int64],
        look: Callable[[int, NDArray[np.uint8], NDArray[np.int64]], None],
    ) -> None:
        low = 0
        while low < len(bounds) - 1:
            high = int(np.searchsorted(bounds, bounds[low] + RUN, side="right")) - 1
            high = min(max(high, low + 1), len(bounds) - 1)
            try:
                data = self.data.reader.read((slice(int(bounds[low]), int(bounds[high])),))
                look(start + low, data, bounds[low : high + 1] - bounds[low])
            except PROBLEMS:  # which the check of the bytes reports
                pass
            low = high

    def look_at(self, first: int, data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> None:
        """Check strings that could be read; `first` is the number of the first one."""
        bad = find_not_utf8(data, offsets)
        if bad >= 0:
            name = self.data.facts.name
            self.findings.error(
                name, "UTF-8", f"{name}: string {first + bad}: not UTF-8", first + bad
            )

    def _hash(self, first: int, data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> None:
        # Random for every process, so that no file can be made up of strings that collide.
        self.hashes[first] = np.array([hash(text) for text in decode(data, offsets)], np.int64)

    def _text(self, row: int) -> bytes:
        first, last = self.offsets.reader.read((slice(row, row + 2),)).astype(np.int64).tolist()
        return bytes(self.data.reader.read((slice(first, last),)))
