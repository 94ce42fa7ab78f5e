"""The checksum of a chunk's stored bytes: XXH3, 64 bits, seed 0."""

import ctypes
import functools

import numpy as np
import xxhash
from numpy.typing import NDArray

from raggedh5.kernels import hashing

__all__ = ["UNKNOWN", "checksum", "in_kernels"]

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


@functools.cache
def in_kernels() -> bool:
    """Let the kernels compute checksums too, by the function that xxhash's extension exports.

    Returns
    -------
    bool
        False where this build of xxhash does not export it; `checksum` is the way then.
    """
    try:
        library = ctypes.CDLL(xxhash._xxhash.__file__)  # type: ignore[attr-defined]
        address = ctypes.cast(library.XXH3_64bits, ctypes.c_void_p).value
    except (AttributeError, OSError):
        return False
    hashing.bind(address or 0)
    return bool(address)
