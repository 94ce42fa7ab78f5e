"""New files that whole-file work makes from others: what must not be overwritten, and what is."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from raggedh5.errors import SchemaError, WriteError
from raggedh5.store.file import File

__all__ = ["check_target", "new_file"]


def check_target(sources: Sequence[Path], target: Path, overwrite: bool) -> None:
    """Refuse a target that is one of the sources, a folder, or there already.

    Raises
    ------
    FileNotFoundError
        If a source does not exist.
    SchemaError
        If the target is one of them, by whatever name.
    WriteError
        If it is a folder, or exists and `overwrite` is not set.
    """
    for source in sources:
        if not source.exists():
            raise FileNotFoundError(f"{source} does not exist")
        if target.exists() and target.samefile(source):
            raise SchemaError(f"{target} is {source} itself; give another name for the new file")
    if target.is_dir():
        raise WriteError(f"{target} is a folder")
    if target.exists() and not overwrite:
        raise WriteError(
            f"{target} exists already; it is replaced with overwrite=True, or --overwrite"
        )


@contextlib.contextmanager
def new_file(source: File, target: Path, overwrite: bool) -> Iterator[File]:
    """Open a new file that goes in place when it is complete, and is dropped after an exception.

    It tracks the order in which names come at its root, and has a user block, where `source` does.
    """
    options: dict[str, Any] = {}
    if source.h5.id.get_create_plist().get_link_creation_order():
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
        yield file
