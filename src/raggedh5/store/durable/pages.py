"""Pages of a file, as they were and as they are to be: what a commit changes."""

import itertools
import os
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from raggedh5.errors import FormatError
from raggedh5.store.durable.descriptors import pread_all, pwrite_all
from raggedh5.store.superblock import without_marks

__all__ = ["PAGE", "SECTOR", "Pages", "read_page", "read_pages", "runs_of", "sector_sums"]

PAGE = 4096
SECTOR = 512
"""Bytes that a disk writes as a whole, or not at all."""

_SECTORS = PAGE // SECTOR
_STEP = np.uint64(0x9E3779B97F4A7C15)
_FACTORS = (np.arange(1, SECTOR // 8 + 1, dtype=np.uint64) * _STEP) | np.uint64(1)


class Pages:
    """Pages of a file, as they were and as they are to be.

    Attributes
    ----------
    end : int
        Length of the file.
    numbers : ndarray of int64, shape (pages,)
        Which pages, counted from the start of the file.
    before : ndarray of uint64, shape (pages, 8)
        Checksums of their sectors as they were.
    content : ndarray of uint8, shape (pages, 4096)
        What is to be in them.
    """

    def __init__(
        self,
        end: int,
        numbers: NDArray[np.int64],
        before: NDArray[np.uint64],
        content: NDArray[np.uint8],
    ) -> None:
        self.end = end
        self.numbers = numbers
        self.before = before
        self.content = content

    @classmethod
    def parse(cls, record: bytes) -> "Pages":
        """Read what `pieces` made.

        Raises
        ------
        FormatError
            If it makes no sense.
        """
        count, rest = divmod(len(record) - 16, 8 + 8 * _SECTORS + PAGE)
        if rest or count < 0 or int.from_bytes(record[8:16], "little") != count:
            raise FormatError("the journal holds pages that cannot be read")
        end = int.from_bytes(record[:8], "little", signed=True)
        numbers = np.frombuffer(record, "<i8", count, 16)
        before = np.frombuffer(record, "<u8", count * _SECTORS, 16 + 8 * count)
        content = np.frombuffer(record, np.uint8, count * PAGE, 16 + 8 * count * (1 + _SECTORS))
        rising = not count or (numbers[0] >= 0 and bool((np.diff(numbers) > 0).all()))
        if not rising or end < 0 or (count and numbers[-1] * PAGE >= end):
            raise FormatError("the journal holds pages that cannot be placed")
        return cls(end, numbers, before.reshape(count, _SECTORS), content.reshape(count, PAGE))

    def pieces(self) -> list[memoryview]:
        """Return these pages as a record: end and count, numbers, checksums, content."""
        head = np.array([self.end, len(self.numbers)], "<i8")
        parts = (head, self.numbers, self.before.reshape(-1), self.content.reshape(-1))
        return [part.data.cast("B") if part.size else memoryview(b"") for part in parts]

    def clear_marks(self) -> None:
        """Take away the mark that HDF5 leaves in a file while it is open for writing."""
        if len(self.numbers) and self.numbers[0] == 0:
            head = without_marks(self.content[0].tobytes())
            self.content[0] = np.frombuffer(head, np.uint8)

    def stranger(self, descriptor: int) -> int | None:
        """Return the address of a sector that is neither as before nor as after, None for none.

        There is such a one in a file that these pages were not made for.
        """
        sums = sector_sums(read_pages(descriptor, self.numbers.tolist()))
        strange = np.argwhere((sums != self.before) & (sums != sector_sums(self.content)))
        if not len(strange):
            return None
        page, sector = strange[0].tolist()
        return int(self.numbers[page]) * PAGE + int(sector) * SECTOR

    def apply(self, descriptor: int, sync: Callable[[], None] | None = None) -> None:
        """Write the pages to their places, and make the file as long as it is to be.

        `sync`, if given, sees to it that what was written is on the disk before the file is cut:
        half a sector as it was, and the rest cut off, would be neither as it was nor as it is.
        """
        cut = os.fstat(descriptor).st_size > self.end
        at = 0
        for first, last in runs_of(self.numbers.tolist()):
            # Whole pages, also at the end: half a sector would be neither as it was nor as it is.
            raw = self.content[at : at + last - first].reshape(-1)
            pwrite_all(descriptor, [raw], first * PAGE)
            at += last - first
        if cut and sync is not None:
            sync()
        if os.fstat(descriptor).st_size != self.end:
            os.ftruncate(descriptor, self.end)


def runs_of(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Go through numbers that follow each other: the first, and the one behind the last."""
    breaks = (np.flatnonzero(np.diff(numbers) != 1) + 1).tolist() if numbers else []
    for start, stop in itertools.pairwise([0, *breaks, len(numbers)]):
        if stop > start:
            yield numbers[start], numbers[stop - 1] + 1


def read_page(descriptor: int, number: int) -> bytearray:
    """Read a page, filled up with zeros behind the end of the file."""
    page = bytearray(PAGE)
    raw = pread_all(descriptor, PAGE, number * PAGE)
    page[: len(raw)] = raw
    return page


def read_pages(descriptor: int, numbers: list[int]) -> NDArray[np.uint8]:
    """Read pages, shape (pages, 4096), filled up with zeros behind the end of the file.

    Parameters
    ----------
    numbers
        Which, in rising order.
    """
    pages = np.zeros((len(numbers), PAGE), np.uint8)
    at = 0
    for first, last in runs_of(numbers):
        raw = pread_all(descriptor, (last - first) * PAGE, first * PAGE)
        pages[at : at + last - first].reshape(-1)[: len(raw)] = np.frombuffer(raw, np.uint8)
        at += last - first
    return pages


def sector_sums(pages: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return a checksum of every sector, shape (pages, 8).

    They tell a page as it was from what another file has there; the record of a journal that they
    are in has a checksum of its own.
    """
    words = pages.reshape(-1, SECTOR).view("<u8")
    sums: NDArray[np.uint64] = (words * _FACTORS).sum(axis=1, dtype=np.uint64)
    return sums.reshape(-1, _SECTORS)
