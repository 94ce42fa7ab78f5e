"""Opening files: in place, or under a temporary name until they are whole."""

import contextlib
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py

from raggedh5.errors import FormatError, WriteError
from raggedh5.store.durable.descriptors import is_locked, sync_folder
from raggedh5.store.durable.journal import has_journal, journal_of

__all__ = ["NewFile", "check_unheld", "open_file"]

LONGEST_NAME = 200
IN_PLACE = ("split", "multi", "family", "subfiling", "mpio", "fileobj")
"""Drivers whose files have no one name that could be changed."""


class NewFile:
    """A file that is made under a temporary name beside its target.

    Parameters
    ----------
    target
        Where it goes.
    replace
        Whether it may take the place of a file that is there by then.

    Attributes
    ----------
    temporary : Path
        Where it is until then.
    """

    def __init__(self, target: Path, replace: bool) -> None:
        # A link stays a link, and the way there does not change with the working directory.
        self.target = Path(os.path.realpath(target))
        self.replace = replace
        name = self.target.name
        while len(os.fsencode(name)) > LONGEST_NAME:
            name = name[:-1]
        unique = f".{name}.{os.getpid()}-{os.urandom(4).hex()}.tmp"
        self.temporary = self.target.with_name(unique)
        self._owner = os.getpid()

    def __enter__(self) -> Path:
        """Return where it is until the end of the block, which puts it in its place."""
        return self.temporary

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Put the file in its place, or remove it after an exception."""
        if kind is None:
            self.publish()
        else:
            self.discard()

    def publish(self) -> None:
        """Put the finished file in its place, atomically, and see it onto the disk.

        It gets the permissions of the file that was there.

        Raises
        ------
        WriteError
            If that fails. The temporary file is gone then, unless another file had come to be
            there that may not be replaced.
        """
        try:
            with self.temporary.open("r+b") as file:
                os.fsync(file.fileno())
            if self.replace:
                self._take_after_old()
                self.temporary.replace(self.target)
                self._drop_journal()
            else:
                _rename_to_new(self.temporary, self.target)
            sync_folder(self.target.parent)
        except FileExistsError as error:
            raise WriteError(
                f"{self.target} was made by somebody else meanwhile; what was written here is in "
                f"{self.temporary}"
            ) from error
        except OSError as error:
            self.discard()
            raise WriteError(f"{self.target} could not be written: {error}") from error

    def discard(self) -> None:
        """Remove the temporary file, except in the child of a fork, whose file it is not."""
        if os.getpid() == self._owner:
            with contextlib.suppress(OSError):
                self.temporary.unlink()

    def _drop_journal(self) -> None:
        """Delete the journal of a file that was not closed, and is replaced now."""
        if has_journal(self.target) and not is_locked(self.target):
            with contextlib.suppress(OSError):  # then it is refused as that of another file
                journal_of(self.target).unlink()

    def _take_after_old(self) -> None:
        try:
            old = self.target.stat()
        except FileNotFoundError:
            return
        shutil.copymode(self.target, self.temporary)
        if hasattr(os, "chown"):
            with contextlib.suppress(PermissionError):
                os.chown(self.temporary, old.st_uid, old.st_gid)


def open_file(path: Path, mode: str, options: dict[str, Any]) -> tuple[h5py.File, NewFile | None]:
    """Open a file.

    Returns
    -------
    file : h5py.File
    new : NewFile or None
        How it gets to its place when it is closed, None where it is in place already.

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
    driver = options.get("driver")
    in_place = driver in IN_PLACE or (driver == "core" and not options.get("backing_store", True))
    if mode in ("w-", "x") and path.exists():
        raise WriteError(f"{path} exists already; mode 'w' would replace it")
    fresh = mode in ("w", "w-", "x") or (mode == "a" and not path.exists())
    if in_place:
        return _open(path, mode if driver != "core" or not fresh else "w", options), None
    if path.exists() and not path.is_file():  # to open a pipe would wait for somebody to write
        what = f"{path} is a {'folder' if path.is_dir() else 'device, not a file'}"
        raise FormatError(what) if mode == "r" else WriteError(what)
    if not fresh:
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist")
        return _open(path, "r+" if mode == "a" else mode, options), None
    new = NewFile(path, replace=mode == "w")
    check_unheld(new.target, options)
    try:
        return _open(new.temporary, "w", options), new
    except BaseException:
        new.discard()
        raise


def _rename_to_new(source: Path, target: Path) -> None:
    """Rename a file, unless the target exists; a plain rename would replace it."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # this file system has no hard links
        if target.exists():
            raise FileExistsError(str(target)) from None
        source.replace(target)
    else:
        source.unlink()


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


def check_unheld(path: Path, options: dict[str, Any]) -> None:
    """Refuse to replace a file that another process is writing to; `options` are h5py's."""
    locking = options.get("locking")
    if locking in (False, "false") or not path.exists():
        return
    try:
        h5py.File(path, "r+", locking=locking).close()
    except (OSError, RuntimeError) as error:
        if _is_held(error):
            raise WriteError(f"{path} is open elsewhere: {error}") from error


def _is_held(error: Exception) -> bool:
    text = str(error)
    return isinstance(error, BlockingIOError) or (
        "unable to lock file" in text or "already open" in text
    )
