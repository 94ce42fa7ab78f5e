"""The file that a damaged one is saved to, and what does not get there."""

from typing import Any

from raggedh5.store.copying.verbatim import copy_attributes
from raggedh5.store.file import File
from raggedh5.store.handle import Handle

__all__ = ["Target"]


class Target:
    """A new file, and a list of what was lost on the way to it.

    Parameters
    ----------
    made
        The file.
    writing
        A handle of it, for what is copied as it is stored.
    """

    def __init__(self, made: File, writing: Handle) -> None:
        self.made = made
        self.writing = writing
        self.lost: list[dict[str, str]] = []

    def copy_attributes(
        self, path: str, source: Any, target: Any, skip: tuple[str, ...] = ()
    ) -> None:
        """Copy the attributes of an object, as far as they read."""
        for why in copy_attributes(source, target, skip):
            self.lose(path, why)

    def drop(self, path: str, error: BaseException) -> None:
        """Leave an object out, and the half of it that has been written."""
        self.lose(path, str(error) or type(error).__name__)
        if isinstance(error, UnicodeError):  # a name that h5py cannot have made anything of
            return
        if self.made.h5.get(path, getlink=True) is not None:
            self.remove(path)

    def remove(self, path: str) -> None:
        """Delete an object, and the checksums of what is in it."""
        del self.made.h5[path]
        self.writing.forget(path)

    def lose(self, path: str, why: str) -> None:
        """Note what is not saved, and why."""
        self.lost.append({"path": path, "why": why[:1000]})
