"""Opening files: in place, or under a temporary name until they are whole."""

import contextlib
import os
from pathlib import Path
from typing import Any

import h5py

from raggedh5.errors import FormatError, WriteError

__all__ = ["discard", "open_file", "publish"]


def open_file(path: Path, mode: str, options: dict[str, Any]) -> tuple[h5py.File, Path | None]:
    """Open a file.

    Returns
    -------
    file : h5py.File
    target : Path or None
        Where the file goes when it is closed, None where it is in place already.

    Raises
    ------
    FileNotFoundError
        If there is no such file to read.
    FormatError
        If it is no HDF5 file, or a damaged one.
    WriteError
        If it cannot be written to: no permission, there already; or another process holds it.
    """
    if mode not in ("r", "r+", "a", "w", "w-", "x"):
        raise ValueError(f"mode is 'r', 'r+', 'a', 'w' or 'x', not {mode!r}")
    in_memory = options.get("driver") == "core" and not options.get("backing_store", True)
    if mode in ("w-", "x") and path.exists():
        raise WriteError(f"{path} exists already; mode 'w' would replace it")
    fresh = mode in ("w", "w-", "x") or (mode == "a" and not path.exists())
    if not fresh:
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist")
        return _open(path, "r+" if mode == "a" else mode, options), None
    if in_memory:
        return _open(path, "w", options), None
    if path.is_dir():
        raise WriteError(f"{path} is a folder")
    # A link stays a link, and the way there does not change with the working directory.
    path = Path(os.path.realpath(path))
    _check_unheld(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        return _open(temporary, "w", options), path
    except BaseException:
        discard(str(temporary), path)
        raise


def publish(temporary: str, target: Path) -> None:
    """Put a finished file in its place, atomically, and see it onto the disk.

    Raises
    ------
    WriteError
        If that fails; the temporary file is gone then.
    """
    try:
        with Path(temporary).open("rb") as file:
            os.fsync(file.fileno())
        Path(temporary).replace(target)
        if hasattr(os, "O_DIRECTORY"):
            folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        discard(temporary, target)
        raise WriteError(f"{target} could not be written: {error}") from error


def discard(temporary: Any, target: Path | None) -> None:
    """Remove the temporary file of `target`, where there is one."""
    if target is not None and temporary is not None:
        name = temporary if isinstance(temporary, str) else str(temporary.filename)
        with contextlib.suppress(OSError):
            Path(name).unlink()


def _open(path: Path, mode: str, options: dict[str, Any]) -> h5py.File:
    try:
        return h5py.File(path, mode, **options)
    except PermissionError as error:
        raise WriteError(f"{path} cannot be opened with mode {mode!r}: {error}") from error
    except (OSError, RuntimeError, ValueError) as error:
        held = _is_held(error)
        if mode != "r" and held:
            raise WriteError(f"{path} is open elsewhere: {error}") from error
        if mode == "w":
            raise WriteError(f"{path.parent} cannot be written to: {error}") from error
        if held:
            raise WriteError(f"{path} is being written to elsewhere: {error}") from error
        raise FormatError(f"{path} cannot be opened as HDF5: {error}") from error


def _check_unheld(path: Path) -> None:
    """Refuse to replace a file that another process is writing to."""
    if path.exists():
        try:
            h5py.File(path, "r+").close()
        except OSError as error:
            if _is_held(error):
                raise WriteError(f"{path} is open elsewhere: {error}") from error


def _is_held(error: Exception) -> bool:
    text = str(error)
    return isinstance(error, BlockingIOError) or (
        "unable to lock file" in text or "already open" in text
    )
