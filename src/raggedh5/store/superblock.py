"""The few bytes of an HDF5 superblock that a crash leaves wrong: the file's end, and its marks.

Format: the HDF5 File Format Specification, section II.A, versions 0 to 3.
"""

import contextlib
import os
import struct
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "NEWEST",
    "SIGNATURE",
    "SIZE",
    "Superblock",
    "find_superblock",
    "lookup3",
    "mended",
    "reach_stated_end",
    "without_marks",
]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
FIRST_USER_BLOCK = 512
SIZE = 64
"""Bytes from the signature on in which all is that is of interest here."""

END_OF_FILE = {0: 40, 1: 44, 2: 28, 3: 28}
"""Where the address of the end stands behind the signature's start, by version."""

NEWEST = max(END_OF_FILE)

MARKS = 11
"""Where the marks of a file that is open for writing stand, from version 2 on."""

CHECKSUM = 44
"""Where the checksum stands, and how many bytes it is of, from version 2 on."""

WIDE = 8


class Superblock(NamedTuple):
    """What the superblock of a file says.

    Attributes
    ----------
    place
        Where it begins: bytes before it belong to whoever made the file.
    version
        0 to 3; what follows is unknown for others.
    end
        The length that the file says it has; None where addresses are not of 8 bytes.
    writing, swmr
        The marks of a file that is open for writing, or was when its process died.
    intact
        Whether the checksum agrees; True below version 2, which has none.
    """

    place: int
    version: int
    end: int | None = None
    writing: bool = False
    swmr: bool = False
    intact: bool = True


def find_superblock(path: Path) -> Superblock | None:
    """Return what the superblock of a file says, None where there is none.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        place = 0
        # The signature is at 0 or at a power of two from 512 on: HDF5 itself looks no further.
        while place + len(SIGNATURE) <= size:
            file.seek(place)
            found = _parse(file.read(SIZE), place)
            if found is not None:
                return found
            place = 2 * place or FIRST_USER_BLOCK
    return None


def without_marks(page: bytes) -> bytes:
    """Return the first bytes of a file without the marks of one that is open for writing."""
    place = 0
    while place + SIZE <= len(page):
        raw = page[place : place + SIZE]
        found = _parse(raw, place)
        if found is not None:
            if not (found.writing or found.swmr):
                return page
            return page[:place] + mended(raw) + page[place + SIZE :]
        place = 2 * place or FIRST_USER_BLOCK
    return page


def mended(raw: bytes, end: int | None = None) -> bytes:
    """Return a superblock, of a version known here, without marks and with another end.

    Parameters
    ----------
    raw
        Its 64 bytes.
    end
        The length that it is to say; None to leave that as it is.
    """
    new = bytearray(raw)
    version = raw[len(SIGNATURE)]
    if end is not None:
        start = END_OF_FILE[version]
        new[start : start + WIDE] = end.to_bytes(WIDE, "little")
    if version >= 2:
        new[MARKS] = 0
        new[CHECKSUM : CHECKSUM + 4] = lookup3(bytes(new[:CHECKSUM])).to_bytes(4, "little")
    return bytes(new)


def _parse(raw: bytes, place: int) -> Superblock | None:
    if not raw.startswith(SIGNATURE):
        return None
    raw = raw.ljust(SIZE, b"\0")
    version = raw[len(SIGNATURE)]
    width = raw[len(SIGNATURE) + (5 if version < 2 else 1)]
    if version not in END_OF_FILE or width != WIDE:
        return Superblock(place, version)
    end = int.from_bytes(raw[END_OF_FILE[version] :][:WIDE], "little")
    if version < 2:
        return Superblock(place, version, end)
    said = int.from_bytes(raw[CHECKSUM : CHECKSUM + 4], "little")
    marks, intact = raw[MARKS], said == lookup3(raw[:CHECKSUM])
    return Superblock(place, version, end, bool(marks & 1), bool(marks & 4), intact)


def reach_stated_end(path: Path) -> None:
    """Make a file as long as it says it is, with a hole behind what is there.

    A full disk can leave a file shorter than its superblock says, and HDF5 then refuses to open it
    at all. A hole takes no room on the disk, so that what was in the file before can be read again.
    """
    with contextlib.suppress(OSError):
        found = find_superblock(path)
        if found is None or found.end is None:
            return
        if path.stat().st_size < found.end < 1 << 62:
            os.truncate(path, found.end)


def lookup3(data: bytes) -> int:
    """Return the checksum of HDF5's metadata: Jenkins' lookup3 (``hashlittle``), initial value 0.

    Examples
    --------
    >>> hex(lookup3(b"")), hex(lookup3(b"Four score and seven years ago"))
    ('0xdeadbeef', '0x17770551')
    """
    a = b = c = (0xDEADBEEF + len(data)) & _MASK
    if not data:
        return c
    padded = data + bytes(-len(data) % 12)
    blocks = list(struct.iter_unpack("<3I", padded))
    for x, y, z in blocks[:-1]:
        a, b, c = _mix((a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK)
    x, y, z = blocks[-1]
    return _final((a + x) & _MASK, (b + y) & _MASK, (c + z) & _MASK)


_MASK = 0xFFFFFFFF


def _rotated(x: int, k: int) -> int:
    return ((x << k) | (x >> (32 - k))) & _MASK


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for k in (4, 6, 8, 16, 19, 4):
        a = ((a - c) & _MASK) ^ _rotated(c, k)
        c = (c + b) & _MASK
        a, b, c = b, c, a
    return a, b, c


def _final(a: int, b: int, c: int) -> int:
    for k in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - _rotated(b, k)) & _MASK
        a, b, c = b, c, a
    return b  # what was c before the last turn
