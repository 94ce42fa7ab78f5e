"""How long a chunk is: pure arithmetic on sizes and on how the data will be read."""

import math
from typing import Literal

from raggedh5.errors import SchemaError

__all__ = ["TARGET", "Access", "plan_grid", "plan_length"]

Access = Literal["scan", "random"]

TARGET = 1 << 19
"""Bytes of values in a chunk, unless told otherwise."""

RANDOM_SHARE = 8
"""How many times smaller chunks are where single rows are wanted and a codec has no blocks."""

LARGEST = 2**31 - 1 - 64
"""HDF5 allows chunks under 4 GiB, the codecs under 2 GiB with their headers."""

ALIGNMENT = 1 << 14
"""Chunks are whole multiples of this where that costs little: Blosc's blocks then fill them."""


def plan_length(itemsize: int, *, target: int = TARGET, access: Access = "scan") -> int:
    """Return how many items a chunk along the one growing axis holds.

    Parameters
    ----------
    itemsize
        Bytes of an item with its inner shape; 0 counts as 1.
    target
        Bytes of a chunk that are aimed at. The result is at most that, and at least one item.
    access
        ``"scan"``: appended, then read in long runs; ``"random"``: single rows, chunks an eighth
        as long (only worth while for codecs that must decode a chunk whole).

    Examples
    --------
    >>> plan_length(12)
    40960
    >>> plan_length(8), plan_length(8, access="random")
    (65536, 8192)
    >>> plan_length(10_000_000)
    1
    """
    if target < 1:
        raise SchemaError(f"a chunk aims at 1 byte or more, not {target}")
    itemsize = max(itemsize, 1)
    if itemsize > LARGEST:
        raise SchemaError(f"an item of {itemsize} bytes does not fit a chunk of {LARGEST}")
    if access == "random":
        target = max(target // RANDOM_SHARE, 1)
    length = max(min(target, LARGEST) // itemsize, 1)
    aligned = math.lcm(itemsize, ALIGNMENT) // itemsize
    if length >= aligned * 4:
        length -= length % aligned
    return length


def plan_grid(
    shape: tuple[int, ...], itemsize: int, *, target: int = TARGET, access: Access = "scan"
) -> tuple[int, ...]:
    """Return the chunk shape of a dense array that grows along axis 0.

    A chunk spans the trailing axes whole, so that an append touches the fewest chunks and a row
    lies in one piece. Only where one row is larger than `target` are these split, the earlier ones
    first, so that pieces stay contiguous in the row.

    Parameters
    ----------
    shape
        Shape of the array; the length of axis 0 does not matter.
    itemsize
        Bytes of one number.

    Examples
    --------
    >>> plan_grid((0, 300), 4)
    (436, 300)
    >>> plan_grid((0, 4096, 4096), 2)
    (1, 64, 4096)
    """
    inner = [max(n, 1) for n in shape[1:]]
    if access == "random":
        target = max(target // RANDOM_SHARE, 1)
    for axis in range(len(inner)):
        row = itemsize * math.prod(inner)
        if row <= target:
            break
        inner[axis] = max(inner[axis] * target // row, 1)
    row = itemsize * math.prod(inner)
    if row > LARGEST:
        raise SchemaError(f"a number of {itemsize} bytes does not fit a chunk")
    return (plan_length(row, target=target), *inner)
