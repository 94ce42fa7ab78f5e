"""Links into other files: what they lead to is read and appended to in its own file."""

from collections.abc import Iterator

import h5py

from raggedh5.store.handle import Handle

__all__ = ["Links"]


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

    def others(self) -> Iterator[Handle]:
        """Go through the handles of other files."""
        return (handle for handle in self._others.values() if handle.is_open)

    def release(self) -> None:
        """Let go of the other files, so that HDF5 closes them."""
        for handle in self._others.values():
            handle.release()
        self._others.clear()
