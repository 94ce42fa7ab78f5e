"""Room behind the end of a file, made by a thread while the one that appends is at other things.

For a file system to find pages and blocks for new data takes longer than to copy the data there.
"""

import os

from raggedh5.kernels.room import RoomMaker

__all__ = ["Room"]

STEP = 1 << 22
"""Bytes that are asked for at once."""

PIECE = 1 << 19
"""Bytes that the system is asked for at once: a write has to wait for no longer than that takes."""


class Room:
    """Makes room in one file, where the system can do that; not for several threads at once.

    Nothing here waits for more than one answer of the system, and never for the GIL or for another
    lock: it may be called while any are held, also by the garbage collector. In the child of a fork
    it does nothing.

    Parameters
    ----------
    descriptor
        The file, open for writing, until `close`. It may get longer, with zeros.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryFile() as file:
    ...     room = Room(file.fileno())
    ...     room.make(0, 10)  # too little to ask for
    ...     room.close()
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._maker = RoomMaker(descriptor, PIECE)
        self._made = 0

    def begin(self) -> None:
        """Begin anew with the file as it is: room that was made and not used is gone."""
        self._made = 0
        self._maker.again()

    def make(self, start: int, stop: int) -> None:
        """Have room made for bytes `start` to `stop` of the file, and return at once.

        Where there is none, nothing happens: it is for the write to say so.
        """
        start = max(start, self._made)
        if stop - start >= STEP and self._maker.make(start, stop):
            self._made = stop

    def wait(self) -> None:
        """Return when nothing is under way; what has not been begun is let be."""
        self._maker.wait()

    def close(self) -> None:
        """Wait, and use the file no more."""
        self._maker.close()

    def close_file(self) -> None:
        """Wait, and close the descriptor, which may be done a little later.

        With the last descriptor of a file that has been deleted the system frees all of it, which
        takes a millisecond for each 10 MB in memory.
        """
        if not self._maker.close(True):
            os.close(self._descriptor)
