"""A whole file copied byte for byte, and compared with the checksums in it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py

from raggedh5.errors import WriteError
from raggedh5.store.copying.object_copy import verify_dataset
from raggedh5.store.facts import Facts
from raggedh5.store.file import File
from raggedh5.store.handle import Handle
from raggedh5.store.layout import read_layout
from raggedh5.store.opening import NewFile, check_unheld
from raggedh5.store.walk import walk

__all__ = ["copy_file", "verify_file"]

PIECE = 1 << 24
"""Bytes that are copied at once."""


def copy_file(
    source: Path, target: Path, overwrite: bool, progress: Callable[[int, int], None]
) -> None:
    """Copy a file that nobody writes to, byte for byte; the copy is verified before it is in place.

    Addresses in the file stay what they are, and with them references, checksums and everything
    else. The system copies (`copy_file_range`): on some file systems both files share their blocks.

    Raises
    ------
    FormatError
        If a chunk does not agree with its checksum, or the file's structure is damaged.
    WriteError
        If the file cannot be written.
    """
    new = NewFile(target, overwrite)
    check_unheld(new.target, {})
    with new as temporary:
        try:
            _copy_bytes(source, temporary, progress)
        except OSError as error:
            raise WriteError(f"{target} could not be written: {error}") from error
        with File(temporary) as file:
            verify_file(file)


def verify_file(file: File) -> None:
    """Compare every chunk of a file with its checksum, where it has one.

    Raises
    ------
    FormatError
        If one differs, or a table or dataset cannot be opened.
    """
    handle = Handle(file.h5.file, threads=file.threads, verify="always", adopted=True)
    try:
        for found in walk(file.h5):
            if found.kind == "table":
                read_layout(found.item)
                datasets = [item for item in found.item.values() if isinstance(item, h5py.Dataset)]
            else:
                datasets = [found.item] if found.kind == "array" else []
            for dataset in datasets:
                if dataset.chunks and dataset.file.id == file.h5.file.id:
                    verify_dataset(handle, Facts(dataset))
    finally:
        handle.release()


def _copy_bytes(source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    with source.open("rb") as old, target.open("xb") as new:
        total, done = os.fstat(old.fileno()).st_size, 0
        try:
            while done < total:
                progress(done, total)
                count = os.copy_file_range(old.fileno(), new.fileno(), min(PIECE, total - done))
                if not count:
                    break
                done += count
        except (AttributeError, OSError):  # another system, or from one file system to another
            old.seek(done)
            new.seek(done)
        while done < total:
            progress(done, total)
            piece = old.read(PIECE)
            if not piece:
                break
            new.write(piece)
            done += len(piece)
        progress(total, total)
        shutil.copymode(source, target)
