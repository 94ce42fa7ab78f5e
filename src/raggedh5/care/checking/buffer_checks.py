"""The check of one dataset, chunk by chunk: that all of it reads."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from raggedh5.care.checking.findings import Findings
from raggedh5.care.checking.jobs import Job
from raggedh5.store.damage import PROBLEMS
from raggedh5.store.facts import Facts
from raggedh5.store.filters import missing_filters
from raggedh5.store.handle import Handle
from raggedh5.store.pieces import Piece, Pieces

__all__ = ["BufferCheck", "open_pieces"]

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


def _rows(piece: Piece) -> int:
    return piece.box[0].stop - piece.box[0].start if piece.box else 1


def _named(name: str, error: BaseException) -> str:
    return str(error) if name in str(error) else f"{name}: {str(error) or type(error).__name__}"
