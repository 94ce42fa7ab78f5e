"""The journal beside a file that is written durably: what the file does not hold yet.

``<name>.journal`` is there while the file is open, and after a crash. It begins with two places for
a header, written in turn, so that one of them is always whole; then come records. All numbers are
little-endian.

=========  =========================================================================
bytes      what
=========  =========================================================================
0, 512     header: ``rh5-jrnl``, version (uint32), 0 (uint32), epoch, length of the
           file, its fingerprint, checksum of all of these (uint64)
1024       generation (uint64): odd while the file is being changed
4096       records: ``rh5r`` , kind (uint32), epoch, number in the epoch, bytes that
           follow, checksum of all this and of what follows (uint64); then these
           bytes, and zeros up to a multiple of 8
=========  =========================================================================

An epoch begins with a file that is whole. `ROWS` say what was appended since. `PAGES` end the
epoch: once such a record is there, its pages, or those of the last such, belong into the file.
Records of other epochs are leftovers.
"""

import contextlib
import os
import struct
import time
import weakref
from collections.abc import Iterator, Sequence
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

import xxhash

from raggedh5.core.checksum import checksum
from raggedh5.core.room import Room
from raggedh5.errors import FormatError
from raggedh5.store.durable.descriptors import lock, pread_all, pwrite_all, unlock

__all__ = [
    "SUFFIX",
    "Header",
    "Journal",
    "Kind",
    "fingerprint",
    "generation",
    "has_journal",
    "journal_of",
]

SUFFIX = ".journal"

VERSION = 1
MAGIC = b"rh5-jrnl"
RECORD_MAGIC = b"rh5r"
_HEADER = struct.Struct("<8sIIQQQQ")
_RECORD = struct.Struct("<4sIQQQQ")
_NUMBER = struct.Struct("<Q")
_SLOTS = (0, 512)
_GENERATION = 1024
_RECORDS = 4096
PATIENCE = 0.5
"""Seconds that a change of the file waits for readers."""

PAUSE = 5.0
"""Seconds without waiting, after it was in vain. Readers find out that the file has changed."""

MOST_ROOM = 1 << 23
"""Bytes of room that are made for records to come; as many as there are, at first."""

_ENDS = 4096
"""Bytes at the start and at the end of a file that its fingerprint is made of."""


class Kind(IntEnum):
    """What a record is about."""

    ROWS = 1
    PAGES = 2


class Header(NamedTuple):
    """The beginning of an epoch: its number, and the file as it was then."""

    epoch: int
    end: int
    fingerprint: int


def journal_of(path: str | os.PathLike[str]) -> Path:
    """Return where the journal of a file is, if there is one.

    Examples
    --------
    >>> journal_of("run/atoms.h5").name
    'atoms.h5.journal'
    """
    path = Path(os.path.realpath(path))
    return path.with_name(path.name + SUFFIX)


def has_journal(path: str | os.PathLike[str]) -> bool:
    """Whether there is a journal beside a file: it is being written, or was not closed."""
    try:
        return journal_of(path).exists()
    except (OSError, ValueError):  # the name would be too long, or there is none
        return False


def generation(descriptor: int) -> int:
    """Return how often a journal's file has begun or ended to change: odd while it does."""
    return int.from_bytes(pread_all(descriptor, _NUMBER.size, _GENERATION), "little")


def fingerprint(descriptor: int, end: int) -> int:
    """Return what tells a file from others: a checksum of its beginning and end."""
    digest = xxhash.xxh3_64(pread_all(descriptor, min(_ENDS, end), 0))
    digest.update(pread_all(descriptor, min(_ENDS, end), max(end - _ENDS, 0)))
    digest.update(_NUMBER.pack(end))
    return digest.intdigest()


