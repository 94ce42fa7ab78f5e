"""Checksums of chunks and fingerprints of datasets, under ``/__raggedh5__``.

For a dataset at ``/a/b`` the checksums of its chunks stand in ``/__raggedh5__/checksums/a/b``, a
uint64 dataset in the row-major order of the chunk grid (0: unknown); its attribute `fingerprint`
says what the dataset's own metadata must say.
"""

import json
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from raggedh5._version import __version__
from raggedh5.core.checksum import UNKNOWN
from raggedh5.core.chunk_codecs import Filter
from raggedh5.errors import FormatError
from raggedh5.store.attributes import create_list, get_text, read_list, set_text
from raggedh5.store.filters import pipeline_of

__all__ = ["CHECKSUMS", "FORMAT_VERSION", "GROUP", "ChunkSums", "describe_library"]

GROUP = "__raggedh5__"
FORMAT_VERSION = 1
CHECKSUMS = "checksums"
_GROWTH = 256


class ChunkSums:
    """The checksums of one dataset, in memory; `save` brings what is new to the file.

    Parameters
    ----------
    dataset
        The dataset.
    pipeline
        Its filters, where they are known already.
    fresh
        Whether it has just been created, and so has no checksums in the file.
    """

    def __init__(
        self,
        dataset: h5py.Dataset,
        pipeline: tuple[Filter, ...] | None = None,
        fresh: bool = False,
    ) -> None:
        self.path = f"{GROUP}/{CHECKSUMS}{dataset.name}"
        self._file = dataset.file
        self._dataset = dataset
        self._pipeline = pipeline
        self._stored: Any = None
        self.values: NDArray[np.uint64] = np.zeros(0, np.uint64)
        if not fresh:
            self._stored, self.values = self._load()
        self._unsaved: tuple[int, int] | None = None

    @property
    def known(self) -> bool:
        """Whether the file has checksums for this dataset."""
        return self._stored is not None

    def get(self, index: int) -> int:
        """Return the checksum of chunk `index`, 0 where none is known."""
        return int(self.values[index]) if index < len(self.values) else UNKNOWN

    def put(self, index: int, value: int) -> None:
        """Set the checksum of chunk `index`."""
        if index >= len(self.values):
            grown = np.zeros(max(2 * len(self.values), index + 1, 16), np.uint64)
            grown[: len(self.values)] = self.values
            self.values = grown
        self.values[index] = value
        low, high = self._unsaved or (index, index)
        self._unsaved = (min(low, index), max(high, index))

    def save(self) -> None:
        """Write what changed since the last call."""
        if self._unsaved is None:
            return
        low, high = self._unsaved
        if self._stored is None:
            self._create(self.values[: high + 1])
        else:
            stored = h5py.Dataset(self._stored)
            if len(stored) <= high:
                stored.resize((high + 1,))
            stored[low : high + 1] = self.values[low : high + 1]
        self._unsaved = None

    def forget(self, count: int) -> None:
        """Drop the checksums of all chunks from `count` on."""
        if len(self.values) > count:
            self.values[count:] = UNKNOWN
            if self._stored is not None and self._stored.shape[0] > count:
                self._stored.set_extent((count,))
            if self._unsaved is not None:
                low, high = self._unsaved
                self._unsaved = (low, min(high, count - 1)) if low < count else None

    def check_fingerprint(self) -> None:
        """Refuse a dataset whose metadata is not what it was when the dataset was written."""
        if self._stored is None:
            return
        said = get_text(self._stored, "fingerprint")
        if said != self._fingerprint():
            raise FormatError(
                f"{self._dataset.name}: the metadata does not match its fingerprint: the file "
                f"says {self._fingerprint()}, but was written as {said}"
            )

    def _load(self) -> tuple[Any, NDArray[np.uint64]]:
        """Return the id of the stored checksums, None where there are none, and their values."""
        try:
            found, values = read_list(self._file, self.path)
        except (KeyError, OSError, RuntimeError, ValueError, MemoryError) as error:
            raise FormatError(f"/{self.path} cannot be read: {error}") from error
        if found is not None and values is None:
            raise FormatError(f"/{self.path} is not a list of checksums")
        return found, np.zeros(0, np.uint64) if values is None else values

    def _create(self, values: NDArray[np.uint64]) -> None:
        describe_library(self._file)
        self._stored = create_list(self._file, self.path, values, _GROWTH)
        set_text(self._stored, "fingerprint", self._fingerprint())

    def _fingerprint(self) -> str:
        dataset = self._dataset
        if self._pipeline is None:
            self._pipeline = pipeline_of(dataset)
        said: dict[str, Any] = {
            "dtype": dataset.dtype.str,
            "inner": dataset.shape[1:],
            "chunks": dataset.chunks,
            "filters": self._pipeline,
        }
        return json.dumps(said, separators=(",", ":"))


def describe_library(file: h5py.File) -> None:
    """Write the versions of format and library, and the checksum's name, once a file."""
    if GROUP not in file:
        group = file.create_group(GROUP)
        group.attrs["format-version"] = FORMAT_VERSION
        set_text(group.id, "library-version", f"raggedh5 {__version__}")
        set_text(group.id, "checksum", "xxh3-64")
