"""Rows in a journal: what was appended to streams, as bytes, and how it gets back into them.

The record of a flush holds, all numbers little-endian and 8 bytes long unless told otherwise:

1. the length of the text that follows, and this: JSON, a list with an object for every table or
   array that is new in this epoch, ``{"path": ..., "table": true, "streams": [name, ...]}``, names
   without their path. They are numbered in the order in which they come;
2. the number of the numbers that follow, and these: for each table or array that has new rows its
   number, the rows that it has now, and for each of its streams the first new item, the number of
   the chunks that follow and of the bytes behind them, and for each chunk the byte of the file that
   it begins at, how many bytes it has and their checksum (XXH3, as a signed number). -1 in place of
   the first says that these bytes are here;
3. for each stream, one behind the other: such chunks, as they are stored, and the items behind all
   its chunks, as they lie in memory. The first chunk is the one that has the first new item.
"""

import json
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.checksum import checksum
from raggedh5.errors import FormatError
from raggedh5.store.shared import Writer

__all__ = ["LoggedItems", "LoggedRows", "NewRows", "RowLog", "read_rows"]

ReadBytes = Callable[[int, int], bytes]
"""Reads from the file: the first byte, and how many. Fewer come where it ends."""

_LENGTH = struct.Struct("<Q")


class NewRows(NamedTuple):
    """What a table or an array has, and is to be safe: its rows, and the items of each stream."""

    writer: Writer
    rows: int
    stops: tuple[int, ...]

    @property
    def are_safe(self) -> bool:
        """Whether a flush that came later has seen to them."""
        streams = self.writer.streams
        return all(stream.is_safe(stop) for stream, stop in zip(streams, self.stops, strict=False))

    @classmethod
    def of(cls, writer: Writer) -> "NewRows":
        """Return all that it has now."""
        return cls(writer, writer.rows, tuple(stream.count for stream in writer.streams))


class LoggedItems(NamedTuple):
    """Items of one stream.

    Attributes
    ----------
    name
        The last name of its dataset.
    first
        The first of them.
    chunks
        Stored chunks, uint8 (n,) each, the first of which has that item.
    raw
        The bytes of the items behind these.
    end
        The byte of the file that the last chunk that is there ends before; 0 where there is none.
    """

    name: str
    first: int
    chunks: tuple[NDArray[np.uint8], ...]
    raw: memoryview
    end: int


class LoggedRows(NamedTuple):
    """What a record says of one table or array.

    Attributes
    ----------
    path
        Where it is in the file.
    is_table
        Whether it is a table.
    rows
        How many rows it has with these.
    items
        What is new in each of its streams.
    """

    path: str
    is_table: bool
    rows: int
    items: tuple[LoggedItems, ...]


class RowLog:
    """Makes the records of one epoch."""

    def __init__(self) -> None:
        self._numbers: dict[Writer, int] = {}

    def record(
        self, new: Sequence[NewRows], fixed: int, read: ReadBytes
    ) -> tuple[list[memoryview], int] | None:
        """Return the parts of a record with what is new, and how many bytes it leads to.

        None where that is not at hand. Call `written` when it has been written.

        Parameters
        ----------
        new
            What is to be in it.
        fixed
            The byte of the file from which on stored chunks are there for good.
        read
            Reads chunks before that.
        """
        named: list[dict[str, Any]] = []
        numbers: list[int] = []
        parts: list[memoryview] = []
        led_to = 0
        for writer, rows, stops in new:
            number = self._numbers.get(writer)
            if number is None:
                number = len(self._numbers) + len(named)
                path = writer.handle.sums.path_now(writer.h5.id, writer.name)
                if path is None:
                    return None
                names = [stream.last_name for stream in writer.streams]
                named.append({"path": path, "table": writer.is_table, "streams": names})
            numbers += number, rows
            for stream, stop in zip(writer.streams, stops, strict=True):
                items = stream.unlogged_items(stop)
                if items is None:
                    return None
                numbers += items.first, len(items.chunks), sum(raw.nbytes for raw in items.raw)
                for address, size, digest, few in items.chunks:
                    in_place = few is None and address >= fixed
                    numbers += address if in_place else -1, size, _signed(digest)
                    if in_place:
                        led_to += size
                    else:
                        parts.append(memoryview(few or read(address, size)))
                parts += items.raw
        text = json.dumps(named).encode() if named else b"[]"
        head = (
            _LENGTH.pack(len(text)),
            text,
            struct.pack(f"<Q{len(numbers)}q", len(numbers), *numbers),
        )
        return [memoryview(b"".join(head)), *parts], led_to

    def written(self, new: Sequence[NewRows]) -> None:
        """Take note that what `record` returned for these is safe."""
        for writer, _, stops in new:
            if writer not in self._numbers:
                self._numbers[writer] = len(self._numbers)
            for stream, stop in zip(writer.streams, stops, strict=True):
                stream.settle(stop)

    def clear(self) -> None:
        """Begin another epoch."""
        self._numbers.clear()


def read_rows(records: Sequence[bytes], read: ReadBytes) -> Iterator[LoggedRows]:
    """Read the records of an epoch again, up to one that leads to a chunk that is not in the file.

    Parameters
    ----------
    records
        The records.
    read
        Reads from the file that they are of.

    Raises
    ------
    FormatError
        If they make no sense.
    """
    known: list[dict[str, Any]] = []
    try:
        for record in records:
            found = _read_record(memoryview(record), known, read)
            if found is None:
                return
            yield from found
    except (IndexError, KeyError, StopIteration, TypeError, ValueError, struct.error) as error:
        raise FormatError(f"the journal holds a record that cannot be read: {error!r}") from error


def _read_record(
    record: memoryview, known: list[dict[str, Any]], read: ReadBytes
) -> list[LoggedRows] | None:
    """Return what a record says, None where it leads to a chunk that is not there."""
    found = []
    (length,) = _LENGTH.unpack_from(record, 0)
    at = _LENGTH.size + length
    known += json.loads(bytes(record[_LENGTH.size : at]))
    (count,) = _LENGTH.unpack_from(record, at)
    numbers = iter(struct.unpack_from(f"<{count}q", record, at + _LENGTH.size))
    left = record[at + _LENGTH.size + 8 * count :]
    for number in numbers:
        about = known[number]
        rows = next(numbers)
        items = []
        for name in about["streams"]:
            first, n, nbytes = next(numbers), next(numbers), next(numbers)
            chunks, end = [], 0
            for _ in range(n):
                address, size, digest = next(numbers), next(numbers), next(numbers)
                if address < 0:
                    raw, left = _split(left, size)
                else:
                    raw, end = memoryview(read(address, size)), address + size
                chunk = np.frombuffer(raw, np.uint8)
                if chunk.size != size or _signed(checksum(chunk)) != digest:
                    return None
                chunks.append(chunk)
            raw, left = _split(left, nbytes)
            items.append(LoggedItems(name, first, tuple(chunks), raw, end))
        found.append(LoggedRows(about["path"], bool(about["table"]), rows, tuple(items)))
    return found


def _split(left: memoryview, size: int) -> tuple[memoryview, memoryview]:
    if not 0 <= size <= left.nbytes:
        raise ValueError(f"{size} bytes of {left.nbytes}")
    return left[:size], left[size:]


def _signed(digest: int) -> int:
    """Return a checksum as a number that fits 8 signed bytes."""
    return digest - (digest >> 63 << 64)
