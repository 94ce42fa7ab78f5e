"""Files that nobody has closed by the time the interpreter ends."""

import atexit
import contextlib
import weakref
from typing import Protocol

__all__ = ["close_at_exit"]


class Closing(Protocol):
    """Whatever can be closed."""

    def close(self) -> None:
        """Bring everything to its place, and let go."""


_files: "weakref.WeakSet[Closing]" = weakref.WeakSet()


def close_at_exit(file: Closing) -> None:
    """Have a file closed when the interpreter ends, if it is there still.

    HDF5 would close it later, and call functions of Python that are there no more.
    """
    _files.add(file)


@atexit.register
def _close() -> None:
    for file in list(_files):
        with contextlib.suppress(Exception):  # nobody is left to be told
            file.close()