class Journal:
    """An open journal.

    Parameters
    ----------
    path
        The journal, not the file.
    create
        Whether to make a new one; it must not exist.
    sync
        Whether what is written has to survive a power cut.

    Attributes
    ----------
    header : Header or None
        The latest epoch; None before there is one.
    size : int
        Bytes of this epoch's records.
    """

    def __init__(self, path: Path, *, create: bool, sync: bool) -> None:
        flags = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        self.path = path
        self.sync = sync
        self._owner = os.getpid()
        self.descriptor = os.open(path, flags | (os.O_CREAT | os.O_EXCL if create else 0), 0o666)
        self.header = None if create else self._latest()
        self._place = _RECORDS, 0
        self._header_due = False
        self._patient_from = 0.0
        self._room = Room(self.descriptor)
        self._closing = weakref.finalize(self, self._room.close_file)
        self._closing.atexit = False

    @property
    def size(self) -> int:
        """Bytes of the records of this epoch."""
        return self._place[0] - _RECORDS

    def begin(self, end: int, mark: int) -> None:
        """Begin an epoch with a file of that length and fingerprint. What came before is void."""
        # Until the header is there for good, `append` writes it anew: memory and disk must agree.
        self._header_due = True
        self.header = Header(self.header.epoch + 1 if self.header else 1, end, mark)
        self._place = _RECORDS, 0
        self._write_header(self.header)

    def append(self, kind: Kind, pieces: Sequence[memoryview]) -> None:
        """Append a record, given as bytes; when this returns, it is there for good.

        Raises
        ------
        OSError
            If there is no room for it. The next one takes its place.
        """
        header = self.header
        if header is None:
            raise ValueError("no epoch has begun")
        if self._header_due:
            self._write_header(header)
        at, number = self._place
        length = sum([piece.nbytes for piece in pieces])
        head = _RECORD.pack(RECORD_MAGIC, kind, header.epoch, number, length, 0)[:-8]
        digest = xxhash.xxh3_64(head)
        for piece in pieces:
            digest.update(piece)
        head += _NUMBER.pack(digest.intdigest())
        pwrite_all(self.descriptor, [head, *pieces], at)
        if self.sync:
            os.fsync(self.descriptor)
        self._place = at + _padded(_RECORD.size + length), number + 1
        self._room.make(self._place[0], self._place[0] + min(self.size, MOST_ROOM))

    def records(self) -> Iterator[tuple[Kind, bytes]]:
        """Go through the records of this epoch, up to the first that is not whole.

        What is appended later goes behind those that were gone through.
        """
        if self.header is None:
            return
        size = os.fstat(self.descriptor).st_size
        while True:
            at, wanted = self._place
            head = pread_all(self.descriptor, _RECORD.size, at)
            if len(head) < _RECORD.size:
                return
            magic, kind, epoch, number, length, digest = _RECORD.unpack(head)
            if (magic, epoch, number) != (RECORD_MAGIC, self.header.epoch, wanted):
                return
            if length > size - at - _RECORD.size or kind not in set(Kind):
                return
            payload = pread_all(self.descriptor, length, at + _RECORD.size)
            if xxhash.xxh3_64_intdigest(head[:-8] + payload) != digest:
                return
            self._place = at + _padded(_RECORD.size + length), number + 1
            yield Kind(kind), payload

    @contextlib.contextmanager
    def without_readers(self) -> Iterator[None]:
        """Keep readers out; wait for those that read now, but not long."""
        now = time.monotonic()
        locked = lock(self.descriptor, patience=PATIENCE if now >= self._patient_from else 0.0)
        if not locked:  # a reader that stands still is not waited for again and again
            self._patient_from = time.monotonic() + PAUSE
        try:
            yield
        finally:
            if locked:
                unlock(self.descriptor)

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """Tell readers, also those that were not waited for, while the file is changed in place."""
        odd = generation(self.descriptor) | 1
        pwrite_all(self.descriptor, [_NUMBER.pack(odd)], _GENERATION)
        yield
        pwrite_all(self.descriptor, [_NUMBER.pack(odd + 1)], _GENERATION)

    def close(self) -> None:
        """Close the journal, and leave it where it is."""
        self._closing()
        self.descriptor = -1  # which may soon be that of another file

    def rename(self, path: Path) -> None:
        """Give the journal another name, in place of any other of that name."""
        self.path.replace(path)
        self.path = path

    def remove(self) -> None:
        """Close the journal and delete it: the file is whole without it."""
        if os.getpid() == self._owner:
            with contextlib.suppress(FileNotFoundError):
                self.path.unlink()
        self.close()

    def _write_header(self, header: Header) -> None:
        body = _HEADER.pack(MAGIC, VERSION, 0, *header, 0)[:-8]
        raw = body + _NUMBER.pack(checksum(body))
        pwrite_all(self.descriptor, [raw], _SLOTS[header.epoch % 2])
        if self.sync:  # before any record takes the place of one of the last epoch
            os.fsync(self.descriptor)
        self._header_due = False

    def _latest(self) -> Header | None:
        """Return the header of the latest epoch, None where no epoch had begun."""
        found = []
        for place in _SLOTS:
            raw = pread_all(self.descriptor, _HEADER.size, place)
            if len(raw) < _HEADER.size or raw[:8] != MAGIC:
                continue
            _, version, _, epoch, end, mark, digest = _HEADER.unpack(raw)
            if checksum(raw[:-8]) != digest:
                continue
            if version > VERSION:
                raise FormatError(
                    f"{self.path}: a journal of version {version}; recover it with the newer "
                    "raggedh5 that wrote it"
                )
            found.append(Header(epoch, end, mark))
        return max(found, default=None)


def _padded(size: int) -> int:
    return -(-size // 8) * 8
