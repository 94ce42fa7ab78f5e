"""An open file: tables and arrays in it, and the plain HDF5 objects beside them."""

import contextlib
import os
import weakref
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import h5py
from numpy.typing import DTypeLike

from raggedh5.core.chunks import TARGET, Access
from raggedh5.core.codecs import Blosc
from raggedh5.core.schema import Column
from raggedh5.errors import FormatError, RaggedH5Error, SchemaError, WriteError
from raggedh5.store.array import Array
from raggedh5.store.creating import create_array, create_table
from raggedh5.store.handle import Handle, Verify
from raggedh5.store.layout import Storage, is_table
from raggedh5.store.links import Links
from raggedh5.store.opening import NewFile, open_file
from raggedh5.store.sums import GROUP
from raggedh5.store.superblock import reach_stated_end
from raggedh5.store.table import Table

__all__ = ["File"]

Mode = Literal["r", "r+", "a", "w", "w-", "x"]


class File:
    """A file of tables and arrays. It wraps an `h5py.File`, which stays at hand as `h5`.

    A file that is made anew is written under a temporary name beside `path`, and takes its place
    when it is closed. If an exception leaves the ``with`` block, or the process ends before, the
    file that was there before is there still.

    Parameters
    ----------
    path
        Path of the file; or an `h5py.File` or `h5py.Group` that somebody else has opened and will
        close. What is appended to such a one is in the hands of HDF5 after every call.
    mode
        As in h5py: ``"r"``, ``"r+"``, ``"a"``, ``"w"``, ``"x"``.
    codec
        Compression of what is created: `Blosc`, `LZ4`, `Zstd`, `Bitshuffle`, an hdf5plugin filter,
        ``"gzip"``, ``"lzf"``, a dict of h5py's keywords, None.
    chunk_bytes
        Bytes of values that a chunk aims at.
    threads
        Threads that compress and decompress; None: one for each core available. The file's bytes
        do not depend on it.
    verify
        When the checksum of a chunk is compared: the ``"first"`` time it is read after opening,
        ``"always"`` or ``"never"``.
    **h5py_options
        Passed on to `h5py.File`.

    Raises
    ------
    FileNotFoundError
        If there is no such file to read.
    FormatError
        If it cannot be opened as HDF5.
    WriteError
        If it cannot be written to, is there already (``"x"``), or is open for writing elsewhere.

    Examples
    --------
    >>> import raggedh5 as rh5, numpy as np, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "molecules.h5"
    >>> with rh5.File(path, "w", codec=rh5.Blosc("zstd")) as file:
    ...     atoms = file.create_table("atoms")
    ...     atoms.append({"symbol": [["O", "H", "H"], ["N", "N"]]})
    >>> with rh5.File(path) as file:
    ...     file["atoms"][0]["symbol"].tolist()
    ['O', 'H', 'H']
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | h5py.File | h5py.Group,
        mode: Mode = "r",
        *,
        codec: Any = Blosc(),  # noqa: B008 - immutable
        chunk_bytes: int = TARGET,
        threads: int | None = None,
        verify: Verify = "first",
        **h5py_options: Any,
    ) -> None:
        self._storage = Storage(codec, chunk_bytes)
        self._new: NewFile | None = None
        if isinstance(path, h5py.Group):
            if not path:
                raise SchemaError("the h5py object is closed")
            root, adopted = path, True
        else:
            root, self._new = open_file(Path(path), mode, h5py_options)
            adopted = False
        try:
            self._handle = Handle(
                root,
                threads=threads,
                verify=verify,
                adopted=adopted,
                read_only=not adopted and mode == "r",
            )
            self._links = Links(self._handle)
        except BaseException as error:
            if not adopted:
                root.close()
            if self._new is not None:
                self._new.discard()
            if isinstance(error, RuntimeError):  # h5py's, where the root group is damaged
                raise FormatError(f"{path} cannot be opened as HDF5: {error}") from error
            raise
        self._handle.reopen = partial(
            reopen_item, options={"threads": threads, "verify": verify, **h5py_options}
        )
        self._root = root
        if self._new is not None:
            # A file that is never closed leaves nothing behind.
            self._handle.on_loss = weakref.finalize(self._handle, self._new.discard)
            # Pickles and messages speak of the file by the name that it will have.
            self._handle.path = self._handle.location = str(self._new.target)

    @property
    def h5(self) -> h5py.File | h5py.Group:
        """The h5py object underneath."""
        return self._root

    @property
    def path(self) -> str:
        """Path of the file."""
        return self._handle.path

    @property
    def threads(self) -> int:
        """Threads that compress and decompress."""
        return self._handle.pool.threads

    def create_table(
        self,
        name: str,
        columns: Mapping[str, Column | DTypeLike | tuple[Any, Any]] | None = None,
        *,
        ragged: bool = True,
        codec: Any = "inherit",
        chunk_bytes: int | None = None,
        access: Access = "scan",
    ) -> Table:
        """Create an empty table.

        Parameters
        ----------
        name
            Its path in the file.
        columns
            Dtypes, pairs of dtype and inner shape, ``"str"``, or `Column`, by name. Values of
            batches are converted to these. Without it, columns are as in the first batch, and
            later ones must have the same dtypes.
        ragged
            False for a row table, with one value a row in each column.
        codec, chunk_bytes
            Where they are to differ from the file's.
        access
            ``"scan"``, or ``"random"`` for shorter chunks; Blosc serves both with long ones.

        Raises
        ------
        SchemaError
            If there is such an object already, or a column cannot be stored.
        WriteError
            If the file cannot be written to.
        """
        storage = self._storage_of(codec, chunk_bytes, access)
        group = create_table(self._handle, self._root, name, columns or {}, storage, ragged)
        return Table(self._handle, group, storage)

    def create_array(
        self,
        name: str,
        shape: tuple[int, ...] | None = None,
        dtype: DTypeLike | None = None,
        *,
        data: Any = None,
        codec: Any = "inherit",
        chunks: tuple[int, ...] | None = None,
        chunk_bytes: int | None = None,
        access: Access = "scan",
        attrs: Mapping[str, Any] | None = None,
    ) -> Array:
        """Create a dense array that grows along axis 0.

        Parameters
        ----------
        name
            Its path in the file.
        shape, dtype
            Shape to begin with, filled with zeros, and dtype; those of `data` by default.
        data
            Array-like to begin with.
        codec, chunk_bytes
            Where they are to differ from the file's.
        chunks
            Shape of a chunk; by default planned for `access`.
        access
            ``"scan"``: long runs of rows; ``"random"``: single ones, in shorter chunks.
        attrs
            Attributes of the dataset: units and the like.

        Raises
        ------
        SchemaError
            If there is such an object already, or the arguments do not fit each other.
        WriteError
            If the file cannot be written to.
        """
        storage = self._storage_of(codec, chunk_bytes, access)
        return create_array(
            self._handle, self._root, name, shape, dtype, data, storage, chunks, attrs or {}
        )

    def __getitem__(self, name: str) -> Any:
        """Return a `Table`, an `Array`, or a plain `h5py.Group`, by path. Nothing is read yet.

        Raises
        ------
        KeyError
            If there is no such object.
        """
        self._handle.check_open()
        item = self._root[name]
        if is_table(item):
            return self._table(item)
        return self._array(item) if isinstance(item, h5py.Dataset) else item

    def __contains__(self, name: object) -> bool:
        """Whether there is such an object."""
        self._handle.check_open()
        return name in self._root

    def __iter__(self) -> Iterator[str]:
        """Go through the names at the top, but for the library's own group."""
        self._handle.check_open()
        return (name for name in self._root if name != GROUP)

    def keys(self) -> list[str]:
        """Return the names at the top, but for the library's own group."""
        return list(self)

    def tables(self) -> dict[str, Table]:
        """Return all tables, by path, wherever they are in the file."""
        return self.contents()[0]

    def arrays(self) -> dict[str, Array]:
        """Return all datasets that are no part of a table, by path."""
        return self.contents()[1]

    def contents(self) -> tuple[dict[str, Table], dict[str, Array]]:
        """Return all tables and arrays, by path."""
        self._handle.check_open()
        tables: dict[str, Table] = {}
        arrays: dict[str, Array] = {}
        seen = {self._root.id}
        ahead = [(name, self._root) for name in reversed(self._root) if name != GROUP]
        while ahead:
            path, parent = ahead.pop()
            item = parent.get(path.rsplit("/", 1)[-1])
            if is_table(item):
                tables[path] = self._table(item)
            elif isinstance(item, h5py.Dataset):
                arrays[path] = self._array(item)
            # A group may be linked to from several places, even from within itself.
            elif isinstance(item, h5py.Group) and item.id not in seen:
                seen.add(item.id)
                ahead.extend((f"{path}/{n}", item) for n in reversed(item) if n != GROUP)
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

    def flush(self) -> None:
        """Bring everything that was appended to the file, and the file to the operating system.

        Raises
        ------
        WriteError
            If the file cannot be written. What could not be stored is kept, and tried again.
        """
        self._handle.check_open()
        for handle in (self._handle, *self._links.others()):
            handle.bring()

    def close(self) -> None:
        """Flush and close. An adopted file is flushed, and left to its owner to close.

        Raises
        ------
        WriteError
            If the file cannot be written. One that was being made anew is gone then; of another
            what was flushed before is there.
        """
        handle = self._handle
        if not handle.is_open:
            handle.release()
            return
        with handle.lock:  # what another thread appends comes before, or is refused
            try:
                handle.conclude()
                self.flush()
            except BaseException:
                self._abandon()
                raise
            self._links.release()
            handle.release()
            if handle.adopted:
                return
            try:
                handle.file.close()
            except (OSError, RuntimeError) as error:
                self._give_up()
                raise WriteError(f"{self.path} could not be closed: {error}") from error
            if handle.on_loss is not None:
                handle.on_loss.detach()
        if self._new is not None:
            self._new.publish()

    def __enter__(self) -> Self:
        """Return the file itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close; after an exception, drop a file that was being made anew."""
        if kind is not None and self._new is not None and self._handle.is_open:
            self._abandon()
        elif kind is not None:
            # The exception under way says more than that the file could not be closed either.
            with contextlib.suppress(RaggedH5Error):
                self.close()
        else:
            self.close()

    def __repr__(self) -> str:
        """Say which file it is."""
        state = self._root.file.mode if self._handle.is_open else "closed"
        return f"<raggedh5.File {self.path!r} ({state})>"

    def _abandon(self) -> None:
        """Close what can be closed, and drop a file that was being made anew."""
        handle = self._handle
        handle.pool.close()
        if handle.adopted:
            return
        if self._new is None and handle.writable:
            # A chunk that was stored anew must not be taken for a damaged one.
            with contextlib.suppress(OSError, RuntimeError, ValueError):
                handle.sums.save()
        self._links.release()
        handle.release()
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            handle.file.close()
        self._give_up()

    def _give_up(self) -> None:
        """Drop a file that was being made anew; see to it that another can be opened again."""
        if self._new is not None:
            self._new.discard()
        elif self._handle.writable and not self._handle.adopted:
            reach_stated_end(Path(self._handle.path))

    def _storage_of(self, codec: Any, chunk_bytes: int | None, access: Access) -> Storage:
        """Return how something new is stored, where that is to differ from the file's."""
        return Storage(
            self._storage.codec if codec == "inherit" else codec,
            chunk_bytes or self._storage.chunk_bytes,
            access,
        )

    def _table(self, group: h5py.Group) -> Table:
        return Table(self._links.handle_of(group), group, self._storage)

    def _array(self, dataset: h5py.Dataset) -> Array:
        return Array(self._links.handle_of(dataset), dataset, self._storage.blocksize)


def reopen_item(path: str, name: str, options: Mapping[str, Any]) -> Any:
    """Open a file again and return a table or array of it: how pickles come back."""
    return File(path, **options)[name]
