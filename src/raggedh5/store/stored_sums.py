"""Checksums of chunks and fingerprints of datasets as they are stored, under ``/__raggedh5__``.

For a dataset at ``/a/b`` the checksums of its chunks stand in ``/__raggedh5__/checksums/a/b``, a
uint64 dataset in the row-major order of the chunk grid (0: unknown). Its attribute `fingerprint`
says what the dataset's own metadata must say, and `address` which dataset it was.
"""

import contextlib
from typing import Any

import h5py
import numpy as np
from h5py import h5g, h5o
from numpy.typing import NDArray

from raggedh5._version import __version__
from raggedh5.core.checksum import checksum
from raggedh5.errors import FormatError, WriteError
from raggedh5.store.attributes import (
    create_list,
    get_number,
    get_text,
    read_list,
    set_number,
    set_text,
)
from raggedh5.store.facts import address_of
from raggedh5.store.paths import without_links

__all__ = ["FORMAT_VERSION", "GROUP", "ROOT", "StoredSums", "lists_of"]

GROUP = "__raggedh5__"
FORMAT_VERSION = 1
CHECKSUMS = "checksums"
CHECKSUM = "xxh3-64"
ROOT = f"{GROUP}/{CHECKSUMS}"
_GROWTH = 256


class StoredSums:
    """What is under ``/__raggedh5__`` in one file.

    Parameters
    ----------
    file
        The open file.
    """

    def __init__(self, file: h5py.File) -> None:
        self.file = file
        self._groups: dict[str, Any] = {}
        self._folders: dict[str, str] = {}
        self._many_names: dict[str, bool] = {}
        self._described = False
        self._usable: bool | None = None

    @property
    def usable(self) -> bool:
        """Whether the checksums are of the kind that is known here; others are left alone."""
        if self._usable is None:
            try:
                group = self._group(GROUP)
                version = None if group is None else get_number(group, "format-version")
                kind = None if group is None else get_text(group, "checksum")
            except (KeyError, OSError, RuntimeError, ValueError) as error:
                raise FormatError(f"/{GROUP} cannot be read: {error}") from error
            self._usable = (version or 0) <= FORMAT_VERSION and kind in (None, CHECKSUM)
        return self._usable

    def has_many_names(self, path: str) -> bool:
        """Whether the group that a dataset is in can be reached by several hard links."""
        folder = path.rpartition("/")[0]
        known = self._many_names.get(folder)
        if known is None:
            # A group that has been deleted is at no path any more, but may be in use still.
            try:
                there = bool(folder) and folder in self.file
                known = there and h5o.get_info(self.file.id, folder.encode()).rc > 1
            except (KeyError, OSError, RuntimeError, ValueError) as error:
                raise FormatError(f"{folder} cannot be read: {error}") from error
            self._many_names[folder] = known
        return known

    def has(self, path: str, address: int) -> bool:
        """Whether it is the object with that address which is at `path`."""
        try:
            return address_of(self.file.id, path) == address
        except (KeyError, RuntimeError):
            if path in self.file:
                raise
            return False

    def drop_below(self, path: str) -> None:
        """Delete what is kept of all that was at `path` or below."""
        left = f"{ROOT}{path}"
        if left in self.file:
            del self.file[left]
        self.let_go()

    def let_go(self) -> None:
        """Let go of the groups in the file, and of what is known of paths."""
        self._groups.clear()
        self._folders.clear()
        self._many_names.clear()

    def path(self, name: str, fresh: bool = False) -> str:
        """Return the path of an object without the soft links on its way.

        One that is `fresh` has just been created by that name, which is no link then.
        """
        folder, _, last = name.rpartition("/")
        known = self._folders.get(folder)
        if known is None:
            known = self._folders[folder] = without_links(self.file.id, folder)
        if fresh:
            return f"{known}/{last}"
        return without_links(self.file.id, f"{known}/{last}", known)

    def read(self, path: str, address: int) -> tuple[Any, NDArray[np.uint64] | None]:
        """Return the id of the stored checksums of a dataset, None for none, and their values.

        There are no values where they are those of another dataset that was at `path`.
        """
        path = f"{ROOT}{path}"
        folder, _, last = path.rpartition("/")
        try:
            group = self._group(folder) if self.usable else None
            if group is None:
                return None, None
            found, values = read_list(group, last.encode())
            other = found is not None and get_number(found, "address") not in (None, address)
        except (KeyError, OSError, RuntimeError, ValueError, MemoryError) as error:
            raise FormatError(f"/{path} cannot be read: {error}") from error
        if found is not None and values is None:
            raise FormatError(f"/{path} is not a list of checksums")
        return found, None if other else values

    def create(self, path: str, values: NDArray[np.uint64], address: int, fingerprint: str) -> Any:
        """Create the stored checksums of a dataset in place of any that there are."""
        if not self._described:
            _describe_library(self.file)
            self._described = True
        name = f"{ROOT}{path}".encode()
        try:
            try:
                stored = create_list(self.file.id, name, values, _GROWTH)
            except (OSError, RuntimeError, ValueError):
                if name not in self.file:
                    raise
                self.file.id.unlink(name)
                stored = create_list(self.file.id, name, values, _GROWTH)
            set_text(stored, "fingerprint", fingerprint)
            set_number(stored, "address", address)
        except BaseException:
            # Half a list would be taken for a damaged one.
            with contextlib.suppress(KeyError, OSError, RuntimeError):
                self.file.id.unlink(name)
            raise
        return stored

    def keep_table(self, name: str, address: int, length: int, text: str | None) -> None:
        """Keep a copy of length and form of a table beside the checksums of its buffers.

        They say what the numbers mean, and have no checksum of their own. Nothing is done where
        there are no checksums.

        Parameters
        ----------
        name, address
            The table.
        length, text
            Its length and its form, None for a form that is kept already.

        Raises
        ------
        WriteError
            If it cannot be written.
        """
        try:
            group = self._group(f"{ROOT}{self.path(name)}") if self.usable else None
            if group is None:
                return
            if text is not None:
                set_text(group, "form", text)
                set_text(group, "form-checksum", _form_checksum(text))
                set_number(group, "address", address)
            set_number(group, "length", length)
        except (KeyError, OSError, RuntimeError, ValueError) as error:
            raise WriteError(f"{name}: a copy of its form could not be kept: {error}") from error

    def kept_table(self, name: str, address: int) -> tuple[str | None, int | None]:
        """Return the copies of form and length of a table, None for those that are not there.

        Raises
        ------
        FormatError
            If it cannot be read, or does not match its checksum.
        """
        try:
            group = self._group(f"{ROOT}{self.path(name)}") if self.usable else None
            if group is None or get_number(group, "address") != address:
                return None, None
            length = get_number(group, "length")
            text, said = get_text(group, "form"), get_text(group, "form-checksum")
        except (KeyError, OSError, RuntimeError, ValueError, TypeError) as error:
            raise FormatError(f"/{ROOT}{name} cannot be read: {error}") from error
        if text is not None and said != _form_checksum(text):
            raise FormatError(f"/{ROOT}{name}: the copy of the form of {name} is damaged")
        return text, length

    def drop(self, path: str, stored: Any) -> None:
        """Delete a list of checksums, unless it is another one that is at `path` now."""
        if stored and self.has(f"{ROOT}{path}", address_of(stored)):
            del self.file[f"{ROOT}{path}"]

    def _group(self, path: str) -> Any:
        """Return the id of a group, None where there is no such."""
        found = self._groups.get(path)
        if found is not None:
            return found
        folder, _, last = path.rpartition("/")
        parent = self._group(folder) if folder else self.file.id
        if parent is None or not parent.links.exists(last.encode()):
            return None
        group = h5o.open(parent, last.encode())
        if not isinstance(group, h5g.GroupID):
            raise FormatError(f"/{path} is not a group")
        self._groups[path] = group
        return group


def _form_checksum(text: str) -> str:
    return f"{checksum(text.encode('utf-8', 'surrogatepass')):016x}"


def lists_of(file: h5py.File) -> tuple[list[str], list[str], str]:
    """Return the paths that there are checksums for, and those that there are forms for.

    Returns
    -------
    datasets, tables : list of str
    problem : str
        Why that may not be all of them, empty where it is.
    """
    datasets: list[str] = []
    tables: list[str] = []

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            datasets.append(f"/{name}")
        elif "form" in item.attrs:
            tables.append(f"/{name}")

    try:
        if ROOT in file:
            file[ROOT].visititems(note)
    except (KeyError, OSError, RuntimeError, ValueError, TypeError) as error:
        return datasets, tables, f"it cannot be read: {error}"
    return datasets, tables, ""


def _describe_library(file: h5py.File) -> None:
    """Write the versions of format and library, and the checksum's name, once a file."""
    if GROUP not in file:
        group = file.create_group(GROUP).id
        set_number(group, "format-version", FORMAT_VERSION)
        set_text(group, "library-version", f"raggedh5 {__version__}")
        set_text(group, "checksum", CHECKSUM)
