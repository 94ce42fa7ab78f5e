"""A file for HDF5 to write to that changes only when it is told to, and then all at once.

HDF5 overwrites its metadata in place, at moments of its own choosing. Here what is there already
is never touched: pages that HDF5 writes over stay in memory, and what it appends goes to the end
of the file, where nothing leads to it yet. A commit hands out the pages, to be written elsewhere
first.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from raggedh5.core.file_object import RefusedError
from raggedh5.core.room import Room
from raggedh5.store.durable.descriptors import pwrite_all, unlock
from raggedh5.store.durable.pages import PAGE, Pages, read_page, read_pages, runs_of, sector_sums
from raggedh5.store.superblock import SIGNATURE

__all__ = ["OTHERS", "PagedFile", "is_search"]

LARGEST_WAIT = 1 << 24
"""Bytes of small pieces that are kept before they are written out."""

DIRECT = 1 << 16
"""Bytes that are written as soon as they come, rather than kept until the next commit."""

OTHERS = "open it by its own name"


class PagedFile:
    """What HDF5 writes to, by h5py's driver for Python's file objects; see `file_object`.

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
        self.descriptor = descriptor
        self.touched = False
        self.end = committed
        self._fixed = self._written = _up_to_page(committed)
        self._pages: dict[int, bytearray] = {}
        self._waiting = 0
        self._owner = os.getpid()
        self._opened = False
        self._room = Room(descriptor)

    def expect(self, size: int) -> None:
        """Take note of how many bytes of chunks will come with the next commit, at least.

        There will be more: the last chunks, which are not full, and metadata.
        """
        size += size // 4
        self._room.make(self._fixed, self._fixed + size)

    def opened(self) -> None:
        """Take note that HDF5 has opened the file.

        It does not look for a signature again after that. If it does, it is following a link to
        another file, which it would open by the same driver, and take this one for it.
        """
        self._opened = True

    def release(self) -> None:
        """Close the file, and let go of its lock, also in children of a fork."""
        if self.descriptor >= 0:
            self._room.close()
            if os.getpid() == self._owner:
                unlock(self.descriptor)
            os.close(self.descriptor)
            self.descriptor = -1

    def __del__(self) -> None:
        # HDF5 lets go of this last, also where the file is never closed.
        self.release()

    def read_at(self, address: int, buffer: Any) -> int:
        """Read what HDF5 has written so far; zeros where it has written nothing."""
        view = memoryview(buffer).cast("B")
        size = view.nbytes
        if self._opened and is_search(address, size):
            raise RefusedError(f"a link to another file cannot be followed here: {OTHERS}")
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
        return size

    def write_at(self, address: int, buffer: Any) -> int:
        """Write behind what is committed; keep in memory what is to take its place."""
        view = memoryview(buffer).cast("B")
        size = view.nbytes
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

    def truncate(self, size: int) -> None:
        """Take note of how long the file is to be."""
        self.end = size

    def pages(self) -> Pages:
        """Return the pages that a commit is to change, once all that lies behind them is written.

        Raises
        ------
        OSError
            If there is no room for what HDF5 appended.
        """
        self._room.wait()
        self._write_out()
        if os.fstat(self.descriptor).st_size < self.end:
            os.ftruncate(self.descriptor, self.end)
        numbers = sorted(n for n in self._pages if n * PAGE < self.end)
        joined = bytearray().join(self._pages[number] for number in numbers)
        content = np.frombuffer(joined, np.uint8).reshape(-1, PAGE)
        # Behind the end HDF5 has nothing, and the file will have nothing.
        if numbers and (numbers[-1] + 1) * PAGE > self.end:
            content[-1, self.end - numbers[-1] * PAGE :] = 0
        before = sector_sums(read_pages(self.descriptor, numbers))
        return Pages(self.end, np.array(numbers, np.int64), before, content)

    @property
    def kept(self) -> int:
        """Bytes of pages in memory."""
        return len(self._pages) * PAGE

    def _write_out(self) -> None:
        """Write what lies behind all that is committed."""
        for first, last in runs_of(sorted(n for n in self._pages if n * PAGE >= self._fixed)):
            room = max(self.end - first * PAGE, 0)
            raw = b"".join(self._pages[number] for number in range(first, last))
            self._written = max(self._written, last * PAGE)
            pwrite_all(self.descriptor, [memoryview(raw)[:room]], first * PAGE)
            for number in range(first, last):
                del self._pages[number]

    def committed(self) -> None:
        """Go on from the file as it is after its pages were applied."""
        self._pages.clear()
        self._fixed = self._written = _up_to_page(self.end)
        self._room.begin()
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
            size = min(PAGE - inside, view.nbytes)
            if size == PAGE:
                self._pages[number] = bytearray(view[:PAGE])
            else:
                page = self._pages.get(number)
                if page is None:
                    page = self._pages[number] = self._as_it_is(number)
                page[inside : inside + size] = view[:size]
            view = view[size:]
            address += size

    def _as_it_is(self, number: int) -> bytearray:
        """Return a page as it is in the file: of zeros behind all that was written to it."""
        if number * PAGE >= self._written:
            return bytearray(PAGE)
        return read_page(self.descriptor, number)

    def _append(self, address: int, view: memoryview) -> None:
        """Write whole pages of much at once; metadata come in small pieces, and wait."""
        first = _up_to_page(address)
        last = (address + view.nbytes) // PAGE * PAGE
        if last - first < DIRECT:
            self._keep(address, view)
            self._waiting += view.nbytes
            if self._waiting > LARGEST_WAIT:
                self._waiting = 0
                with _without_room():
                    self._write_out()
            return
        self._keep(address, view[: first - address])
        self._keep(last, view[last - address :])
        whole = view[first - address : last - address]
        self._written = max(self._written, last)  # also if only some of it is
        written = False
        with _without_room():
            written = bool(pwrite_all(self.descriptor, [whole], first))
        if not written:
            self._keep(first, whole)
            return
        for number in self._pages_within(first, last - first):
            del self._pages[number]


@contextlib.contextmanager
def _without_room() -> Iterator[None]:
    """Let it pass that the system cannot write: `pages` will try again, and say so.

    What is no error of the system was raised by the handler of a signal.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise


def is_search(address: int, size: int) -> bool:
    """Whether a read is HDF5's look for the signature at the beginning of a file."""
    return address == 0 and size == len(SIGNATURE)


def _up_to_page(size: int) -> int:
    return -(-size // PAGE) * PAGE
