"""An open file as one `File` has it: how it reads, what it shares with others on the same file."""

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Literal, Protocol, TypeVar

import h5py

from raggedh5.core.pipeline import Pool
from raggedh5.core.signals import deferred_signals
from raggedh5.errors import ClosedError, WriteError
from raggedh5.store.durable.live import Live
from raggedh5.store.facts import name_of
from raggedh5.store.shared import shared_by

__all__ = ["Handle", "Safety", "Verify"]

CACHE = 1 << 28
"""Bytes of decoded blocks that are kept for all datasets of a file."""

LARGEST_SHARE = 1 << 24
SMALLEST_SHARE = 1 << 20

Verify = Literal["first", "always", "never"]
Result = TypeVar("Result")


class Safety(Protocol):
    """What makes a file survive; see `raggedh5.store.durable.durability.Durability`."""

    def check(self) -> None:
        """Raise, once, what went wrong where nobody could be told."""

    def appended(self, writer: Any, rows: int) -> None:
        """Take note of rows that were appended, and flush if it is time."""

    def flush(self) -> None:
        """Return when everything that was appended survives."""

    def flushing(self) -> Iterator[None]:
        """Make rows that were appended survive, step by step."""


class Handle:
    """An open HDF5 file and what its tables and arrays use together.

    Parameters
    ----------
    root
        The open file, or the group in it that names are looked up in.
    threads
        Worker threads; None: one for each core available.
    verify
        When a chunk's checksum is compared: ``"first"`` time that it is touched, ``"always"`` or
        ``"never"``.
    adopted
        Whether somebody else opened the file.
    immediate
        Whether whoever did may close it at any time, so that every append leaves nothing in our
        hands.
    read_only
        Whether nothing may be appended, even where the file is open for writing as well.
    durable
        Whether what is appended is kept track of until it is safe.
    live
        Where the file is being written to by somebody else, what sees to it that it stays steady.

    Attributes
    ----------
    lock, buffers, sink, sums, writers
        What all handles of one open file share; see `raggedh5.store.shared.Shared`.
    writable, changing : bool
        Whether rows may be appended here, and whether somebody in this process may change the file.
    path, location : str
        The file as it was opened, and its absolute path.
    reopen : callable
        ``reopen(path, name)`` opens the file again, for pickles.
    on_loss : weakref.finalize or None
        Removes the temporary file of one that is never closed.
    safety : Safety or None
        What makes the file survive, where it is durable.
    appending : bool
        Whether an append is under way: columns may differ, and nobody may flush meanwhile.
    epoch : int
        Counts up when the file was opened again, and objects in it are others than before.
    parts : dict
        The files that virtual datasets take their items from, by name, opened so far.
    lender : Handle or None
        Whose cache is used here, too: of such a file, the virtual one.
    last_steps : list of callable
        What is to be done before the file is closed, while rows can be appended still.
    flush_steps : list of callable
        What is to be done before the file is flushed.
    """

    def __init__(
        self,
        root: h5py.File | h5py.Group,
        *,
        threads: int | None = None,
        verify: Verify = "first",
        adopted: bool = False,
        immediate: bool | None = None,
        read_only: bool = False,
        durable: bool = False,
        live: Live | None = None,
    ) -> None:
        if verify not in ("first", "always", "never"):
            raise ValueError(f"verify is 'first', 'always' or 'never', not {verify!r}")
        self.root = root
        self.file = root.file
        self._file_id = self.file.id
        self.path = str(self.file.filename)
        self.location = self.path
        if "://" not in self.path:  # as it is with HDF5's driver for object stores
            self.location = os.path.abspath(self.path)  # noqa: PTH100 - links stay as they are
        self.verify = verify
        self.adopted = adopted
        self.immediate = adopted if immediate is None else immediate
        self._buffered_by = os.getpid() if adopted and not self.immediate else None
        self.durable = durable
        self.safety: Safety | None = None
        self.appending = False
        self.changing = self.file.mode == "r+"
        self.writable = self.changing and not read_only
        self.pool = Pool(threads)
        self.live = live
        self.epoch = 0
        self._share()
        self.descriptor = _descriptor(self.file)
        self.reopen: Callable[..., Any] | None = None
        self.on_loss: weakref.finalize[..., Any] | None = None
        self.parts: dict[str, Handle] = {}
        self.lender: Handle | None = None
        self.last_steps: list[Callable[[], None]] = []
        self.flush_steps: list[Callable[[], None]] = []
        self._sharing = threading.Lock()
        self._cache_left = CACHE
        self._given_back: deque[int] = deque()

    def renew(self, file: h5py.File, descriptor: int) -> None:
        """Go on with the file as it is now, opened again. What was read of it before is void."""
        old = self.file
        self.root = self.file = file
        self._file_id = file.id
        self.descriptor = descriptor
        self._share()
        self.epoch += 1
        old.close()

    def steadily(self, call: Callable[[], Result]) -> Result:
        """Call a function that reads, while a file that is being written to stays as it is."""
        return call() if self.live is None else self.live.steadily(call)

    @property
    def is_open(self) -> bool:
        """Whether the file is open still."""
        return bool(self._file_id)

    @property
    def of_parent(self) -> bool:
        """Whether it is the parent of this process that has rows in its buffers."""
        return self._buffered_by is not None and self._buffered_by != os.getpid()

    def _share(self) -> None:
        """Share what there is to share with others on the same open file."""
        self._shared = shared_by(self.file, self.pool.threads)
        self._shared.users.add(self)
        self.lock = self._shared.lock
        self.buffers = self._shared.buffers
        self.sink = self._shared.sink
        self.sums = self._shared.sums
        self.writers = self._shared.writers

    def size(self) -> int:
        """Return the bytes of the file; more than any where they cannot be told."""
        return 1 << 62 if self.descriptor is None else os.fstat(self.descriptor).st_size

    def check_open(self) -> None:
        """Refuse to go on with a closed file."""
        if not self._file_id:
            raise ClosedError(f"{self.path} is closed; open it again to go on")
        shared = self._shared
        # Mostly they are the same; to ask h5py takes longer than all the rest here.
        if self.changing and shared.file_id is not self._file_id and not shared.file_id:
            shared.go_on_with(self.file)  # whoever came first has closed it

    def check_writable(self) -> None:
        """Refuse to go on with a file that is closed, or was opened for reading."""
        self.check_open()
        if not self.writable:
            raise WriteError(f"{self.path} was opened for reading; open it with mode 'a' to append")
        if self.of_parent:
            raise WriteError(f"{self.path} was opened by another process, the parent of this one")
        if self.safety is not None:
            self.safety.check()

    def check_between_appends(self) -> None:
        """Refuse to flush or close a file in the middle of an append."""
        if self.appending:
            raise WriteError(
                f"{self.path}: an append is under way in this very thread; a handler of signals "
                "should leave flushing and closing to the program that it interrupts"
            )

    def appended(self, writer: Any, rows: int) -> None:
        """Take note of rows that were appended."""
        if self.safety is not None:
            self.safety.appended(writer, rows)

    def cache_share(self, user: object) -> int:
        """Return how many bytes of decoded blocks `user` may keep, for as long as it lives.

        The first ones get most; what is left is never used up.
        """
        if self.lender is not None:
            return self.lender.cache_share(user)
        with self._sharing:
            while self._given_back:
                self._cache_left += self._given_back.popleft()
            share = min(LARGEST_SHARE, max(self._cache_left // 8, SMALLEST_SHARE))
            self._cache_left -= share
        # Without a lock: the garbage collector may run this in any thread, at any moment.
        weakref.finalize(user, self._given_back.append, share).atexit = False
        return share

    def writer_of(self, address: int) -> Any:
        """Return the writing end of a table or array, None where there is none (any more)."""
        writer = self.writers.get(address)
        if writer is None or writer.h5:
            return writer
        del self.writers[address]  # whoever opened it has closed the file
        return None

    def found_again(self, item: Any, name: str) -> Any:
        """Return a group or dataset that was at `name` before, opened where it is now.

        Raises
        ------
        ClosedError
            If it is there no more.
        """
        now = self.sums.path_now(item.id, name)
        if now is None:
            raise ClosedError(f"{self.path}: {name} is there no more: it was moved or removed")
        return self.file[now]

    def conclude(self) -> None:
        """Let all writers do what is left to do before the file is closed."""
        for writer in self.writers_now():
            writer.conclude()

    def bring(self) -> None:
        """Bring everything that was appended to the file, and the file to the operating system.

        Raises
        ------
        WriteError
            If the file cannot be written.
        """
        if self.of_parent:
            return
        with self.lock:
            self.check_between_appends()
        if self.safety is not None:
            self.safety.flush()
        elif self.writable:
            self.store()

    def unsaved(self) -> list[str]:
        """Return the paths of what was appended to since it was flushed, open or not."""
        return [writer.name for writer in self.writers.values() if not writer.is_saved]

    def writers_now(self) -> list[Any]:
        """Return the writing ends that are in use."""
        found = [self.writer_of(address) for address in list(self.writers)]
        return [writer for writer in found if writer is not None]

    def store(self) -> None:
        """Hand everything that was appended to HDF5, and have it write all that it holds.

        Raises
        ------
        WriteError
            If the file cannot be written.
        """
        with self.lock, deferred_signals:
            writers = self.writers_now()
            for writer in writers:  # the last chunks of all are coded together
                writer.queue()
                self.sink.advance()
            for writer in writers:
                writer.flush()
            if self.immediate:
                for writer in writers:
                    writer.settle()
            self.sums.save()
            self.flush_hdf5()

    def flush_hdf5(self) -> None:
        """Have HDF5 write all that it holds."""
        try:
            self.file.flush()
        except (OSError, RuntimeError) as error:
            raise WriteError(f"{self.path} could not be flushed: {error}") from error

    def release(self) -> None:
        """Let go of threads, and of what is shared once nobody uses it any more."""
        self.pool.close()
        if self.live is not None:
            self.live.close()
        for part in self.parts.values():
            part.release()
            part.file.close()
        self.parts.clear()
        shared = self._shared
        shared.users.discard(self)
        # What was opened by way of a file is closed with it.
        if not shared.users or (self.writable and not self.adopted):
            shared.clear()

    def forget(self, path: str) -> None:
        """Drop what is known of objects that were at `path` and are in the file no more.

        Those that were given another name are known by that from now on.
        """
        for address, writer in list(self.writers.items()):
            if not writer.h5 or name_of(writer.h5.id) is None:
                del self.writers[address]
        self.sums.forget(path)


def _descriptor(file: h5py.File) -> int | None:
    """Return the file descriptor that chunk bytes can be read from, None where there is no such."""
    if os.name == "nt" or file.driver != "sec2" or not hasattr(file.id, "get_vfd_handle"):
        return None
    try:
        if file.mode != "r" and file.id.get_access_plist().get_page_buffer_size()[0]:
            return None  # what is written stays in HDF5's pages for a while
        return int(file.id.get_vfd_handle())
    except (OSError, RuntimeError, NotImplementedError, ValueError):
        return None
