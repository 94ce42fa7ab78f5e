"""The checksums of all datasets of a file."""

from typing import Any

import h5py

from raggedh5.store.chunk_sums import ChunkSums
from raggedh5.store.facts import Facts, address_of, name_of
from raggedh5.store.paths import is_within
from raggedh5.store.stored_sums import ROOT, StoredSums

__all__ = ["FileSums"]


class FileSums(StoredSums):
    """The checksums of all datasets of a file that were asked for.

    Parameters
    ----------
    file
        The open file.

    Attributes
    ----------
    moves : list of (str, str)
        Paths that something had, and has now, in the order in which they were changed; empty ones
        of what was removed.
    """

    def __init__(self, file: h5py.File) -> None:
        super().__init__(file)
        self.moves: list[tuple[str, str]] = []
        self._known: dict[int, ChunkSums] = {}

    def of(self, facts: Facts, fresh: bool = False) -> ChunkSums:
        """Return the one object that holds the checksums of a dataset.

        Parameters
        ----------
        facts
            The dataset.
        fresh
            Whether it has just been created, and so has no checksums in the file.
        """
        found = self._known.get(facts.address)
        if found is None:
            if self.moves:
                facts.name = self.path_now(facts.id, facts.name) or facts.name
            # Another thread may have come first.
            found = self._known.setdefault(facts.address, ChunkSums(self, facts, fresh))
        return found

    def save(self) -> None:
        """Bring the checksums of all chunks to the file that are in it already."""
        for sums in list(self._known.values()):
            sums.save()

    def forget(self, path: str) -> None:
        """Drop the checksums of datasets that were at `path` or below, and are no more."""
        path = self.path(path)
        for address, sums in list(self._known.items()):
            if is_within(sums.stored_at, path):
                del self._known[address]
        self.drop_below(path)

    def move(self, old: str, new: str) -> None:
        """Keep the checksums of what was at `old` for what is now at `new`, all of them saved."""
        self.let_go()
        old, new = self.path(old, fresh=True), self.path(new, fresh=True)
        self.drop_below(new)
        if f"{ROOT}{old}" in self.file:
            self.file.move(f"{ROOT}{old}", f"{ROOT}{new}")
        for address, sums in list(self._known.items()):
            if is_within(sums.stored_at, old) or is_within(sums.stored_at, new):
                del self._known[address]
        self.moves.append((old, new))
        self.let_go()

    def path_now(self, identifier: Any, name: str) -> str | None:
        """Return where an object is that was at `name` once, None where it is there no more.

        HDF5 knows where a group went with the one that it is in, but of a dataset it does not.
        """
        address = address_of(identifier)
        said = name_of(identifier)
        if said is not None and self.has(said, address):
            return said
        for first in range(len(self.moves)):
            at = name
            for old, new in self.moves[first:]:
                if is_within(at, old):
                    at = f"{new}{at[len(old) :]}" if new else ""
            if at and self.has(at, address):
                return at
        return None

    def clear(self) -> None:
        """Let go of everything."""
        self._known.clear()
        self.let_go()
