"""What the journal of a file that was not closed gives back."""

import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from raggedh5.errors import FormatError
from raggedh5.store.array_writer import ArrayWriter
from raggedh5.store.durable.descriptors import pread_all
from raggedh5.store.durable.journal import Journal, Kind, fingerprint
from raggedh5.store.durable.pages import Pages
from raggedh5.store.durable.row_log import LoggedRows, read_rows
from raggedh5.store.facts import address_of
from raggedh5.store.handle import Handle
from raggedh5.store.layout import Storage
from raggedh5.store.writer import TableWriter

__all__ = ["Recovery", "recover_pages", "replay"]


@dataclass
class Recovery:
    """What was found in a journal.

    Attributes
    ----------
    pages : int
        Pages that were brought to the file.
    cut : int
        Bytes behind the end of the file that nothing led to.
    rows : list of LoggedRows
        Rows that the file does not hold yet.
    restored : dict
        Rows before and after, by path of the table or array.
    end : int
        Bytes of the file as HDF5 is to see it.
    fixed : int
        Bytes of it that hold what is to be recovered.
    """

    pages: int = 0
    cut: int = 0
    rows: list[LoggedRows] = field(default_factory=list)
    restored: dict[str, tuple[int, int]] = field(default_factory=dict)
    end: int = 0
    fixed: int = 0


def recover_pages(path: Path, descriptor: int, journal: Journal) -> Recovery:
    """Bring a file to the state in which an epoch of its journal began or ended.

    Parameters
    ----------
    path
        The file.
    descriptor
        The same, open for writing.
    journal
        Its journal. If the epoch is over, another one is begun.

    Raises
    ------
    FormatError
        If the journal is not of this file.
    OSError
        If the file cannot be written.
    """
    found = Recovery()
    size = os.fstat(descriptor).st_size
    header = journal.header
    if header is None:  # its writer had not come to write anything
        journal.begin(size, fingerprint(descriptor, size))
        found.end = found.fixed = size
        return found
    logged, pages = [], None
    for kind, payload in journal.records():
        if kind == Kind.ROWS:
            logged.append(payload)
        else:
            pages = Pages.parse(payload)
    if pages is not None:
        stranger = pages.stranger(descriptor)
        if stranger is not None:
            raise _not_its_own(path, journal, f"byte {stranger} differs")
        pages.apply(descriptor, partial(os.fsync, descriptor) if journal.sync else None)
        end = pages.end
        found.pages = len(pages.numbers)
    else:
        end = header.end
        if size < end:
            raise _not_its_own(path, journal, f"it has {size} bytes of {end}")
        if fingerprint(descriptor, end) != header.fingerprint:
            raise _not_its_own(path, journal, "its beginning or end differ")
        found.rows = list(read_rows(logged, lambda at, n: pread_all(descriptor, n, at)))
    found.end = end
    found.fixed = max([end, *(items.end for rows in found.rows for items in rows.items)])
    found.cut = max(size - found.fixed, 0)
    os.ftruncate(descriptor, found.fixed)
    if journal.sync:
        os.fsync(descriptor)
    if pages is not None:
        journal.begin(end, fingerprint(descriptor, end))
    return found


def replay(handle: Handle, recovery: Recovery) -> None:
    """Append the rows that a journal has kept to an open file.

    Raises
    ------
    FormatError
        If they do not fit it.
    """
    for logged in recovery.rows:
        item = handle.file.get(logged.path)
        if item is None:
            raise FormatError(f"{handle.path}: the journal has rows of {logged.path}, the file not")
        address = address_of(item.id)
        writer = handle.writer_of(address)
        if writer is None:
            made = (
                TableWriter(handle, item, {}, Storage())
                if logged.is_table
                else ArrayWriter(handle, item)
            )
            writer = handle.writers[address] = made
        before, _ = recovery.restored.get(logged.path, (writer.rows, 0))
        writer.restore_rows(logged.rows, {items.name: items for items in logged.items})
        recovery.restored[logged.path] = before, writer.rows


def _not_its_own(path: Path, journal: Journal, why: str) -> FormatError:
    return FormatError(
        f"{path} is not the file that {journal.path} was written for: {why}. If the file is as it "
        "should be, delete the journal; otherwise put the file back that belongs to it"
    )
