"""A file object that a C library can rely on, whatever the handlers of signals do."""

from typing import Any, Protocol

from raggedh5.kernels.uninterrupted import Uninterrupted

__all__ = ["Positioned", "RefusedError", "file_object"]


class RefusedError(OSError):
    """An error of a file's own, which is passed on to whoever reads or writes."""


class Positioned(Protocol):
    """A file that is told where to read and write. To do so twice is the same as to do it once."""

    @property
    def end(self) -> int:
        """How long it is."""

    def read_at(self, address: int, buffer: Any) -> int:
        """Read to all of a buffer; return its bytes."""

    def write_at(self, address: int, buffer: Any) -> int:
        """Write all of a buffer; return its bytes."""

    def truncate(self, size: int) -> None:
        """Take note of how long the file is to be."""


def file_object(file: Positioned) -> Uninterrupted:
    """Return a file object for a C library.

    Where the handler of a signal raises an exception while `file` is called (Ctrl-C raises
    `KeyboardInterrupt`), the call is made again, and the exception raised when the library is done.
    Only a `RefusedError`, and what the operating system says, is passed on.
    """
    return Uninterrupted(file, RefusedError)
