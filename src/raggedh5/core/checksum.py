"""The checksum of a chunk's stored bytes: XXH3, 64 bits, seed 0."""

import numpy as np
import xxhash
from numpy.typing import NDArray

__all__ = ["UNKNOWN", "checksum"]

UNKNOWN = 0
"""Stands where a chunk has no checksum; a chunk that hashes to it is given 1."""


def checksum(stored: NDArray[np.uint8] | bytes) -> int:
    """Return the checksum of a chunk as it lies in the file.

    Examples
    --------
    >>> hex(checksum(b"raggedh5"))
    '0x3e985a935d84f896'
    """
    return xxhash.xxh3_64_intdigest(memoryview(stored)) or 1  # type: ignore[arg-type]
