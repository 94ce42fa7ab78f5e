"""A coded chunk in a file."""

from typing import NamedTuple

__all__ = ["Coded"]


class Coded(NamedTuple):
    """Where a coded chunk is in a file: its first byte, its bytes and their checksum."""

    address: int
    size: int
    digest: int
