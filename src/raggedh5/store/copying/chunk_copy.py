"""Stored chunks copied from one dataset to another: read by position, verified, never decoded."""

import math
from typing import Any

import numpy as np

from raggedh5.core.checksum import UNKNOWN
from raggedh5.errors import WriteError
from raggedh5.store.chunk_sums import ChunkSums
from raggedh5.store.chunkmap import ChunkMap

__all__ = ["copy_chunks"]


def copy_chunks(
    chunks: ChunkMap,
    start: int,
    stop: int,
    target: Any,
    name: str,
    sums: ChunkSums,
    shift: int = 0,
) -> None:
    """Copy the chunks that the items start:stop of a dataset lie in, with masks and checksums.

    Parameters
    ----------
    chunks
        Where they lie.
    start, stop
        Items along axis 0; `start` begins a chunk.
    target, name
        The identifier of another dataset, with the same type, chunk shape and filters, which
        reaches over these items; and its path.
    sums
        The checksums of that.
    shift
        How many items further on they go, a multiple of the chunk length.

    Raises
    ------
    FormatError
        If a chunk does not agree with its checksum, or is not in the file.
    WriteError
        If the file cannot be written.
    """
    length = chunks.chunks[0]
    cells = math.prod(chunks.grid[1:])
    moved = shift // length * cells
    for number in range(start // length * cells, -(-stop // length) * cells):
        stored = chunks.fetch(number)
        if stored is None:  # it has the fill value, and so it has in the other
            continue
        at = np.unravel_index(number, chunks.grid)
        place = [int(i) * n for i, n in zip(at, chunks.chunks, strict=True)]
        place[0] += shift
        try:
            target.write_direct_chunk(tuple(place), stored, int(chunks.mask[number]))
        except (OSError, RuntimeError) as error:
            raise WriteError(
                f"{name}: chunk {number + moved} could not be written: {error}"
            ) from error
        digest = chunks.sums.get(number)
        # What nobody vouched for gets no checksum by being copied.
        if digest != UNKNOWN:
            sums.put(number + moved, digest)
