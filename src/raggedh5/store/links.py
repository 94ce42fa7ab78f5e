"""Links into other files: what they lead to is read and appended to in its own file."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
from h5py import h5d, h5g, h5o, h5p

from raggedh5.store.handle import Handle

__all__ = ["Links", "access_to_others"]


def access_to_others(file: h5py.File) -> h5p.PropFAID:
    """Return how HDF5 is to open the files that links and virtual datasets of a file lead to.

    As the file itself, unless that is read by way of Python: the driver would find it again,
    whatever the name.
    """
    if file.driver == "fileobj":
        return h5p.create(h5p.FILE_ACCESS)
    return file.id.get_access_plist()


class Links:
    """The files that links out of one file lead to, opened by HDF5 and closed by it.

    Parameters
    ----------
    handle
        The file that the links are in.
    """

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._epoch = -1
        self._number = 0
        self._others: dict[int, Handle] = {}

    def handle_of(self, item: h5py.Group | h5py.Dataset) -> Handle:
        """Return the handle of the file that an item lies in."""
        number = h5py.h5o.get_info(item.id).fileno
        if self._epoch != self._handle.epoch:
            self._number = h5py.h5o.get_info(self._handle.root.id).fileno
            self._epoch = self._handle.epoch
        if number == self._number:
            return self._handle
        found = self._others.get(number)
        if found is None or not found.is_open:
            own = self._handle
            found = Handle(item.file, threads=own.pool.threads, verify=own.verify, adopted=True)
            found.reopen = own.reopen
            self._others[number] = found
        return found

    def open(self, parent: h5py.Group, name: str) -> Any:
        """Return the group, dataset or type of a name, also where a link leads to another file.

        Raises
        ------
        KeyError
            If there is no such object.
        """
        try:
            return self._open(parent, name)
        except RuntimeError as error:
            if "too many links" in str(error):
                raise KeyError(f"{name!r} leads from link to link, and nowhere") from error
            raise

    def _open(self, parent: h5py.Group, name: str) -> Any:
        if self._handle.file.driver != "fileobj":
            return parent[name]
        access = h5p.create(h5p.LINK_ACCESS)
        access.set_elink_fapl(access_to_others(self._handle.file))
        # HDF5 does not know the folder of a file that Python reads.
        access.set_elink_prefix(os.fsencode(Path(self._handle.location).parent))
        found = h5o.open(parent.id, name.encode("utf-8", "surrogateescape"), access)
        if isinstance(found, h5g.GroupID):
            return h5py.Group(found)
        return h5py.Dataset(found) if isinstance(found, h5d.DatasetID) else h5py.Datatype(found)

    def get(self, parent: h5py.Group, name: str) -> Any:
        """Return the same, None where there is no such object."""
        try:
            return self.open(parent, name)
        except KeyError:
            return None

    def others(self) -> Iterator[Handle]:
        """Go through the handles of other files."""
        return (handle for handle in self._others.values() if handle.is_open)

    def release(self) -> None:
        """Let go of the other files, so that HDF5 closes them."""
        for handle in self._others.values():
            handle.release()
        self._others.clear()
