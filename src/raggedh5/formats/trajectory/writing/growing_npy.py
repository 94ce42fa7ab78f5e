"""A ``.npy`` file that grows: a valid one after every flush, and never held in memory."""

import ast
import contextlib
import math
import os
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.late_writes import LateWrites, writes_late
from raggedh5.core.team import CodingThreads
from raggedh5.errors import FormatError, SchemaError, WriteError

__all__ = ["GrowingNpy"]

MAGIC = b"\x93NUMPY\x01\x00"
"""Version 1.0 of the format, as NumPy's documentation of `numpy.lib.format` has it."""

START = len(MAGIC) + 2
ALIGNMENT = 64
MOST_ROWS = 10**19
MOST_WAITING = 1 << 23
"""Bytes of rows that wait to be written, and how many pieces they are in."""

MOST_PIECES = 256

LARGE = 1 << 16
"""Bytes of rows that are worth the while of another thread."""


class GrowingNpy:
    """An array in a ``.npy`` file, to which rows are appended.

    The header has room for any number of rows, so that it can be written over in place. Rows are
    written behind those that the header counts; `flush` then counts them. What is behind the last
    counted row is of no account to NumPy, and is written over.

    Parameters
    ----------
    path
        The file.
    dtype, shape
        Of a row. Given for a new file, which replaces another one; an existing one has its own.
    threads
        Who writes rows that come many at a time, while their giver goes on.

    Attributes
    ----------
    rows : int
        Rows, whether they are counted yet or not.

    Raises
    ------
    FormatError
        If it is no ``.npy`` file, or ends before its last row.
    SchemaError
        If its header has no room to grow, as those of NumPy before 1.24, or its order is Fortran's.
    WriteError
        If it cannot be opened or written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "energy.npy"
    >>> with GrowingNpy(path, np.dtype("f8"), ()) as energy:
    ...     energy.append(np.array([1.0, 2.0]))
    ...     energy.flush()
    ...     energy.append(np.array([3.0]))
    >>> np.load(path)
    array([1., 2., 3.])
    """

    def __init__(
        self,
        path: Path,
        dtype: np.dtype[Any] | None = None,
        shape: tuple[int, ...] | None = None,
        threads: CodingThreads | None = None,
    ) -> None:
        self.path = path
        self.rows = 0
        self._threads = threads if writes_late else None
        self._late: LateWrites | None = None
        self._counted = -1
        self._descriptor = -1
        self._waiting: list[memoryview] = []
        self._waiting_bytes = self._late_bytes = 0
        self._failed: OSError | None = None
        self._header: tuple[int, str, str] | None = None
        if dtype is None or shape is None:
            self._open(os.O_RDWR)
            try:
                self._read_header()
            except BaseException:
                self._let_go()
                raise
        else:
            self.dtype, self.shape = dtype, shape
            self._open(os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            self._header_bytes = ALIGNMENT
            while not self._fits():
                self._header_bytes += ALIGNMENT
            self.flush()

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return self.dtype.itemsize * math.prod(self.shape)

    def append(self, values: NDArray[Any]) -> None:
        """Take rows (n, *shape), which stay as they are until `flush`, behind those that there are.

        They are written together, by `flush` at the latest.

        Raises
        ------
        WriteError
            If there is no room.
        """
        view: Any = np.ascontiguousarray(values, self.dtype).reshape(-1).view(np.uint8)
        if self._late is not None and len(view) >= LARGE:
            self._write_late(self._late, view)
        elif len(view):
            self._waiting.append(memoryview(view))
            self._waiting_bytes += len(view)
        self.rows += len(values)  # now that they are taken
        if self._waiting_bytes > MOST_WAITING or len(self._waiting) >= MOST_PIECES:
            self._write()

    def flush(self) -> None:
        """Count the rows that there are.

        Raises
        ------
        WriteError
            If the header cannot be written, or the file was removed meanwhile.
        """
        self._write()
        if self._counted == self.rows:
            return
        if not os.fstat(self._descriptor).st_nlink:
            raise WriteError(f"{self.path} was removed, with all that was in it")
        text = self._text(self.rows).ljust(self._header_bytes - START - 1) + "\n"
        header = MAGIC + len(text).to_bytes(2, "little") + text.encode("latin1")
        try:
            os.pwrite(self._descriptor, header, 0)
        except OSError as error:
            raise self._not_written(error) from error
        self._counted = self.rows

    def truncate(self, rows: int) -> None:
        """Drop the rows behind the first `rows`, and whatever is behind the last one.

        Raises
        ------
        WriteError
            If the file cannot be written.
        """
        self._write()
        self.rows = min(self.rows, rows)
        self.flush()
        try:
            os.ftruncate(self._descriptor, self._header_bytes + self.rows * self.row_bytes)
        except OSError as error:
            raise WriteError(f"{self.path} could not be cut: {error}") from error

    def close(self) -> None:
        """Count the rows that there are, cut what is behind them, and close the file."""
        if self._descriptor < 0:
            return
        try:
            self.truncate(self.rows)
        finally:
            self._let_go()

    def abandon(self) -> None:
        """Close the file as it was at the last flush."""
        self._let_go()

    def __enter__(self) -> Self:
        """Return the file itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.rows

    def __getitem__(self, row: int) -> Any:
        """Return one row."""
        self._write()
        raw = os.pread(self._descriptor, self.row_bytes, self._header_bytes + row * self.row_bytes)
        return np.frombuffer(raw, self.dtype).reshape(self.shape)[()]

    def _open(self, flags: int) -> None:
        try:
            self._descriptor = os.open(self.path, flags | getattr(os, "O_BINARY", 0), 0o666)
        except OSError as error:
            raise WriteError(f"{self.path} could not be opened: {error}") from error
        if self._threads is not None:
            self._late = LateWrites(self._descriptor, self._threads)

    def _write_late(self, late: LateWrites, view: NDArray[np.uint8]) -> None:
        """Have rows written by another thread, behind those that there are."""
        if self._waiting or self._late_bytes > MOST_WAITING:
            self._write()
        try:
            late.put(self._header_bytes + self.rows * self.row_bytes, view)
        except OSError as error:
            raise self._not_written(error) from error
        self._late_bytes += len(view)

    def _write(self) -> None:
        """Write the rows that wait, in one call if it takes them all."""
        if self._failed is not None:  # rows that were on their way are not to be had again
            raise self._not_written(self._failed)
        pieces, left = list(self._waiting), self._waiting_bytes
        at = self._header_bytes + self.rows * self.row_bytes - left
        try:
            if self._late is not None:
                self._finish_late(self._late)
            while left:
                done = os.pwritev(self._descriptor, pieces, at)
                at, left = at + done, left - done
                while pieces and done >= len(pieces[0]):
                    done -= len(pieces.pop(0))
                if pieces:
                    pieces[0] = pieces[0][done:]
        except OSError as error:
            raise self._not_written(error) from error
        self._waiting.clear()
        self._waiting_bytes = 0

    def _finish_late(self, late: LateWrites) -> None:
        self._late_bytes = 0
        try:
            late.finish()
        except OSError as error:
            self._failed = error
            raise

    def _not_written(self, error: OSError) -> WriteError:
        return WriteError(f"{self.path} could not be written: {error}")

    def _let_go(self) -> None:
        if self._late is not None:
            with contextlib.suppress(OSError):
                self._late.finish()
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def _fits(self) -> bool:
        """Whether the header has room for any number of rows."""
        return START + len(self._text(MOST_ROWS)) + 1 <= self._header_bytes

    def _text(self, rows: int) -> str:
        """Return the header for so many rows.

        Their number lies in its second half, where there is room for that: all before it stays the
        same for ever. So a write that ends in the middle leaves the header as it was.
        """
        if self._header is None or self._header[0] != self._header_bytes:
            descr = np.lib.format.dtype_to_descr(self.dtype)
            before = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': ("
            after = f"{''.join(f', {n}' for n in self.shape) or ','}), }}"
            middle = self._header_bytes // 2 - START
            if middle + len(str(MOST_ROWS)) + len(after) < self._header_bytes - START:
                before = before.ljust(middle)
            self._header = self._header_bytes, before, after
        _, before, after = self._header
        return f"{before}{rows}{after}"

    def _read_header(self) -> None:
        start = os.pread(self._descriptor, START, 0)
        if start[: len(MAGIC)] != MAGIC or len(start) < START:
            raise FormatError(f"{self.path} is no .npy file of version 1.0")
        self._header_bytes = START + int.from_bytes(start[len(MAGIC) :], "little")
        text = os.pread(self._descriptor, self._header_bytes - START, START)
        try:
            about = ast.literal_eval(text.decode("latin1"))
            self.dtype = np.lib.format.descr_to_dtype(about["descr"])
            rows, *inner = about["shape"]
            if not all(type(n) is int and n >= 0 for n in (rows, *inner)):
                raise ValueError(f"a shape of {about['shape']}")
            fortran = about["fortran_order"] and bool(inner)
        except (ValueError, TypeError, KeyError, SyntaxError) as error:
            raise FormatError(f"{self.path} has a damaged header: {error}") from error
        if fortran or self.dtype.kind not in "biufc":
            raise SchemaError(
                f"{self.path}: rows cannot be appended in Fortran's order, or what is no number"
            )
        self.shape = tuple(inner)
        self.rows = self._counted = rows
        if not self._fits():
            raise SchemaError(
                f"{self.path}: its header has no room for more rows; load and save it with NumPy "
                "1.24 or newer"
            )
        if os.fstat(self._descriptor).st_size < self._header_bytes + rows * self.row_bytes:
            raise FormatError(f"{self.path} ends before the last of its {rows} rows")
