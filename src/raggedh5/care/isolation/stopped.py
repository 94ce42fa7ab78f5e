"""What becomes of an error in a child process: the same here, or a `StoppedError`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import raggedh5.errors
from raggedh5.errors import FormatError

__all__ = ["CONTENT", "SPARE", "StoppedError", "error_of"]

SPARE = 256 << 20
CONTENT = 4
"""Times the size of the file, with `SPARE`, that the child may allocate."""


class StoppedError(FormatError):
    """The child crashed, hung, or needed too much memory.

    Attributes
    ----------
    kind : str
        ``"crash"``, ``"hang"`` or ``"memory"``.
    at : str
        What it was at: a path in the file, empty where it did not say.
    """

    def __init__(self, message: str, kind: str, at: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.at = at

    @classmethod
    def hang(cls, path: Path, at: str, seconds: float) -> "StoppedError":
        """Return the error of a child that said nothing for so long."""
        return cls(
            f"{_place(path, at)}: HDF5 hangs there: no progress for {seconds:g} s in a child "
            "process, which was stopped; the file is damaged",
            "hang",
            at,
        )

    @classmethod
    def crash(cls, path: Path, at: str, how: str) -> "StoppedError":
        """Return the error of a child that is gone without an answer."""
        return cls(
            f"{_place(path, at)}: reading it crashed a child process ({how}); the file is damaged",
            "crash",
            at,
        )

    @classmethod
    def memory(cls, path: Path, at: str) -> "StoppedError":
        """Return the error of a child that was refused memory."""
        return cls(
            f"{_place(path, at)}: it takes more memory than {CONTENT} times the file and "
            f"{SPARE >> 20} MiB to read; if the file is to be trusted, use isolated=False",
            "memory",
            at,
        )


_BUILTIN: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (FileExistsError, FileNotFoundError, PermissionError, OSError, KeyError)
}


def error_of(said: Mapping[str, Any], path: Path, at: str) -> Exception:
    """Return the error that a child has told: its name, and its message."""
    name, message = said["error"], said["message"]
    if name == "MemoryError":
        return StoppedError.memory(path, at)
    kind = getattr(raggedh5.errors, name, None) or _BUILTIN.get(name)
    return kind(message) if kind is not None else FormatError(f"{name}: {message}")


def _place(path: Path, at: str) -> str:
    return f"{path}, {at}" if at else str(path)
