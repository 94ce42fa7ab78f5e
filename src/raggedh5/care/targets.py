"""New files that whole-file work makes from others: what must not be overwritten, and what is."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from raggedh5.errors import WriteError
from raggedh5.store.file import File

__all__ = ["check_room", "check_target", "new_file"]

NEARLY_FULL = 1 << 22
"""Bytes on a disk that is taken for full."""


def check_target(sources: Sequence[Path], target: Path, overwrite: bool) -> None:
    """Refuse a target that is one of the sources, a folder, or there already.

    Raises
    ------
    FileNotFoundError
        If a source does not exist.
    WriteError
        If the target is one of them by whatever name, is a folder, or exists and `overwrite` is not
        set.
    """
    for source in sources:
        if not source.exists():
            raise FileNotFoundError(f"{source} does not exist")
        if target.exists() and target.samefile(source):
            raise WriteError(f"{target} is {source} itself; give another name for the new file")
    if target.is_dir():
        raise WriteError(f"{target} is a folder")
    if target.exists() and not overwrite:
        raise WriteError(f"{target} exists already; overwrite=True, or --overwrite, replaces it")


@contextlib.contextmanager
def new_file(source: File, target: Path, overwrite: bool) -> Iterator[File]:
    """Open a new file that goes in place when it is complete, and is dropped after an exception.

    It tracks the order in which names come at its root, and has a user block, where `source` does.
    """
    options: dict[str, Any] = {}
    if source.h5["/"].id.get_create_plist().get_link_creation_order():
        options["track_order"] = True
    block = int(source.h5.file.userblock_size)
    if block:
        options["userblock_size"] = block
    with File(target, "w" if overwrite else "x", threads=source.threads, **options) as file:
        if block:
            with (
                Path(source.path).open("rb") as old,
                Path(file.h5.file.filename).open("r+b") as new,
            ):
                new.write(old.read(block))
        try:
            yield file
            file.flush()
        except BaseException:
            _make_room(Path(file.h5.file.filename))
            raise


def check_room(target: Path, needed: int) -> None:
    """Refuse to begin what the disk has no room for.

    Raises
    ------
    WriteError
        If the folder of `target` has less than `needed` bytes left.
    """
    folder = Path(os.path.realpath(target)).parent
    try:
        free = shutil.disk_usage(folder).free
    except OSError:  # to write there will say why
        return
    if free < needed:
        raise WriteError(
            f"{target} would take about {needed / 1e6:.1f} MB, but {folder} has {free / 1e6:.1f} MB"
        )


def _make_room(temporary: Path) -> None:
    """Empty a file that is to be dropped, where the disk is full.

    HDF5 writes to it once more when it closes it, and may crash if it cannot.
    """
    with contextlib.suppress(OSError):
        if shutil.disk_usage(temporary.parent).free < NEARLY_FULL:
            os.truncate(temporary, 0)
