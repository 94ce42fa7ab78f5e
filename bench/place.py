"""Where files are put while they are measured, and what the file system does to the figures."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

PLACES = ("memory", "disk")


class Place:
    """A directory of its own, in memory (/dev/shm) or on disk, removed at the end."""

    def __init__(self, name: str):
        root = "/dev/shm" if name == "memory" and Path("/dev/shm").is_dir() else None
        self.name = name
        self.directory = Path(tempfile.mkdtemp(prefix="raggedh5-bench-", dir=root))

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.directory)

    def path(self, name: str, suffix: str) -> Path:
        return self.directory / f"{name}{suffix}"

    def warm(self, nbytes: int) -> None:
        """Write and delete as much as will be measured.

        The first touch of a page of memory can make the same write several times slower, by far the
        most so in a virtual machine that has to ask its host for it.
        """
        block = bytes(1 << 20)
        path = self.directory / "warm"
        with path.open("wb", buffering=0) as file:
            for _ in range(nbytes // len(block) + 1):
                file.write(block)
        path.unlink()

    def settle(self, path: Path) -> None:
        """On disk, wait until the file is there: every contender is timed to this point."""
        if self.name == "disk":
            for file in files(path):
                with file.open("rb") as opened:
                    os.fsync(opened.fileno())


def files(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]


def size(path: Path) -> int:
    return sum(file.stat().st_size for file in files(path))


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
