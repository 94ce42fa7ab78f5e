"""Checks of what the values of one dataset say: numbers, codes and offsets."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.care.checking.buffer_checks import BufferCheck
from raggedh5.care.checking.findings import Findings
from raggedh5.store.damage import PROBLEMS
from raggedh5.store.facts import Facts
from raggedh5.store.pieces import Pieces
from raggedh5.store.walk import attributes

__all__ = ["CodeCheck", "FiniteCheck", "OffsetCheck", "finite_reason", "values_check"]

Array = NDArray[Any]


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
