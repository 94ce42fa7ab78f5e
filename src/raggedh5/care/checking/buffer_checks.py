"""Checks of one dataset, chunk by chunk: that it reads, and that its values make sense."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.care.checking.findings import Findings
from raggedh5.care.checking.jobs import Job
from raggedh5.store.damage import PROBLEMS
from raggedh5.store.facts import Facts
from raggedh5.store.filters import missing_filters
from raggedh5.store.handle import Handle
from raggedh5.store.pieces import Piece, Pieces
from raggedh5.store.walk import attributes

__all__ = [
    "BufferCheck",
    "CodeCheck",
    "FiniteCheck",
    "OffsetCheck",
    "finite_reason",
    "open_pieces",
    "values_check",
]

Array = NDArray[Any]


@dataclass
class BufferCheck:
    """A dataset whose chunks only have to read.

    Parameters
    ----------
    pieces
        The dataset.
    findings
        Where errors go.
    done
        Called with the stored bytes of every piece that was looked at.
    """

    pieces: Pieces
    findings: Findings
    done: Callable[[int], None]
    bad_chunks: set[int] = field(default_factory=set)

    @property
    def name(self) -> str:
        """Path of the dataset."""
        return self.pieces.facts.name

    def jobs(self) -> Iterator[Job]:
        """Go through the checks of all pieces."""
        for missing in self.pieces.missing():
            row = missing.box[0].start
            self.findings.error(
                self.name,
                "chunk",
                f"{self.name}: chunk {missing.chunks.start} was written, but is not in the file",
                row,
            )
        missing_filter = self._without_filter()
        for piece in self.pieces.all():
            if missing_filter:
                yield lambda piece=piece: self._verify(piece)  # type: ignore[misc]
            else:
                yield lambda piece=piece: self._check(piece)  # type: ignore[misc]

    def finish(self) -> None:
        """Check what can only be seen once all pieces have been looked at."""

    def look_at(self, values: Array, start: int) -> None:
        """Check values that could be read, of the rows from `start` on."""

    def damaged(self, piece: Piece) -> list[Piece]:
        """Report the chunks of a piece that cannot be read, each once, and return them."""
        found = self.pieces.damaged(piece)
        for part, why in found:
            if part.chunks.start not in self.bad_chunks:
                self.bad_chunks.add(part.chunks.start)
                row = part.box[0].start if part.box else None
                self.findings.error(self.name, "chunk", why, row)
        return [part for part, _ in found]

    def _check(self, piece: Piece) -> None:
        start = piece.box[0].start if piece.box else 0
        try:
            self.look_at(self.pieces.read(piece), start)
        except PROBLEMS:
            bad = {part.chunks.start for part in self.damaged(piece)}
            for number in piece.chunks if self.pieces.map is not None else ():
                if number not in bad:
                    part = self.pieces.chunk(number)
                    self.look_at(self.pieces.read(part), part.box[0].start)
        self._count(piece)

    def _without_filter(self) -> bool:
        """Report, once, a filter without which no chunk can be decoded."""
        facts = self.pieces.facts
        missing = missing_filters(facts.pipeline) if self.pieces.reader.codec is None else []
        if missing:
            self.findings.error(
                self.name,
                "filter",
                f"{self.name}: HDF5 filter {missing[0]} is not available here, so what it holds "
                "was not checked; install the plugin that has it",
            )
        return bool(missing)

    def _verify(self, piece: Piece) -> None:
        """Compare the checksums of chunks that cannot be decoded."""
        for number in piece.chunks:
            try:
                if self.pieces.map is not None:
                    self.pieces.map.fetch(number)
            except PROBLEMS as error:
                row = self.pieces.chunk(number).box[0].start
                self.findings.error(self.name, "chunk", str(error), row)
        self._count(piece)

    def _count(self, piece: Piece) -> None:
        chunk_map = self.pieces.map
        if chunk_map is not None:
            self.done(int(chunk_map.stored[piece.chunks.start : piece.chunks.stop].sum()))
        else:
            self.done(self.pieces.nbytes * _rows(piece) // max(_rows(self.pieces.whole()), 1))


@dataclass
class FiniteCheck(BufferCheck):
    """Numbers that must be neither NaN nor infinite, up to row `stop`.

    Attributes
    ----------
    why
        Who says so.
    missing
        Says which of a range of items are missing, and so may be anything; None where none is.
    """

    stop: int = 0
    why: str = ""
    missing: Callable[[int, int], Array] | None = None

    def look_at(self, values: Array, start: int) -> None:
        """See `BufferCheck`."""
        if start >= self.stop:
            return
        fine = np.isfinite(values[: self.stop - start])
        if not fine.all() and self.missing is not None:
            try:
                absent = self.missing(start, start + len(fine))
            except PROBLEMS:  # which its own check reports
                return
            fine |= absent.reshape(-1, *(1,) * (fine.ndim - 1))
        if not fine.all():
            row = start + int(np.argwhere(~fine)[0][0])
            self.findings.error(
                self.name, "finite", f"{self.name}: item {row} is not finite, {self.why}", row
            )


@dataclass
class CodeCheck(BufferCheck):
    """Indices into a dictionary of `categories` strings, up to row `stop`."""

    stop: int = 0
    categories: int = 0
    nullable: bool = False

    def look_at(self, values: Array, start: int) -> None:
        """See `BufferCheck`."""
        codes = values[: max(self.stop - start, 0)]
        least = -1 if self.nullable else 0
        if codes.size and not (codes.min() >= least and codes.max() < self.categories):
            at = int(((codes < least) | (codes >= self.categories)).argmax())
            self._wrong(start + at, int(codes[at]))

    def finish(self) -> None:
        """Check what was never stored, and so is the fill value."""
        for start in self.pieces.unstored(self.stop):
            fill = int(self.pieces.facts.dataset.fillvalue)
            if not (-1 if self.nullable else 0) <= fill < self.categories:
                self._wrong(start, fill)

    def _wrong(self, item: int, code: int) -> None:
        self.findings.error(
            self.name,
            "codes",
            f"{self.name}: item {item}: code {code}, but there are {self.categories} categories",
            item,
        )


@dataclass
class OffsetCheck(BufferCheck):
    """Offsets that start at 0, never fall, and lead to no value beyond `values`.

    Attributes
    ----------
    count
        How many of them are in use, None for all.
    values
        How many values there are to lead to.
    """

    count: int | None = None
    values: int = 0
    ends: dict[int, tuple[int, int, int]] = field(default_factory=dict)

    def look_at(self, values: Array, start: int) -> None:
        """See `BufferCheck`."""
        offsets = values if self.count is None else values[: max(self.count - start, 0)]
        if not len(offsets):
            return
        self.ends[start] = len(offsets), int(offsets[0]), int(offsets[-1])
        falls = offsets[1:] < offsets[:-1]
        if falls.any():
            at = start + int(falls.argmax())
            self._wrong(at, "the offsets fall")

    def finish(self) -> None:
        """Check them from chunk to chunk, the first and the last."""
        stop = self.pieces.shape[0] if self.count is None else self.count
        for start in self.pieces.unstored(stop):
            fill = int(self.pieces.facts.dataset.fillvalue)
            self.ends[start] = 1, fill, fill
        before = 0
        for start in sorted(self.ends):
            _, first, last = self.ends[start]
            if start == 0 and first != 0:
                self._wrong(0, f"offsets start at {first}, not at 0")
            elif first < before:
                self._wrong(max(start - 1, 0), "the offsets fall")
            if last > self.values or first < 0:
                self._wrong(
                    start, f"offsets lead to item {max(first, last)}, but there are {self.values}"
                )
            before = last

    def _wrong(self, row: int, what: str) -> None:
        self.findings.error(self.name, "offsets", f"{self.name}: row {row}: {what}", row)


def open_pieces(handle: Handle, facts: Facts, findings: Findings) -> Pieces | None:
    """Open a dataset to be read piece by piece; report what its metadata have wrong.

    Returns
    -------
    Pieces or None
        None where it cannot be read.
    """
    name = facts.name
    try:
        pieces = Pieces(handle, facts)
    except PROBLEMS as error:
        findings.error(name, "structure", _named(name, error))
        return None
    if pieces.external:
        findings.warn(name, "external", f"{name} is kept in other files, which were not checked")
    if pieces.map is not None:
        listed, grid = len(pieces.map.sums.values), len(pieces.stored)
        if listed > grid:
            findings.error(
                name,
                "extent",
                f"{name}: checksums for {listed} chunks, but its shape {facts.shape} has {grid}",
            )
        if facts.id.get_num_chunks() != int(pieces.stored.sum()):
            findings.error(name, "extent", f"{name}: chunks lie outside of its shape, or twice")
    return pieces


def values_check(
    pieces: Pieces,
    findings: Findings,
    done: Callable[[int], None],
    stop: int,
    why: str,
    missing: Callable[[int, int], Array] | None = None,
) -> BufferCheck:
    """Return the check of numbers, which are to be finite up to row `stop` where there is a why."""
    if not why:
        return BufferCheck(pieces, findings, done)
    return FiniteCheck(pieces, findings, done, stop=stop, why=why, missing=missing)


def finite_reason(facts: Facts, asked: bool) -> str:
    """Return why the numbers of a dataset must be finite, empty where they need not."""
    if facts.dtype.kind not in "fc":
        return ""
    if bool(attributes(facts.dataset)[0].get("finite", False)):
        return "though the column says that all are"
    return "as was asked for" if asked else ""


def _rows(piece: Piece) -> int:
    return piece.box[0].stop - piece.box[0].start if piece.box else 1


def _named(name: str, error: BaseException) -> str:
    return str(error) if name in str(error) else f"{name}: {str(error) or type(error).__name__}"
