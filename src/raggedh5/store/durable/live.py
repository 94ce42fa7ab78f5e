"""Reading a file while another process writes to it, as it was at the last refresh."""

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import h5py

from raggedh5.core.file_object import RefusedError, file_object
from raggedh5.errors import ClosedError, FormatError, RaggedH5Error, WriteError
from raggedh5.store.durable.descriptors import is_locked, lock, unlock
from raggedh5.store.durable.journal import generation, has_journal, journal_of
from raggedh5.store.durable.paged_file import OTHERS, is_search

__all__ = ["Live"]

Result = TypeVar("Result")

PATIENCE = 10.0
"""Seconds to wait for a writer that is changing the file, which takes milliseconds."""

LONGEST_HOLD = 0.1
"""Seconds after which threads that come later wait until those that read are done."""

TRIES = 5


class _State(NamedTuple):
    """What is another one once the file has been changed in place."""

    file: int
    journal: int
    generation: int
    changed: int


class _Source:
    """A file for HDF5 to read from. Each is a file of its own to HDF5, with caches of its own."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.opened = False

    @property
    def end(self) -> int:
        """How long the file is."""
        return os.fstat(self.descriptor).st_size

    def read_at(self, address: int, buffer: Any) -> int:
        """Read what is there, zeros behind the end."""
        view = memoryview(buffer).cast("B")
        if self.opened and is_search(address, view.nbytes):
            raise RefusedError(f"a link to another file cannot be followed here: {OTHERS}")
        got = os.preadv(self.descriptor, [view], address) if view.nbytes else 0
        if got < view.nbytes:
            view[got:] = bytes(view.nbytes - got)
        return view.nbytes

    def write_at(self, address: int, buffer: Any) -> int:
        """Refuse to."""
        raise RefusedError("the file was opened for reading")

    def truncate(self, size: int) -> None:
        """Refuse to."""
        raise RefusedError("the file was opened for reading")


class Live:
    """A file that is being written to durably.

    Its writer changes it at one blow, now and then; between two such moments it is whole. A reader
    holds the journal for as long as it reads, so that none comes in between, and opens the file
    anew where one came before. Rows stay what they are once they are written: whatever state the
    file is read in, the rows that there were at the last refresh are the same.

    Parameters
    ----------
    path
        The file.
    options
        Passed on to `h5py.File`.

    Attributes
    ----------
    lengths : dict or None
        By address of a table's group or an array: rows at the last refresh. What is not in it came
        later. None before the first.
    descriptor : int
        Where the bytes of chunks can be read from.
    """

    def __init__(self, path: Path, options: dict[str, Any]) -> None:
        self.path = Path(os.path.realpath(path))
        self.lengths: dict[int, int] | None = None
        self.descriptor = -1
        self._options = {key: value for key, value in options.items() if key != "locking"}
        self._gate = threading.Condition()
        self._inside = 0
        self._held_since = 0.0
        self._own = threading.local()
        self._journal = -1
        self._journal_number = 0
        self._state: _State | None = None
        self._renewed: Callable[[h5py.File, int], None] | None = None

    def open(self) -> h5py.File:
        """Open the file.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        FormatError
            If it cannot be opened as HDF5, or its writer was killed while it changed the file.
        WriteError
            If it is being written to, but not durably.
        """
        if not self.path.exists():
            raise FileNotFoundError(f"{self.path} does not exist")
        if not has_journal(self.path) and is_locked(self.path):
            raise WriteError(
                f"{self.path} is being written to, but not with durable=...: it cannot be read live"
            )
        with self._gate:
            self._hold()
            try:
                self._state = self._now()
                return self._open()
            finally:
                self._let_go()

    def on_renewal(self, call: Callable[[h5py.File, int], None]) -> None:
        """Have a function called with each h5py file that takes the place of the one before."""
        self._renewed = call

    def steadily(self, call: Callable[[], Result]) -> Result:
        """Call a function that reads, while the file stays as it is.

        Raises
        ------
        WriteError
            If the writer changes it all the time.
        """
        if getattr(
            self._own, "inside", False
        ):  # whoever came in first in this thread looks after it
            return call()
        for _ in range(TRIES):
            state = self._enter()
            self._own.inside = True
            try:
                result = call()
            except RaggedH5Error:
                if self._now() == state:
                    raise
            else:
                if self._now() == state:  # its writer may not have waited for us
                    return result
            finally:
                self._own.inside = False
                self._leave()
        raise WriteError(
            f"{self.path} is changed so often that it cannot be read; read less at once"
        )

    def rows(self, address: int, rows: int) -> int:
        """Return how many rows of a table or array there were at the last refresh.

        Parameters
        ----------
        address
            The table's group, or the array.
        rows
            Rows that there are now.
        """
        return rows if self.lengths is None else min(self.lengths.get(address, rows), rows)

    def shows(self, address: int) -> bool:
        """Whether a table or array was there at the last refresh."""
        return self.lengths is None or address in self.lengths

    def close(self) -> None:
        """Let go of file and journal."""
        for descriptor in (self.descriptor, self._journal):
            if descriptor >= 0:
                os.close(descriptor)
        self.descriptor = self._journal = -1

    def _enter(self) -> _State:
        """Come in, once the file is as it is known here or can be opened anew; return its state."""
        with self._gate:
            if self._renewed is None:
                raise ClosedError(f"{self.path} is closed; open it again to go on")
            # Threads that come and go without a pause would keep the writer waiting.
            while self._inside and (
                self._now() != self._state or time.monotonic() - self._held_since > LONGEST_HOLD
            ):
                self._gate.wait(PATIENCE)
            if not self._inside:
                self._hold()
                try:
                    now = self._now()
                    if now != self._state:
                        self._renewed(self._open(), self.descriptor)
                        self._state = now
                except BaseException:
                    self._let_go()
                    raise
            self._inside += 1
            if self._state is None:
                raise ClosedError(f"{self.path} is closed; open it again to go on")
            return self._state

    def _leave(self) -> None:
        with self._gate:
            self._inside -= 1
            if not self._inside:
                self._let_go()
                self._gate.notify_all()

    def _open(self) -> h5py.File:
        source = _Source(self.descriptor)
        try:
            file = h5py.File(file_object(source), "r", **self._options)
        except (OSError, RuntimeError, ValueError) as error:
            raise FormatError(f"{self.path} cannot be opened as HDF5: {error}") from error
        source.opened = True
        return file

    def _hold(self) -> None:
        """Keep the writer from changing the file, for a while at least."""
        self._take_journal()
        if self._journal >= 0 and not lock(self._journal, shared=True, patience=PATIENCE):
            raise WriteError(f"{self.path}: its writer does not let go of it")
        self._held_since = time.monotonic()

    def _let_go(self) -> None:
        if self._journal >= 0:
            unlock(self._journal)

    def _take_journal(self) -> None:
        """Open the journal that there is now, and the file."""
        try:
            number = journal_of(self.path).stat().st_ino
        except OSError:
            number = 0
        if number != self._journal_number:
            if self._journal >= 0:
                os.close(self._journal)
            self._journal, self._journal_number = -1, 0
            with contextlib.suppress(FileNotFoundError):
                self._journal = os.open(journal_of(self.path), os.O_RDONLY)
                self._journal_number = os.fstat(self._journal).st_ino
        if self.descriptor < 0 or os.fstat(self.descriptor).st_ino != self._number():
            if self.descriptor >= 0:
                os.close(self.descriptor)
            self.descriptor = os.open(self.path, os.O_RDONLY)

    def _number(self) -> int:
        try:
            return self.path.stat().st_ino
        except FileNotFoundError:
            return os.fstat(self.descriptor).st_ino  # deleted: what is open stays readable

    def _now(self) -> _State:
        about = os.fstat(self.descriptor)
        if self._journal < 0:
            return _State(about.st_ino, 0, 0, about.st_mtime_ns)
        end = time.monotonic() + PATIENCE
        while (found := generation(self._journal)) % 2:
            if not is_locked(self.path):
                raise FormatError(
                    f"{self.path} was not closed, and is half-way between two states: run "
                    f"'raggedh5 recover {self.path}'"
                )
            if time.monotonic() > end:
                raise WriteError(f"{self.path}: its writer does not come to an end with it")
            time.sleep(0.001)
        return _State(about.st_ino, self._journal_number, found, 0)
