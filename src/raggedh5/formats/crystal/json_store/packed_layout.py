"""Structures as JSON in one table: the text of all of them in a row, and their refcodes."""

import weakref
from dataclasses import replace
from typing import Any

import numpy as np

from raggedh5.core.codecs import Blosc
from raggedh5.core.pipeline_codecs import codec_like
from raggedh5.core.schema import Column
from raggedh5.formats.crystal.json_store.stale_indexes import remove_indexes
from raggedh5.store.facts import pipeline_of
from raggedh5.store.file import File
from raggedh5.store.items import ItemReader
from raggedh5.store.layout import Storage
from raggedh5.store.raw_json import JSON, MEDIA_TYPE, RAW_JSON, REFCODE, STRUCTURES
from raggedh5.store.table import Table

__all__ = ["CODEC", "PENDING", "PackedLayout", "create_packed"]

CODEC = Blosc("zstd", level=1, shuffle=None, blocksize=1 << 15)
"""JSON shrinks to a fifth by it, as fast as it comes. A block is what is read for one structure."""

WAITING = 1 << 20
"""Characters that wait for each other before they are appended."""

PENDING = "pending_structures"
"""Where the table is written anew before it takes its place."""

PIECE = 1 << 23
"""Bytes of text that are moved at a time."""


def create_packed(file: File, codec: Any = CODEC) -> None:
    """Create the table, without structures."""
    _create(file, STRUCTURES, codec)


class PackedLayout:
    """The structures of one file, a row of the table ``/structures`` each.

    What is written waits in memory until there is enough of it, and is in the file when that is
    flushed or closed. A structure that is written again is appended again, the last one counts;
    when the file is closed, the others are left out.

    Parameters
    ----------
    file
        The open file, with the table.
    """

    def __init__(self, file: File) -> None:
        # The file keeps this one, by the steps below, and is not to be kept by it.
        self._file = weakref.proxy(file)
        self._table = _opened(file)
        self._lock = self._table.handle.lock
        self._waiting: dict[str, str] = {}
        self._size = 0
        self._rows: dict[str, int] = {}
        self._known = 0
        self._epoch = self._table.handle.epoch
        if self._table.handle.writable:
            self._look()
            file.before_flush(self.bring)
            file.before_close(self.finish)

    def write(self, refcode: str, text: str) -> None:
        """Write the JSON of a structure, in place of what there was.

        Raises
        ------
        WriteError
            If the file cannot be written. What waits is tried again then.
        """
        self._table.handle.check_writable()
        with self._lock:
            # One that waits comes last now, as it would have if it had been appended.
            self._waiting.pop(refcode, None)
            self._waiting[refcode] = text
            self._size += len(text)
            if self._size > WAITING:
                self.bring()

    def read(self, refcode: str) -> str | None:
        """Return the JSON of a structure, None where there is no such.

        Raises
        ------
        FormatError
            If the file is damaged there.
        """
        if self._waiting:
            with self._lock:
                text = self._waiting.get(refcode)
            if text is not None:
                return text
        self._look()
        row = self._rows.get(refcode)
        return None if row is None else str(self._table.read_row(RAW_JSON, row))

    def refcodes(self) -> list[str]:
        """Return the refcodes of all structures, in the order of the file."""
        with self._lock:
            self._look()
            written = sorted(self._rows, key=self._rows.__getitem__)
            again = self._waiting.keys() & self._rows.keys()
            return [code for code in written if code not in again] + list(self._waiting)

    def bring(self) -> None:
        """Append what waits.

        Raises
        ------
        WriteError
            If the file cannot be written; it waits still then.
        """
        with self._lock:
            if self._waiting:
                self._look()
                codes, texts = list(self._waiting), list(self._waiting.values())
                self._table.append({REFCODE: codes, RAW_JSON: texts})
                self._take_note(codes)
            self._waiting, self._size = {}, 0

    def finish(self) -> None:
        """Append what waits, and leave out what was written again.

        Raises
        ------
        WriteError
            If the file cannot be written.
        """
        with self._lock:
            self.bring()
            if len(self._rows) < self._known:
                self._leave_out()

    def _look(self) -> None:
        """See which refcodes have come to the table."""
        rows, epoch = len(self._table), self._table.handle.epoch
        if rows == self._known and epoch == self._epoch:
            return
        with self._lock:
            if rows < self._known or epoch != self._epoch:  # it may be another table now
                self._rows, self._known, self._epoch = {}, 0, epoch
            codes = self._table.take(slice(self._known, rows), [REFCODE])[REFCODE].tolist()
            self._take_note(codes)

    def _take_note(self, codes: list[str]) -> None:
        """Take note of more rows of the table; the last one with a refcode counts."""
        self._rows.update(zip(codes, range(self._known, self._known + len(codes)), strict=True))
        self._known += len(codes)

    def _leave_out(self) -> None:
        """Write the table anew, with the last row of each structure."""
        file = self._file
        if PENDING in file:  # of an attempt that failed
            file.remove(PENDING)
        made = _create(file, PENDING, _codec_of(self._table))
        keep = np.zeros(self._known, np.bool_)
        keep[list(self._rows.values())] = True
        items = ItemReader(self._table)
        for start, stop in items.pieces(RAW_JSON, PIECE):
            kept = keep[start:stop]
            if kept.any():
                batch = {name: items.read(name, start, stop)[kept] for name in (REFCODE, RAW_JSON)}
                made.append(batch)
        file.flush()
        remove_indexes(file.h5)
        file.remove(STRUCTURES)
        file.move(PENDING, STRUCTURES)
        self._table = _opened(file)
        self._rows, self._known = {}, 0
        self._look()


def _create(file: File, name: str, codec: Any) -> Table:
    columns = {
        REFCODE: Column("str", dictionary=False),
        RAW_JSON: Column("str", dictionary=False, codec=codec, attrs={MEDIA_TYPE: JSON}),
    }
    table = file.create_table(name, columns, ragged=False, codec=codec)
    table.append({REFCODE: [], RAW_JSON: []})  # there are buffers from now on
    return table


def _opened(file: File) -> Table:
    """Return the table as it is appended to: blocks of a file do not say how large they are."""
    table: Table = file[STRUCTURES]
    return Table(table.handle, table.h5, Storage(_codec_of(table)))


def _codec_of(table: Table) -> Any:
    codec = codec_like(pipeline_of(table[RAW_JSON].h5))
    return replace(codec, blocksize=CODEC.blocksize) if isinstance(codec, Blosc) else codec
