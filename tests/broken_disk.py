"""A disk without room for some files: what would change them fails for a while."""

import contextlib
import errno
import os
import re
import threading
from pathlib import Path
from unittest import mock

from raggedh5.core.late_writes import LateWrites

__all__ = ["BrokenDisk", "format_of"]


def format_of(path, folder):
    """Return what a path in the folder of an output belongs to, None outside."""
    try:
        inside = Path(path).relative_to(folder).parts
    except ValueError:
        return None
    if not inside:  # it is there already
        return None
    if inside[0] == "backup":
        return "backup"
    return "npy" if re.fullmatch(r"traj[_\w]*", inside[0]) else "hdf5"


class BrokenDisk:
    """While entered, calls that write fail from the `first` to the `last` one, counted from 1.

    Parameters
    ----------
    folder
        The folder of the output.
    formats
        Which of ``"npy"``, ``"hdf5"`` and ``"backup"`` are on it.

    Attributes
    ----------
    calls, met : int
        How many calls there were, and how many of them failed.
    """

    def __init__(self, folder, formats, first=1, last=1 << 60, error=errno.ENOSPC):
        self.folder, self.formats = folder, formats
        self.first, self.last, self.error = first, last, error
        self.calls = self.met = 0
        self._stack = contextlib.ExitStack()
        self._lock = threading.Lock()

    def __enter__(self):
        for owner, name in (
            (os, "pwrite"),
            (os, "pwritev"),
            (os, "ftruncate"),
            (os, "posix_fallocate"),
            (Path, "write_text"),
            (Path, "mkdir"),
            (Path, "replace"),
        ):
            self._patch(owner, name, self._checked(getattr(owner, name)))
        self._patch(os, "open", self._opening(os.open))
        self._patch(LateWrites, "put", self._checked_put(LateWrites.put))
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _patch(self, owner, name, call):
        self._stack.enter_context(mock.patch.object(owner, name, call))

    def _checked(self, real):
        def call(place, *args, **more):
            self._step(place)
            return real(place, *args, **more)

        return call

    def _checked_put(self, real):
        def put(writes, address, data):
            self._step(writes.descriptor)
            return real(writes, address, data)

        return put

    def _opening(self, real):
        def call(path, flags, *args, **more):
            if flags & os.O_CREAT:
                self._step(path)
            return real(path, flags, *args, **more)

        return call

    def _step(self, place):
        path = Path(f"/proc/self/fd/{place}").readlink() if isinstance(place, int) else place
        if format_of(path, self.folder) not in self.formats:
            return
        with self._lock:
            self.calls += 1
            if not self.first <= self.calls <= self.last:
                return
            self.met += 1
        raise OSError(self.error, os.strerror(self.error), str(path))
