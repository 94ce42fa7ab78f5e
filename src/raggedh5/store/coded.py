"""A coded chunk in a file."""

from typing import NamedTuple

__all__ = ["SMALL", "Coded"]

SMALL = 1 << 16
"""Bytes of a chunk that are kept, rather than left to the file."""


class Coded(NamedTuple):
    """Where a coded chunk is in a file: its first byte, how many there are, and their checksum.

    Attributes
    ----------
    raw : bytes or None
        The bytes themselves, if they are few.
    """

    address: int
    size: int
    digest: int
    raw: bytes | None = None
