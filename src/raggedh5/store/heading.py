"""What the first bytes of an HDF5 file say of it, read without HDF5, which refuses what is odd.

Format: the HDF5 File Format Specification, section II.A, versions 0 to 3 of the superblock.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from raggedh5.store.superblock import END_OF_FILE, SIGNATURE, WIDE

__all__ = ["NEWEST_SUPERBLOCK", "Heading", "read_heading"]

NEWEST_SUPERBLOCK = max(END_OF_FILE)
FIRST_USER_BLOCK = 512
MARKED_VERSION = 3
"""The version from which on HDF5 marks files that are open for writing."""

MARKS_AT = 11
WRITING = 1
SWMR = 4


@dataclass(frozen=True)
class Heading:
    """The superblock of a file.

    Attributes
    ----------
    user_block : int
        Bytes before it, which belong to whoever made the file.
    version : int
        Of the superblock.
    end : int or None
        The length that the file says it has; None where it does not say in a way known here.
    writing, swmr : bool
        The marks of a file that is open for writing, or was when its process died.
    """

    user_block: int
    version: int
    end: int | None
    writing: bool
    swmr: bool


def read_heading(path: Path) -> Heading | None:
    """Read the superblock of a file, None where there is no HDF5 signature.

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
            head = file.read(64)
            if head.startswith(SIGNATURE):
                return _parse(head, place)
            place = 2 * place or FIRST_USER_BLOCK
    return None


def _parse(head: bytes, place: int) -> Heading:
    head = head.ljust(64, b"\0")
    version = head[len(SIGNATURE)]
    end = None
    if version in END_OF_FILE and head[13 if version < 2 else 9] == WIDE:
        start = END_OF_FILE[version]
        end = int.from_bytes(head[start : start + WIDE], "little")
    marks = head[MARKS_AT] if version == MARKED_VERSION else 0
    return Heading(place, version, end, bool(marks & WRITING), bool(marks & SWMR))
