"""Structures as JSON in a group each, as pipelines have them."""

from typing import Any

from raggedh5.errors import ClosedError, WriteError
from raggedh5.formats.crystal.json_store.stale_indexes import remove_indexes
from raggedh5.store.raw_json import (
    STRUCTURES,
    names_in_groups,
    read_in_group,
    write_in_group,
)

__all__ = ["GroupLayout"]


class GroupLayout:
    """The structures of one file, each at ``/structures/<refcode>/raw_json``.

    HDF5 compresses the chunks of datasets, and a single value has none: nothing is compressed.

    Parameters
    ----------
    root
        The `h5py.File`.
    """

    def __init__(self, root: Any) -> None:
        self._root = root
        self._groups: Any = None

    @property
    def is_open(self) -> bool:
        """Whether the file is open still."""
        return bool(self._root)

    def write(self, refcode: str, text: str) -> None:
        """Write the JSON of a structure, in place of what there was.

        Raises
        ------
        WriteError
            If the file cannot be written.
        """
        groups = self._groups
        if not groups:
            groups = self._groups = self._made()
        if write_in_group(groups, refcode, text):
            remove_indexes(self._root)

    def read(self, refcode: str) -> str | None:
        """Return the JSON of a structure, None where there is no such."""
        if not self._root:
            raise ClosedError("the file is closed; open it again to go on")
        return read_in_group(self._root, refcode)

    def refcodes(self) -> list[str]:
        """Return the refcodes of all structures, in the order of the file."""
        return names_in_groups(self._root) if STRUCTURES in self._root else []

    def _made(self) -> Any:
        """Return the group of all structures."""
        root = self._root
        if not root:
            raise ClosedError("the file is closed; open it again to go on")
        if root.file.mode == "r":
            raise WriteError(f"{root.file.filename} was opened for reading; open it with mode 'a'")
        return root.require_group(STRUCTURES)
