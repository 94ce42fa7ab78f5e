"""The checksums of the chunks of one dataset, in memory and on their way to the file."""

import json
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from raggedh5.core.checksum import UNKNOWN
from raggedh5.errors import FormatError, WriteError
from raggedh5.store.attributes import get_number, get_text, set_number
from raggedh5.store.facts import Facts
from raggedh5.store.stored_sums import StoredSums

__all__ = ["ChunkSums"]

_ENCODER = json.JSONEncoder(separators=(",", ":"))


class ChunkSums:
    """The checksums of one dataset, in memory; `save` brings what is new to the file.

    Parameters
    ----------
    sums
        What the whole file has.
    facts
        The dataset.
    fresh
        Whether it has just been created, and so has no checksums in the file.
    """

    def __init__(self, sums: StoredSums, facts: Facts, fresh: bool = False) -> None:
        self._sums = sums
        self._facts = facts
        self._stored: Any = None
        self.stored_at = sums.path(facts.name, fresh)
        # By which of several names it is written to next, nobody knows.
        self._kept = facts.links == 1 and not sums.has_many_names(self.stored_at)
        self.values: NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._listed: Any = None
        if not fresh and self._kept:
            self._listed, values = sums.read(self.stored_at, facts.address)
            if values is not None:
                self._stored, self.values = self._listed, values
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
        """Write what changed since the last call, unless the dataset is elsewhere by now.

        Raises
        ------
        WriteError
            If it cannot be written; the next call tries again.
        """
        if self._unsaved is None:
            return
        try:
            if self._kept and self._sums.usable:
                if self._sums.has(self.stored_at, self._facts.address):
                    self._store(*self._unsaved)
                else:
                    self._sums.drop(self.stored_at, self._stored)
                    self._stored = None
        except (KeyError, OSError, RuntimeError, ValueError) as error:
            raise WriteError(
                f"{self.stored_at}: its checksums could not be written: {error}"
            ) from error
        self._unsaved = None

    def keep_rows(self, rows: int) -> None:
        """Keep a copy of the extent along axis 0 of a dataset, if it has checksums.

        Raises
        ------
        WriteError
            If it cannot be written.
        """
        if self._stored is None:
            return
        try:
            set_number(self._stored, "rows", rows)
        except (OSError, RuntimeError, ValueError) as error:
            raise WriteError(f"{self.stored_at}: its rows could not be kept: {error}") from error

    def kept_rows(self) -> int | None:
        """Return the copy of the extent along axis 0, None where there is none.

        Raises
        ------
        FormatError
            If it cannot be read.
        """
        if self._stored is None:
            return None
        try:
            return get_number(self._stored, "rows")
        except (KeyError, OSError, RuntimeError, ValueError) as error:
            raise FormatError(f"{self.stored_at}: its rows cannot be read: {error}") from error

    def restart(self) -> None:
        """Forget all checksums: the dataset is another one than they are of."""
        self._listed = self._stored = self._unsaved = None
        self.values = np.zeros(0, np.uint64)

    def _store(self, low: int, high: int) -> None:
        if self._stored is None:
            self._stored = self._sums.create(
                self.stored_at, self.values[: high + 1], self._facts.address, self._fingerprint()
            )
            return
        if self._stored.shape[0] <= high:
            self._stored.set_extent((high + 1,))
        changed = self.values[low : high + 1]
        place = self._stored.get_space()
        place.select_hyperslab((low,), changed.shape)
        self._stored.write(h5py.h5s.create_simple(changed.shape), place, changed)

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
        if self._listed is None:
            return
        try:
            said = get_text(self._listed, "fingerprint")
        except (KeyError, OSError, RuntimeError, ValueError) as error:
            raise FormatError(
                f"{self._facts.name}: its fingerprint cannot be read: {error}"
            ) from error
        wanted = self._fingerprint()
        if said != wanted:
            raise FormatError(
                f"{self._facts.name}: the metadata does not match its fingerprint: the file says "
                f"{wanted}, but was written as {said}"
            )

    def _fingerprint(self) -> str:
        facts = self._facts
        said: dict[str, Any] = {
            "dtype": facts.dtype.str,
            "inner": facts.inner,
            "chunks": facts.chunks,
            "filters": facts.pipeline,
        }
        if not facts.plain:
            # Of a type that is a little different from the dtype, HDF5 makes other numbers.
            said["plain"] = False
        return _ENCODER.encode(said)
