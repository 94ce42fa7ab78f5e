"""The arrays of an ``.npz`` archive, read a few rows at a time and never unpickled.

`numpy.load` reads an array whole; the padded batches that this is for may be larger than memory.
The format of the members: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import contextlib
import math
import zipfile
from collections.abc import Generator, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from raggedh5.errors import FormatError

__all__ = ["Member", "Npz"]

Array = NDArray[Any]

LARGEST = 1 << 62
"""Bytes that NumPy would refuse to count, even where an axis of 0 leaves none of them."""

PIECE = 1 << 18
"""Bytes that are read at once: more gains nothing, and each is copied once more by zipfile."""


class Npz:
    """An open archive.

    Parameters
    ----------
    path
        Path of the file.

    Attributes
    ----------
    members : dict of Member
        The arrays by name, in the order of the archive.

    Raises
    ------
    FormatError
        If it is no archive of arrays, damaged, or holds Python objects.
    OSError
        If it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._archive: zipfile.ZipFile | None = None
        with damage(path):
            self._archive = zipfile.ZipFile(path)
        self.members: dict[str, Member] = {}
        try:
            for info in self._archive.infolist():
                if not info.is_dir():
                    member = Member(self._archive, info, path)
                    self.members[member.name] = member
        except BaseException:
            self._archive.close()
            raise
        if not self.members:
            self._archive.close()
            raise FormatError(f"{path} holds no arrays")

    def __enter__(self) -> Self:
        """Return the archive itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file."""
        if self._archive is not None:
            self._archive.close()


class Member:
    """One array of an archive: what its header says, and its rows.

    Attributes
    ----------
    name, shape, dtype
        As NumPy has them.
    """

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> None:
        self.path = path
        self._archive = archive
        self._info = info
        self.name = info.filename.removesuffix(".npy")
        if self.name == info.filename:
            raise FormatError(f"{path}: {info.filename!r} is no array")
        with damage(path, self.name), archive.open(info) as file:
            self.shape, self._fortran, self.dtype = _header(file)
            start = file.tell()
        if self.dtype.hasobject:
            raise FormatError(
                f"{path}: {self.name!r} holds pickled Python objects, which are never loaded; "
                "save it as an array of numbers or of text"
            )
        if math.prod(n for n in self.shape if n > 0) * max(self.dtype.itemsize, 1) > LARGEST:
            raise FormatError(
                f"{path}: {self.name!r} is damaged: no array has the shape {self.shape}"
            )
        if min(self.shape, default=0) < 0 or info.file_size - start != self.nbytes:
            raise FormatError(
                f"{path}: {self.name!r} is damaged: {info.file_size - start} bytes of values do "
                f"not make {self.dtype} of shape {self.shape}"
            )

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return self.dtype.itemsize * math.prod(self.shape)

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.dtype.itemsize * math.prod(self.shape[1:])

    def rows(self, step: int) -> Generator[Array]:
        """Go through the array in blocks of `step` rows: one empty block if there are none.

        Blocks are in native byte order. An array in Fortran order is read whole first.
        """
        native = self.dtype.newbyteorder("=")
        if self._fortran and len(self.shape) > 1:
            whole = self.read()
            for first in range(0, max(self.shape[0], 1), step):
                yield np.ascontiguousarray(whole[first : first + step])
            return
        with damage(self.path, self.name), self._archive.open(self._info) as file:
            _header(file)
            for first in range(0, max(self.shape[0], 1), step):
                count = min(step, self.shape[0] - first)
                block = np.empty((count, *self.shape[1:]), self.dtype)
                _fill(file, block)
                yield block.astype(native, copy=False)
            # zipfile compares the checksum where it meets the end.
            file.read(1)

    def read(self) -> Array:
        """Read the whole array, of any number of axes."""
        native = self.dtype.newbyteorder("=")
        with damage(self.path, self.name), self._archive.open(self._info) as file:
            values: Array = npy.read_array(file, allow_pickle=False)
        return values.astype(native, copy=False)


@contextlib.contextmanager
def damage(path: Path, name: str | None = None) -> Iterator[None]:
    """Turn what reading a bad archive raises into a `FormatError`.

    That is a long list (zipfile, zlib, lzma, tokenize and struct have errors of their own), and
    nothing but reading is done under it.
    """
    try:
        yield
    except (FormatError, OSError, MemoryError):
        raise
    except Exception as error:
        if name is None:
            raise FormatError(f"{path} is no .npz archive, or is cut short: {error}") from error
        raise FormatError(f"{path}: {name!r} is damaged: {error}") from error


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(file)
    if version == (1, 0):
        return npy.read_array_header_1_0(file)
    if version == (2, 0):
        return npy.read_array_header_2_0(file)
    raise ValueError(f"version {version} of the array format has names of fields in it")


def _fill(file: IO[bytes], block: Array) -> None:
    if not block.nbytes:
        return
    target = block.reshape(-1).view(np.uint8).data
    at = 0
    while at < len(target):
        piece = file.read(min(PIECE, len(target) - at))
        if not piece:
            raise EOFError("the archive ends before the array does")
        target[at : at + len(piece)] = piece
        at += len(piece)
