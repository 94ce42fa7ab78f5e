"""A file for HDF5 to write to that changes only when it is told to, and then all at once.

HDF5 overwrites its metadata in place, at moments of its own choosing. Here what is there already
is never touched: pages that HDF5 writes over stay in memory, and what it appends goes to the end
of the file, where nothing leads to it yet. A commit hands out the pages, to be written elsewhere
first.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.file_object import RefusedError
from raggedh5.core.room import Room
from raggedh5.store.durable.descriptors import pwrite_all, unlock
from raggedh5.store.durable.pages import PAGE, Pages, read_page, read_pages, sector_sums
from raggedh5.store.superblock import SIGNATURE

__all__ = ["OTHERS", "PagedFile", "is_search"]

Bytes = NDArray[np.uint8]

LARGEST_WAIT = 1 << 24
"""Bytes of small pieces that are kept before they are written out."""

DIRECT = 1 << 16
"""Bytes that are written as soon as they come, rather than kept until the next commit."""

LARGEST_LATE = 1 << 23
"""Bytes that are written together, where they stay in memory until then."""

OTHERS = "open it by its own name"


class _Lent(NamedTuple):
    """Bytes that HDF5 is about to write, and where the first of them is in memory."""

    data: Bytes
    start: int


class PagedFile:
    """What HDF5 writes to, by h5py's driver for Python's file objects; see `file_object`.

    A write never fails for want of room: what the disk does not take stays in memory, and
    `pages` raises. So HDF5 is never left half-way.

    Parameters
    ----------
    descriptor
        The file, open for reading and writing; `release` closes it, or the end of this object.
    committed
        Bytes of it that HDF5 is to see.
    fixed
        Bytes of it that must stay as they are until a commit, if these are more.

    Attributes
    ----------
    touched : bool
        Whether anything was written since the last commit.
    end : int
        How long HDF5 takes the file to be.
    """

    def __init__(self, descriptor: int, committed: int, fixed: int = 0) -> None:
        self.descriptor = descriptor
        self.touched = False
        self.end = committed
        self._fixed = max(committed, fixed)
        self._written = _up_to_page(committed)
        self._pages: dict[int, bytearray] = {}
        self._waiting = 0
        self._owner = os.getpid()
        self._opened = False
        self._room = Room(descriptor)
        self._lent: _Lent | None = None
        self._lent_to: int | None = None
        self._late: list[tuple[int, Bytes]] = []
        self._late_bytes = 0
        self._buffers: list[Bytes] = []
        self.give: Callable[[Bytes], None] = _nothing

    def lend(self, data: Bytes) -> None:
        """Take note of what HDF5 will write next: it stays as it is until `give_back`."""
        self._lent = _Lent(data, _start(data))
        self._lent_to = None

    def lent(self) -> int | None:
        """Return where in the file HDF5 has put what was lent; None if it is not as it was."""
        address, self._lent, self._lent_to = self._lent_to, None, None
        return address

    def give_back(self, buffer: Bytes) -> None:
        """Give a buffer back as soon as nothing is written from it any more."""
        if self._late:
            self._buffers.append(buffer)
        else:
            self.give(buffer)

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
        self._write_late()
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
        data = None
        lent = self._lent
        if lent is not None and size == lent.data.size and _start(view) == lent.start:
            data, self._lent_to = lent.data, address
        if any(at < address + size and address < at + late.size for at, late in self._late):
            self._write_late()
        kept = min(max(self._fixed - address, 0), size)
        if kept:
            self._keep(address, view[:kept])
        if kept < size:
            self._append(address + kept, view[kept:], None if data is None else data[kept:])
        return size

    def truncate(self, size: int) -> None:
        """Take note of how long the file is to be."""
        self.end = size

    def fix(self) -> int:
        """Have all that was written so far in the file, to stay as it is until a commit.

        Returns
        -------
        int
            The byte from which on what was written since the last commit, or the last such call, is
            in its place. What was written before it waits for a commit.

        Raises
        ------
        OSError
            If there is no room for it.
        """
        fixed = self._fixed
        self._write_out()
        number, inside = divmod(fixed, PAGE)
        page = self._pages.get(number)
        if page is not None and inside:
            room = max(self.end - number * PAGE, 0)
            pwrite_all(self.descriptor, [memoryview(page)[inside:room]], fixed)
        self._fixed = max(fixed, self.end)
        return fixed

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
        """Write what lies behind all that is fixed."""
        pages = [number for number in self._pages if number * PAGE >= self._fixed]
        parts = [(address, data.data) for address, data in self._late]
        for start in (number * PAGE for number in pages):
            page = memoryview(self._pages[start // PAGE])
            parts.append((start, page[: max(self.end - start, 0)]))
        for address, pieces in _runs(parts):
            size = sum([piece.nbytes for piece in pieces])
            self._written = max(self._written, _up_to_page(address + size))
            pwrite_all(self.descriptor, pieces, address)
        for number in pages:
            if number != self.end // PAGE:  # what comes next goes there, too
                del self._pages[number]
        self._give_back()

    def committed(self) -> None:
        """Go on from the file as it is after its pages were applied."""
        self._pages.clear()
        self._fixed = self.end
        self._written = _up_to_page(self.end)
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

    def _append(self, address: int, view: memoryview, lent: Bytes | None) -> None:
        """Write whole pages of much at once; metadata come in small pieces, and wait.

        `lent`: the same bytes, if these are to be had for a while.
        """
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
        for number in self._pages_within(first, last - first):
            del self._pages[number]
        if lent is None:
            self._write(first, whole)
            return
        self._late.append((first, lent[first - address : last - address]))
        self._late_bytes += last - first
        if self._late_bytes > LARGEST_LATE:
            self._write_late()

    def _write(self, address: int, whole: memoryview) -> None:
        """Write whole pages; keep them where there is no room."""
        written = False
        with _without_room():
            written = bool(pwrite_all(self.descriptor, [whole], address))
        if not written:
            self._keep(address, whole)

    def _write_late(self) -> None:
        """Write what was lent; the child of a fork keeps it."""
        write = self._write if os.getpid() == self._owner else self._keep
        while self._late:
            address, data = self._late[0]
            write(address, data.data)
            del self._late[0]  # now; the handler of a signal may have raised an exception before
        self._give_back()

    def _give_back(self) -> None:
        """Give back what was lent; it has been written, or is kept."""
        self._late, self._late_bytes = [], 0
        buffers, self._buffers = self._buffers, []
        for buffer in buffers:
            self.give(buffer)


def _nothing(buffer: Bytes) -> None:
    """Leave a buffer to the garbage collector."""


def _start(data: Any) -> int:
    """Return where the first byte of a buffer is in memory."""
    start: int = np.frombuffer(data, np.uint8).__array_interface__["data"][0]
    return start


def _runs(parts: list[tuple[int, memoryview]]) -> Iterator[tuple[int, list[memoryview]]]:
    """Go through what goes to one place after the other: where a run begins, and its pieces."""
    pieces: list[memoryview] = []
    start = end = 0
    for address, data in sorted(parts, key=itemgetter(0)):
        if pieces and address != end:
            yield start, pieces
            pieces = []
        if not pieces:
            start = end = address
        pieces.append(data)
        end += data.nbytes
    if pieces:
        yield start, pieces


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
