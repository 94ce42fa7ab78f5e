"""An open file: tables and arrays in it, and the plain HDF5 objects beside them."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import h5py
from numpy.typing import DTypeLike

from raggedh5.core.chunks import TARGET, Access
from raggedh5.core.codecs import Blosc
from raggedh5.core.schema import Column
from raggedh5.errors import RaggedH5Error
from raggedh5.store import closing
from raggedh5.store.array import Array
from raggedh5.store.attachment import Attachment
from raggedh5.store.creating import create_array, create_table
from raggedh5.store.durable.durability import Level
from raggedh5.store.durable.flusher import Every
from raggedh5.store.durable.recovery import Recovery
from raggedh5.store.exiting import close_at_exit
from raggedh5.store.file_items import FileItems
from raggedh5.store.handle import Verify
from raggedh5.store.layout import Storage
from raggedh5.store.links import Links
from raggedh5.store.moving import move, remove
from raggedh5.store.opened import open_any
from raggedh5.store.table import Table

__all__ = ["File"]

Mode = Literal["r", "r+", "a", "w", "w-", "x"]


class File(FileItems):
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
    durable
        Where it is given, the file is at its path from the start, and `flush` returns when what was
        appended before would survive: ``"process"`` a killed process, ``"disk"`` a power cut, too.
        While the file is open, and after a crash, a journal lies beside it; opening the file for
        writing, or ``raggedh5 recover``, brings it back to its last flush.
    flush_every
        When to flush without being asked, for a durable file: a number of rows, a
        `datetime.timedelta`, or text as ``"30 s"``.
    live
        Read a file while another process, or another `File`, writes to it durably. Everything is
        as it was when the file was opened, or at the last `refresh`.
    buffered
        For an `h5py.File` that somebody else has opened: keep what is appended in buffers, as for
        any other file, until that one is flushed or closed. Its methods `flush` and `close`, and so
        the end of its ``with`` block, see to that; and the end of the program, where nothing does.
        Where the file is closed by another h5py object, what was in buffers is lost, and the next
        close says so. The child of a fork writes nothing of it.
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
        durable: Level | None = None,
        flush_every: Every = None,
        live: bool = False,
        buffered: bool = False,
        **h5py_options: Any,
    ) -> None:
        self._storage = Storage(codec, chunk_bytes)
        self._opened = open_any(
            path, mode, durable, flush_every, live, buffered, h5py_options, bring_back
        )
        self._handle = self._opened.handle(threads, verify, read_only=mode == "r")
        options = {"threads": threads, "verify": verify, **h5py_options}
        if live:
            options["live"] = True
        self._handle.reopen = partial(reopen_item, options=options)
        self._links = Links(self._handle)
        if durable is not None:
            close_at_exit(self)
        if self._opened.buffered:
            self._opened.attachment = Attachment(
                self._handle, self._handle.root, self.flush, self.close
            )
        if live:
            try:
                self.refresh()
            except BaseException:
                self.close()
                raise

    @property
    def h5(self) -> h5py.File | h5py.Group:
        """The h5py object underneath."""
        return self._handle.root

    @property
    def path(self) -> str:
        """Path of the file."""
        return self._handle.path

    @property
    def is_open(self) -> bool:
        """Whether the file is open still."""
        return self._handle.is_open

    @property
    def threads(self) -> int:
        """Threads that compress and decompress."""
        return self._handle.pool.threads

    @property
    def recovery(self) -> Recovery | None:
        """What a journal gave back when this file was opened; None where there was none."""
        return None if self._opened.safety is None else self._opened.safety.recovery

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
            later ones must have the same dtypes. The columns get into the file with the first
            batch, or when the file is closed; into a durable file with the next flush, unless it
            takes a batch to know which text has a dictionary.
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
        group = create_table(self._handle, self._handle.root, name, columns or {}, storage, ragged)
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
            self._handle, self._handle.root, name, shape, dtype, data, storage, chunks, attrs or {}
        )

    def move(self, name: str, new_name: str) -> None:
        """Give a table, an array or a group another name; groups on its way are made.

        Tables and arrays that were had before go on by the new name. A link is moved itself, and
        not what it leads to.

        Raises
        ------
        KeyError
            If there is no such object.
        SchemaError
            If there is an object of the new name, or none can be: it is in a table, in itself or in
            another file.
        WriteError
            If the file cannot be written.
        """
        move(self._handle, self._handle.root, name, new_name)

    def remove(self, name: str) -> None:
        """Remove a table, an array or a group with all that is in it, or a link.

        HDF5 uses its room again while the file is open; `raggedh5.care.repack` gives it back. What
        was had before of what is removed raises `ClosedError`.

        Raises
        ------
        KeyError
            If there is no such object.
        SchemaError
            If it is a part of a table, or in another file.
        WriteError
            If the file cannot be written.
        """
        remove(self._handle, self._handle.root, name)

    def flush(self) -> None:
        """Bring everything that was appended to the file, and the file to the operating system.

        Raises
        ------
        WriteError
            If the file cannot be written. What could not be stored is kept, and tried again.
        """
        self._handle.check_open()
        for step in list(self._handle.flush_steps):
            step()
        closing.flush(self._handle, self._links)

    def flushing(self) -> Iterator[None]:
        """Flush what was appended to tables and arrays, and nothing else, step by step.

        More may be appended between two steps, also to the same ones; it is for the next time. In a
        durable file this costs less than `flush` where whole chunks were appended. What was changed
        otherwise, attributes above all, gets into the file with the next `flush`.

        Raises
        ------
        WriteError
            As `flush`.

        Examples
        --------
        >>> import raggedh5 as rh5, numpy as np, tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "run.h5"
        >>> with rh5.File(path, "w", durable="process") as file:
        ...     frames = file.create_array("frames", shape=(0, 300), dtype="f8", chunks=(100, 300))
        ...     for block in np.random.default_rng(0).random((5, 100, 300)):
        ...         frames.append(block)
        ...         for _ in file.flushing():
        ...             pass  # more could be appended here
        """
        handle = self._handle
        handle.check_open()
        for step in list(handle.flush_steps):
            step()
        if handle.safety is None:
            closing.flush(handle, self._links)
        else:
            with handle.lock:
                handle.check_between_appends()
            yield from handle.safety.flushing()
            for other in self._links.others():
                other.bring()

    def before_flush(self, step: Callable[[], None]) -> None:
        """Have something done at the beginning of every `flush`, as to append what waits.

        `close` does not do it: see `before_close`.
        """
        self._handle.check_open()
        self._handle.flush_steps.append(step)

    def before_close(self, step: Callable[[], None]) -> None:
        """Have something done at the beginning of `close`, while rows can be appended still.

        Steps are done in the order in which they came; one may ask for another. They are not done
        where the file is given up. If one fails, the others are done and the file is closed all the
        same, and then the error is raised.
        """
        self._handle.check_open()
        self._handle.last_steps.append(step)

    def close(self) -> None:
        """Flush and close. An adopted file is flushed, and left to its owner to close.

        Raises
        ------
        WriteError
            If the file cannot be written. One that was being made anew is gone then; of another
            what was flushed before is there.
        """
        closing.close(self._handle, self._opened, self._links)

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
        if kind is not None and self._opened.new is not None and self._handle.is_open:
            closing.abandon(self._handle, self._opened, self._links)
        elif kind is not None:
            # The exception under way says more than that the file could not be closed either.
            with contextlib.suppress(RaggedH5Error):
                self.close()
        else:
            self.close()

    def __repr__(self) -> str:
        """Say which file it is."""
        state = self._handle.root.file.mode if self.is_open else "closed"
        return f"<raggedh5.File {self.path!r} ({state})>"

    def _storage_of(self, codec: Any, chunk_bytes: int | None, access: Access) -> Storage:
        """Return how something new is stored, where that is to differ from the file's."""
        return Storage(
            self._storage.codec if codec == "inherit" else codec,
            chunk_bytes or self._storage.chunk_bytes,
            access,
        )


def reopen_item(path: str, name: str, options: Mapping[str, Any]) -> Any:
    """Open a file again and return a table or array of it: how pickles come back."""
    return File(path, **options)[name]


def bring_back(path: Path) -> None:
    """Bring a file that was not closed back to its last flush."""
    File(path, "r+", durable="disk").close()
