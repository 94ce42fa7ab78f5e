"""The few bytes of an HDF5 superblock that a crash leaves wrong: the file's end, and its marks.

Format: the HDF5 File Format Specification, section II.A, versions 0 to 3.
"""

import contextlib
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "Superblock",
    "find_superblock",
    "lookup3",
    "reach_stated_end",
    "with_end",
    "without_marks",
]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
FIRST_PLACES = (0, 512, 1024, 2048)
SIZE = 64
END_OF_FILE = {0: 40, 1: 44, 2: 28, 3: 28}
"""Where the address of the end stands behind the signature's start, by version."""

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
        Where it begins.
    version
        0 to 3; what follows is unknown for others.
    end
        The length that the file says it has; None where addresses are not of 8 bytes.
    marks
        Bits: 1 for open for writing, 4 for SWMR; 0 below version 2.
    intact
        Whether the checksum agrees; True below version 2, which has none.
    """

    place: int
    version: int
    end: int | None
    marks: int
    intact: bool


def find_superblock(path: Path) -> Superblock | None:
    """Return what the superblock of a file says, None where there is none."""
    with path.open("rb") as file:
        return parse_superblock(file.read(FIRST_PLACES[-1] + SIZE))


def parse_superblock(head: bytes) -> Superblock | None:
    """Return what the superblock says in the first bytes of a file, None where there is none."""
    for place in FIRST_PLACES:
        raw = head[place : place + SIZE]
        if raw[: len(SIGNATURE)] != SIGNATURE or len(raw) < SIZE:
            continue
        version = raw[len(SIGNATURE)]
        width = raw[len(SIGNATURE) + (5 if version < 2 else 1)]
        if version not in END_OF_FILE or width != WIDE:
            return Superblock(place, version, None, 0, True)
        end = int.from_bytes(raw[END_OF_FILE[version] :][:WIDE], "little")
        if version < 2:
            return Superblock(place, version, end, 0, True)
        said = int.from_bytes(raw[CHECKSUM : CHECKSUM + 4], "little")
        return Superblock(place, version, end, raw[MARKS], said == lookup3(raw[:CHECKSUM]))
    return None


def without_marks(head: bytes) -> bytes:
    """Return the first bytes of a file without the marks of one that is open for writing."""
    return _changed(head, lambda raw: raw.__setitem__(MARKS, 0), marks_only=True)


def with_end(head: bytes, end: int) -> bytes:
    """Return the first bytes of a file that says that it has the length `end`."""

    def change(raw: bytearray) -> None:
        start = END_OF_FILE[raw[len(SIGNATURE)]]
        raw[start : start + WIDE] = end.to_bytes(WIDE, "little")

    return _changed(head, change)


def _changed(head: bytes, change: Callable[[bytearray], None], marks_only: bool = False) -> bytes:
    found = parse_superblock(head)
    if found is None or found.end is None or (marks_only and not found.marks):
        return head
    raw = bytearray(head[found.place : found.place + SIZE])
    change(raw)
    if found.version >= 2:
        raw[CHECKSUM : CHECKSUM + 4] = lookup3(bytes(raw[:CHECKSUM])).to_bytes(4, "little")
    return head[: found.place] + bytes(raw) + head[found.place + SIZE :]


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
