"""What is in an open file, by name: tables, arrays, and the plain HDF5 objects beside them."""

from collections.abc import Iterator
from typing import Any

import h5py

from raggedh5.store.array import Array
from raggedh5.store.contents import tables_and_arrays
from raggedh5.store.facts import address_of
from raggedh5.store.handle import Handle
from raggedh5.store.layout import Storage, is_table
from raggedh5.store.links import Links
from raggedh5.store.opened import Opened
from raggedh5.store.stored_sums import GROUP
from raggedh5.store.table import Table

__all__ = ["FileItems"]


class FileItems:
    """The part of `raggedh5.File` that looks things up and reads them."""

    _handle: Handle
    _opened: Opened
    _links: Links
    _storage: Storage

    def __getitem__(self, name: str) -> Any:
        """Return a `Table`, an `Array`, or a plain `h5py.Group`, by path. Nothing is read yet.

        Raises
        ------
        KeyError
            If there is no such object.
        """
        self._handle.check_open()
        return self._handle.steadily(lambda: self._item(name))

    def __contains__(self, name: object) -> bool:
        """Whether there is such an object."""
        self._handle.check_open()
        return name in self._handle.root

    def __iter__(self) -> Iterator[str]:
        """Go through the names at the top, but for the library's own group."""
        self._handle.check_open()
        return (name for name in self._handle.root if name != GROUP)

    def keys(self) -> list[str]:
        """Return the names at the top, but for the library's own group."""
        return list(self)

    def tables(self) -> dict[str, Table]:
        """Return all tables, by path, wherever they are in the file."""
        return self.contents()[0]

    def arrays(self) -> dict[str, Array]:
        """Return all datasets that are no part of a table or an index, by path."""
        return self.contents()[1]

    def contents(self) -> tuple[dict[str, Table], dict[str, Array]]:
        """Return all tables and arrays, by path, but for those of an index of rows."""
        self._handle.check_open()
        return self._handle.steadily(self._contents)

    def _item(self, name: str) -> Any:
        item = self._links.open(self._handle.root, name)
        if is_table(item):
            found: Any = self._table(item)
        elif isinstance(item, h5py.Dataset):
            found = self._array(item)
        else:
            return item
        if not self._shows(item):
            raise KeyError(f"{name!r} came after the last refresh")
        return found

    def _shows(self, item: h5py.Group | h5py.Dataset) -> bool:
        live = self._opened.live
        return live is None or live.shows(address_of(item.id))

    def _contents(self) -> tuple[dict[str, Table], dict[str, Array]]:
        tables: dict[str, Table] = {}
        arrays: dict[str, Array] = {}
        for path, item in tables_and_arrays(self._handle.root, self._links):
            if not self._shows(item):
                continue
            if is_table(item):
                tables[path] = self._table(item)
            else:
                arrays[path] = self._array(item)
        return tables, arrays

    def read(self) -> dict[str, Any]:
        """Read everything.

        Returns
        -------
        dict
            By path: for a table a dict of `Ragged`, for a row table a dict of arrays, for any other
            dataset an array.

        Raises
        ------
        FormatError
            If a table or a chunk is damaged.
        CodecError
            If a filter is missing.
        """
        return self._handle.steadily(self._read)

    def _read(self) -> dict[str, Any]:
        tables, arrays = self.contents()
        # While one is looked at, the chunks of those before it are decoded.
        task = self._handle.pool.task()
        finishes = {}
        try:
            for path, item in (tables | arrays).items():
                calls, finishes[path] = item.plan()
                task.add(calls)
        finally:
            task.finish()
        return {path: finish() for path, finish in finishes.items()}

    def refresh(self) -> None:
        """See what has been flushed since the file was opened, or since the last call.

        Tables and arrays that were had before go on with it. What `h5` returned before is closed.

        Raises
        ------
        ValueError
            If the file was not opened with ``live=True``.
        FormatError, WriteError
            If it cannot be read any more.
        """
        if self._opened.live is None:
            raise ValueError(f"{self._handle.path} was not opened with live=True")
        self._handle.check_open()
        self._handle.steadily(self._pin)

    def _pin(self) -> None:
        live = self._opened.live
        if live is None:
            return
        live.lengths = None
        self._handle.epoch += 1
        tables, arrays = self.contents()
        lengths = {address_of(table.h5.id): len(table) for table in tables.values()}
        for array in arrays.values():
            lengths[address_of(array.h5.id)] = len(array) if array.ndim else 0
        live.lengths = lengths
        self._handle.epoch += 1

    def _table(self, group: h5py.Group) -> Table:
        return Table(self._links.handle_of(group), group, self._storage)

    def _array(self, dataset: h5py.Dataset) -> Array:
        return Array(self._links.handle_of(dataset), dataset, self._storage.blocksize)
