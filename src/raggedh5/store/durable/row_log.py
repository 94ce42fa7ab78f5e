"""Rows in a journal: what was appended to streams, as bytes, and how it gets back into them.

The record of a flush holds, all numbers little-endian and 8 bytes long unless told otherwise:

1. the length of the text that follows, and this: JSON, a list with an object for every table or
   array that is new in this epoch, ``{"path": ..., "table": true, "streams": [[name, bytes of an
   item], ...]}``, names without their path. They are numbered in the order in which they come;
2. the number of the numbers that follow, and these: for each table or array that has new rows its
   number, the rows that it has now, and for each of its streams the number of the first item and
   of the items;
3. these items, one stream behind the other, as they lie in memory.
"""

import json
import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from raggedh5.errors import FormatError
from raggedh5.store.stream import Stream

__all__ = ["LoggedItems", "LoggedRows", "Logging", "RowLog", "last_name", "read_rows"]

_LENGTH = struct.Struct("<Q")


class Logging(Protocol):
    """A writing end whose rows can be logged."""

    handle: Any
    h5: Any
    name: str
    is_table: bool

    @property
    def rows(self) -> int:
        """Rows appended so far."""

    @property
    def streams(self) -> Sequence[Stream]:
        """The streams that they went to."""


class LoggedItems(NamedTuple):
    """Items of one stream: the last name of its dataset, the first, how many, and their bytes."""

    name: str
    first: int
    length: int
    raw: memoryview


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


def last_name(stream: Stream) -> str:
    """Return the name that the dataset of a stream has in its group."""
    return stream.name.rpartition("/")[2]


class RowLog:
    """Makes the records of one epoch."""

    def __init__(self) -> None:
        self._numbers: dict[Logging, int] = {}

    def record(self, writers: Sequence[Logging]) -> list[memoryview] | None:
        """Return the parts of a record with what is new in these, None where that is not at hand.

        Call `written` when it has been written.
        """
        named: list[dict[str, Any]] = []
        numbers: list[int] = []
        items: list[memoryview] = []
        for writer in writers:
            streams = writer.streams
            number = self._numbers.get(writer)
            if number is None:
                number = len(self._numbers) + len(named)
                path = writer.handle.sums.path_now(writer.h5.id, writer.name)
                if path is None:
                    return None
                names = [[last_name(stream), stream.item_bytes] for stream in streams]
                named.append({"path": path, "table": writer.is_table, "streams": names})
            numbers += number, writer.rows
            for stream in streams:
                new = stream.unlogged_items()
                if new is None:
                    return None
                first, parts = new
                numbers += first, stream.count - first
                items += parts
        text = json.dumps(named).encode()
        head = (
            _LENGTH.pack(len(text)),
            text,
            struct.pack(f"<Q{len(numbers)}q", len(numbers), *numbers),
        )
        return [memoryview(b"".join(head)), *items]

    def written(self, writers: Sequence[Logging]) -> None:
        """Take note that what `record` returned for these is safe."""
        for writer in writers:
            if writer not in self._numbers:
                self._numbers[writer] = len(self._numbers)
            for stream in writer.streams:
                stream.settle()

    def clear(self) -> None:
        """Begin another epoch."""
        self._numbers.clear()


def read_rows(records: Sequence[bytes]) -> Iterator[LoggedRows]:
    """Read the records of an epoch again.

    Raises
    ------
    FormatError
        If they make no sense.
    """
    known: list[dict[str, Any]] = []
    try:
        for record in records:
            yield from _read_record(memoryview(record), known)
    except (IndexError, KeyError, TypeError, ValueError, struct.error) as error:
        raise FormatError(f"the journal holds a record that cannot be read: {error!r}") from error


def _read_record(record: memoryview, known: list[dict[str, Any]]) -> Iterator[LoggedRows]:
    (length,) = _LENGTH.unpack_from(record, 0)
    at = _LENGTH.size + length
    known += json.loads(bytes(record[_LENGTH.size : at]))
    (count,) = _LENGTH.unpack_from(record, at)
    numbers = iter(struct.unpack_from(f"<{count}q", record, at + _LENGTH.size))
    at += _LENGTH.size + 8 * count
    for number in numbers:
        about = known[number]
        rows = next(numbers)
        items = []
        for name, nbytes in about["streams"]:
            first, n = next(numbers), next(numbers)
            if not 0 <= n * nbytes <= len(record) - at:
                raise ValueError(f"{n} items of {nbytes} bytes")
            items.append(LoggedItems(name, first, n, record[at : at + n * nbytes]))
            at += n * nbytes
        yield LoggedRows(about["path"], bool(about["table"]), rows, tuple(items))
