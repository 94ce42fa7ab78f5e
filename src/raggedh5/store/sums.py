"""The checksums of all datasets of a file."""

import h5py

from raggedh5.store.chunk_sums import ChunkSums
from raggedh5.store.facts import Facts
from raggedh5.store.stored_sums import ROOT, StoredSums

__all__ = ["FileSums"]


class FileSums(StoredSums):
    """The checksums of all datasets of a file that were asked for.

    Parameters
    ----------
    file
        The open file.
    """

    def __init__(self, file: h5py.File) -> None:
        super().__init__(file)
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
            if f"{sums.stored_at}/".startswith(f"{path}/"):
                del self._known[address]
        self.drop_below(path)

    def move(self, old: str, new: str) -> None:
        """Keep the checksums of what was at `old` for what is now at `new`, all of them saved."""
        old, new = self.path(old), self.path(new)
        if f"{ROOT}{old}" in self.file:
            self.drop_below(new)
            self.file.move(f"{ROOT}{old}", f"{ROOT}{new}")
        for address, sums in list(self._known.items()):
            if f"{sums.stored_at}/".startswith((f"{old}/", f"{new}/")):
                del self._known[address]
        self.let_go()

    def clear(self) -> None:
        """Let go of everything."""
        self._known.clear()
        self.let_go()
