"""A file for HDF5 to write to that changes only when it is told to, and then all at once.

HDF5 overwrites its metadata in place, at moments of its own choosing. Here what is there already
is never touched: pages that HDF5 writes over stay in memory, and what it appends goes to the end
of the file, where nothing leads to it yet. A commit hands out the pages, to be written elsewhere
first.
"""

import contextlib
import io
import itertools
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.errors import FormatError
from raggedh5.store.descriptors import pread_all, pwrite_all, unlock
from raggedh5.store.superblock import SIGNATURE, without_marks

__all__ = ["OTHERS", "PAGE", "SECTOR", "PagedFile", "Pages", "is_search"]

PAGE = 4096
SECTOR = 512
"""Bytes that a disk writes as a whole, or not at all."""

LARGEST_WAIT = 1 << 24
"""Bytes of small pieces that are kept before they are written out."""

DIRECT = 1 << 16
"""Bytes that are written as soon as they come, rather than kept until the next commit."""

OTHERS = "open it by its own name"

_SECTORS = PAGE // SECTOR
_FACTORS = (
    np.arange(1, SECTOR // 8 + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
) | np.uint64(1)


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

    def pieces(self) -> list[NDArray[Any]]:
        """Return these pages as a record: end and count, numbers, checksums, content."""
        head = np.array([self.end, len(self.numbers)], "<i8")
        return [head, self.numbers, self.before.reshape(-1), self.content.reshape(-1)]

    def clear_marks(self) -> None:
        """Take away the mark that HDF5 leaves in a file while it is open for writing."""
        if len(self.numbers) and self.numbers[0] == 0:
            head = without_marks(self.content[0].tobytes())
            self.content[0] = np.frombuffer(head, np.uint8)

    def stranger(self, descriptor: int) -> int | None:
        """Return the address of a sector that is neither as before nor as after, None for none.

        There is such a one in a file that these pages were not made for.
        """
        found = np.zeros_like(self.content)
        for number, page in zip(self.numbers.tolist(), found, strict=True):
            page[:] = np.frombuffer(_page(descriptor, number), np.uint8)
        sums = _sector_sums(found)
        strange = np.argwhere((sums != self.before) & (sums != _sector_sums(self.content)))
        if not len(strange):
            return None
        page, sector = strange[0].tolist()
        return int(self.numbers[page]) * PAGE + int(sector) * SECTOR

    def apply(self, descriptor: int) -> None:
        """Write the pages to their places, and make the file as long as it is to be."""
        at = 0
        for first, last in _runs(self.numbers.tolist()):
            raw = self.content[at : at + last - first].reshape(-1)
            pwrite_all(descriptor, [raw[: max(self.end - first * PAGE, 0)]], first * PAGE)
            at += last - first
        if os.fstat(descriptor).st_size != self.end:
            os.ftruncate(descriptor, self.end)


class PagedFile(io.RawIOBase):
    """What HDF5 writes to, by h5py's driver for Python's file objects.

    A write never fails for want of room: what the disk does not take stays in memory, and
    `pages` raises. So HDF5 is never left half-way.

    Parameters
    ----------
    descriptor
        The file, open for reading and writing; `release` closes it, or the end of this object.
    committed
        Bytes of it that must stay as they are until a commit.

    Attributes
    ----------
    touched : bool
        Whether anything was written since the last commit.
    end : int
        How long HDF5 takes the file to be.
    """

    def __init__(self, descriptor: int, committed: int) -> None:
        super().__init__()
        self.descriptor = descriptor
        self.touched = False
        self.end = committed
        self._at = 0
        self._fixed = _up_to_page(committed)
        self._pages: dict[int, bytearray] = {}
        self._waiting = 0
        self._owner = os.getpid()
        self._opened = False

    def opened(self) -> None:
        """Take note that HDF5 has opened the file.

        It does not look for a signature again after that. If it does, it is following a link to
        another file, which it would open by the same driver, and take this one for it.
        """
        self._opened = True

    def release(self) -> None:
        """Close the file, and let go of its lock, also in children of a fork."""
        if self.descriptor >= 0:
            if os.getpid() == self._owner:
                unlock(self.descriptor)
            os.close(self.descriptor)
            self.descriptor = -1

    def __del__(self) -> None:
        # HDF5 lets go of this last, also where the file is never closed.
        self.release()

    def readable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, and return it."""
        base = (0, self._at, self.end)[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """Return the current place."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read what HDF5 has written so far; zeros where it has written nothing."""
        view = memoryview(buffer).cast("B")
        size, address = view.nbytes, self._at
        if self._opened and is_search(address, size):
            raise OSError(f"a link to another file cannot be followed here: {OTHERS}")
        got = os.preadv(self.descriptor, [view], address) if size else 0
        while 0 < got < size:
            more = os.preadv(self.descriptor, [view[got:]], address + got)
            if not more:
                break
            got += more
        if got < size:
            view[got:] = bytes(size - got)
        for number in self._pages_within(address, size):
            start = number * PAGE
            low, high = max(address, start), min(address + size, start + PAGE)
            view[low - address : high - address] = self._pages[number][low - start : high - start]
        self._at += size
        return size

    def write(self, buffer: Any) -> int:
        """Write behind what is committed; keep in memory what is to take its place."""
        view = memoryview(buffer).cast("B")
        size, address = view.nbytes, self._at
        self._at += size
        self.touched = True
        self.end = max(self.end, address + size)
        if os.getpid() != self._owner:  # the child of a fork must not disturb its parent's file
            self._keep(address, view)
            return size
        kept = min(max(self._fixed - address, 0), size)
        if kept:
            self._keep(address, view[:kept])
        if kept < size:
            self._append(address + kept, view[kept:])
        return size

    def truncate(self, size: int | None = None) -> int:
        """Take note of how long the file is to be."""
        self.end = self._at if size is None else size
        return self.end

    def flush(self) -> None:
        """Do nothing: only a commit changes the file."""

    def pages(self) -> Pages:
        """Return the pages that a commit is to change, once all that lies behind them is written.

        Raises
        ------
        OSError
            If there is no room for what HDF5 appended.
        """
        self._write_out()
        if os.fstat(self.descriptor).st_size < self.end:
            os.ftruncate(self.descriptor, self.end)
        numbers = np.array(sorted(n for n in self._pages if n * PAGE < self.end), np.int64)
        content = np.zeros((len(numbers), PAGE), np.uint8)
        was = np.zeros_like(content)
        for at, number in enumerate(numbers.tolist()):
            content[at] = np.frombuffer(self._pages[number], np.uint8)
            os.preadv(self.descriptor, [was[at].data], number * PAGE)
        # Behind the end HDF5 has nothing, and the file will have nothing.
        if len(numbers) and int(numbers[-1] + 1) * PAGE > self.end:
            content[-1, self.end - int(numbers[-1]) * PAGE :] = 0
        return Pages(self.end, numbers, _sector_sums(was), content)

    @property
    def kept(self) -> int:
        """Bytes of pages in memory."""
        return len(self._pages) * PAGE

    def _write_out(self) -> None:
        """Write what lies behind all that is committed."""
        for first, last in _runs(sorted(n for n in self._pages if n * PAGE >= self._fixed)):
            room = max(self.end - first * PAGE, 0)
            raw = b"".join(self._pages[number] for number in range(first, last))
            pwrite_all(self.descriptor, [memoryview(raw)[:room]], first * PAGE)
            for number in range(first, last):
                del self._pages[number]

    def committed(self) -> None:
        """Go on from the file as it is after its pages were applied."""
        self._pages.clear()
        self._fixed = _up_to_page(self.end)
        self.touched = False

    def _pages_within(self, address: int, size: int) -> list[int]:
        known = self._pages
        if not known or not size:
            return []
        numbers = range(address // PAGE, (address + size - 1) // PAGE + 1)
        if len(numbers) <= len(known):
            return [number for number in numbers if number in known]
        return [number for number in known if number in numbers]

    def _keep(self, address: int, view: memoryview) -> None:
        while view.nbytes:
            number, inside = divmod(address, PAGE)
            page = self._pages.get(number)
            if page is None:
                page = self._pages[number] = _page(self.descriptor, number)
            size = min(PAGE - inside, view.nbytes)
            page[inside : inside + size] = view[:size]
            view = view[size:]
            address += size

    def _append(self, address: int, view: memoryview) -> None:
        """Write whole pages of much at once; metadata come in small pieces, and wait."""
        first = _up_to_page(address)
        last = (address + view.nbytes) // PAGE * PAGE
        if last - first < DIRECT:
            self._keep(address, view)
            self._waiting += view.nbytes
            if self._waiting > LARGEST_WAIT:
                self._waiting = 0
                with contextlib.suppress(OSError):  # no room: `pages` will try again, and say so
                    self._write_out()
            return
        self._keep(address, view[: first - address])
        self._keep(last, view[last - address :])
        whole = view[first - address : last - address]
        try:
            pwrite_all(self.descriptor, [whole], first)
        except OSError:  # no room: `pages` will try again, and say so
            self._keep(first, whole)
        else:
            for number in self._pages_within(first, last - first):
                del self._pages[number]


def is_search(address: int, size: int) -> bool:
    """Whether a read is HDF5's look for the signature at the beginning of a file."""
    return address == 0 and size == len(SIGNATURE)


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Go through numbers that follow each other: the first, and the one behind the last."""
    breaks = (np.flatnonzero(np.diff(numbers) != 1) + 1).tolist() if numbers else []
    for start, stop in itertools.pairwise([0, *breaks, len(numbers)]):
        if stop > start:
            yield numbers[start], numbers[stop - 1] + 1


def _sector_sums(pages: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return a checksum of every sector, shape (pages, 8).

    They tell a page as it was from what another file has there; the record of a journal that they
    are in has a checksum of its own.
    """
    words = pages.reshape(-1, SECTOR).view("<u8")
    sums: NDArray[np.uint64] = (words * _FACTORS).sum(axis=1, dtype=np.uint64)
    return sums.reshape(-1, _SECTORS)


def _up_to_page(size: int) -> int:
    return -(-size // PAGE) * PAGE


def _page(descriptor: int, number: int) -> bytearray:
    """Read a page, filled up with zeros behind the end of the file."""
    page = bytearray(PAGE)
    raw = pread_all(descriptor, PAGE, number * PAGE)
    page[: len(raw)] = raw
    return page
