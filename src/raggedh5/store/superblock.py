"""The few bytes of an HDF5 superblock that say how long the file should be.

Format: the HDF5 File Format Specification, section II.A, versions 0 to 3.
"""

import contextlib
import os
from pathlib import Path

__all__ = ["reach_stated_end", "stated_end"]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
FIRST_PLACES = (0, 512, 1024, 2048)
END_OF_FILE = {0: 40, 1: 44, 2: 28, 3: 28}
"""Where the address of the end stands behind the signature's start, by version."""

WIDE = 8


def stated_end(path: Path) -> int | None:
    """Return the length that a file says it has, None where it does not say."""
    with path.open("rb") as file:
        head = file.read(FIRST_PLACES[-1] + 64)
    for place in FIRST_PLACES:
        if head[place : place + len(SIGNATURE)] != SIGNATURE or len(head) < place + 64:
            continue
        version = head[place + len(SIGNATURE)]
        width = head[place + (13 if version < 2 else 9)]
        if version not in END_OF_FILE or width != WIDE:
            return None
        start = place + END_OF_FILE[version]
        return int.from_bytes(head[start : start + WIDE], "little")
    return None


def reach_stated_end(path: Path) -> None:
    """Make a file as long as it says it is, with a hole behind what is there.

    A full disk can leave a file shorter than its superblock says, and HDF5 then refuses to open it
    at all. A hole takes no room on the disk, so that what was in the file before can be read again.
    """
    with contextlib.suppress(OSError):
        end = stated_end(path)
        if end is not None and path.stat().st_size < end < 1 << 62:
            os.truncate(path, end)
