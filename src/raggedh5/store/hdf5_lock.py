"""h5py's lock around HDF5, let go of where h5py itself holds it."""

import contextlib
from collections.abc import Iterator

from h5py._objects import phil

__all__ = ["without_hdf5_lock"]


@contextlib.contextmanager
def without_hdf5_lock() -> Iterator[bool]:
    """Let go of HDF5's lock, as far as that is safe, and take it again at the end.

    h5py holds it once at the end of a file's ``with`` block, which only then closes the file. Who
    holds it more than once is in the middle of a call into HDF5, and keeps it.

    Yields
    ------
    bool
        Whether other threads may call HDF5 meanwhile.
    """
    held = phil._is_owned()
    if held:
        phil.release()
    deeper = phil._is_owned()
    if deeper:
        phil.acquire()
    try:
        yield not deeper
    finally:
        if held and not deeper:
            phil.acquire()
