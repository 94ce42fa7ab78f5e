"""Files that nobody has closed by the time the interpreter ends."""

import atexit
import contextlib
import os
import weakref
from typing import Protocol

__all__ = ["close_at_exit"]


class Closing(Protocol):
    """Whatever can be closed."""

    def close(self) -> None:
        """Bring everything to its place, and let go."""


_files: "weakref.WeakKeyDictionary[Closing, int]" = weakref.WeakKeyDictionary()
"""And the process that opened each."""


def close_at_exit(file: Closing) -> None:
    """Have a file closed when the interpreter ends, if it is there still.

    HDF5 would close it later, and call functions of Python that are there no more.
    """
    _files[file] = os.getpid()


@atexit.register
def _close() -> None:
    for file, owner in list(_files.items()):
        if owner == os.getpid():
            with contextlib.suppress(Exception):  # nobody is left to be told
                file.close()
