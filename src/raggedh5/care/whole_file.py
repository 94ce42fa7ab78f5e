"""A file as care is handed it: by its path, open as ours, or open in h5py."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from raggedh5.errors import WriteError
from raggedh5.store.damage import damage_told
from raggedh5.store.file import File

__all__ = ["opened", "opened_to_write"]


@contextlib.contextmanager
def opened(file: Any) -> Iterator[Any]:
    """Yield the h5py object of a file that is to be read.

    Parameters
    ----------
    file : path-like, File, h5py.File or h5py.Group
        What is open already stays open.

    Raises
    ------
    FileNotFoundError, FormatError
        As `File` does; also where HDF5 cannot read what the caller asks for.
    ClosedError
        If it is a `File` that was closed.
    """
    with damage_told(file):
        if isinstance(file, (str, os.PathLike)):
            with File(file) as own:
                yield own.h5
        else:
            yield _adopted(file).h5


@contextlib.contextmanager
def opened_to_write(file: Any) -> Iterator[Any]:
    """Yield the h5py object of a file that is to be written to; it is flushed after that.

    Parameters
    ----------
    file : path-like, File, h5py.File or h5py.Group
        What is open already stays open. A path is opened in place; no file is made.

    Raises
    ------
    FileNotFoundError, FormatError
        As `File` does.
    WriteError
        If it cannot be written to.
    ClosedError
        If it is a `File` that was closed.
    """
    own = None
    if isinstance(file, (str, os.PathLike)):
        with damage_told(file):
            own = File(file, "r+")
        root = own.h5
    else:
        root = _adopted(file).h5
        if root.file.mode == "r":
            raise WriteError(f"{root.file.filename} was opened for reading; open it with mode 'a'")
    try:
        yield root
        root.file.flush()
    except (OSError, RuntimeError) as error:
        if isinstance(error, WriteError):
            raise
        raise WriteError(f"{root.file.filename} could not be written: {error}") from error
    finally:
        if own is not None:
            own.close()


def _adopted(file: Any) -> File:
    found = file if isinstance(file, File) else File(file)
    iter(found)  # raises where it is closed
    return found
