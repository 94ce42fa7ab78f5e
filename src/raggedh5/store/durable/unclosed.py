"""What a crash leaves in the first bytes of a file that was changed in place; how to mend it."""

import os
from pathlib import Path
from typing import NamedTuple

from raggedh5.errors import FormatError, WriteError
from raggedh5.store.durable.descriptors import lock, pwrite_all
from raggedh5.store.superblock import SIZE, find_superblock, mended

__all__ = ["Mended", "mend_superblock"]


class Mended(NamedTuple):
    """What was changed in a superblock.

    Attributes
    ----------
    marks
        Whether a mark of a file open for writing was taken away.
    end
        The length that the file said it had, and the one that it has now; None where they agreed.
    """

    marks: bool = False
    end: tuple[int, int] | None = None


def mend_superblock(path: Path) -> Mended:
    """Take away the marks of a file open for writing, and make its length and superblock agree.

    A file that is longer than it says is said to be so. One that is shorter gets a hole at its end,
    so that nothing new comes to lie where its metadata still look for something else.

    Raises
    ------
    FormatError
        If it is no HDF5 file.
    WriteError
        If somebody has it open, or it cannot be written to.
    """
    found = find_superblock(path)
    if found is None or found.end is None:
        raise FormatError(f"{path} is no HDF5 file, or its beginning is damaged")
    size = path.stat().st_size
    marked = found.writing or found.swmr
    if not marked and found.end == size:
        return Mended()
    if not found.intact or found.end >= 1 << 62:
        raise FormatError(f"{path}: its superblock is damaged, and cannot be mended")
    end = max(found.end, size)
    try:
        with path.open("r+b") as file:
            if not lock(file.fileno()):
                raise WriteError(f"{path} is open elsewhere: its writer has not ended")
            raw = os.pread(file.fileno(), SIZE, found.place)
            if size < end:
                os.ftruncate(file.fileno(), end)
            pwrite_all(file.fileno(), [mended(raw, end)], found.place)
            os.fsync(file.fileno())
    except OSError as error:
        if isinstance(error, WriteError):
            raise
        raise WriteError(f"{path} cannot be written to: {error}") from error
    return Mended(marked, None if found.end == size else (found.end, end))
