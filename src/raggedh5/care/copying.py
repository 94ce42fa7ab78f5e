"""Copies of whole files, or of chosen tables, columns and rows."""

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from raggedh5.care.progress import Progress, silent
from raggedh5.care.rewriting.selection import Columns, as_rows, choose, columns_of
from raggedh5.care.targets import check_room, check_target, new_file
from raggedh5.core.rows import rows_of
from raggedh5.store.array import Array
from raggedh5.store.copying.file_copy import copy_file
from raggedh5.store.copying.row_copy import copy_array_rows, copy_table_rows
from raggedh5.store.copying.table_copy import copy_whole
from raggedh5.store.copying.table_source import TableSource
from raggedh5.store.copying.transfer import Transfer, transferring
from raggedh5.store.file import File
from raggedh5.store.table import Table

__all__ = ["CopyReport", "copy"]


@dataclass(frozen=True)
class CopyReport:
    """What was copied.

    Attributes
    ----------
    source, target
        The files.
    whole
        Whether the file was copied byte for byte.
    tables, arrays
        Rows of each table and array in the target, by path.
    source_bytes, target_bytes
        Sizes of the files.
    seconds
        How long it took.
    """

    source: str
    target: str
    whole: bool
    tables: dict[str, int]
    arrays: dict[str, int]
    source_bytes: int
    target_bytes: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return the report as objects for `json.dumps`."""
        return asdict(self)


def copy(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str],
    *,
    tables: str | Iterable[str] | None = None,
    columns: Columns = None,
    rows: Any = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> CopyReport:
    """Copy a file, or chosen tables and arrays of it.

    A whole file is copied byte for byte. Chosen tables and columns take their compressed chunks
    with them as they are; so do rows that follow each other, where chunks line up. In either case
    every chunk is compared with its checksum. Memory stays bounded, whatever the size.

    Parameters
    ----------
    src, dst
        Paths of the file and of the copy, which appears when it is complete.
    tables
        Paths of tables and arrays, or of groups that they are in; ``*`` stands for any letters.
        None for all.
    columns
        Names of columns, for all tables that are copied; or a dict of such by table.
    rows
        A slice, text as ``"0:100"``, row numbers, or a bool mask; of every table and array that is
        copied.
    overwrite
        Whether `dst` is replaced if it exists.
    progress
        Called with bytes done and in all.

    Returns
    -------
    CopyReport

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    KeyError, IndexError
        If there is no such table, column or row.
    FormatError
        If the file is damaged.
    WriteError
        If `dst` exists already, or cannot be written.

    Examples
    --------
    >>> import raggedh5 as rh5, tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> rh5.write(folder / "a.h5", {"atoms": {"symbol": [["O", "H"], ["N"], ["C"]]}})
    >>> copy(folder / "a.h5", folder / "b.h5", rows=slice(0, 2)).tables
    {'atoms': 2}
    """
    started = time.perf_counter()
    source, target = Path(src), Path(dst)
    check_target([source], target, overwrite)
    whole = tables is None and columns is None and rows is None
    with File(source) as file:
        if whole:
            copy_file(source, target, overwrite, progress)
            found, arrays = file.contents()
            counts = {name: len(table) for name, table in found.items()}
            sizes = {name: _rows(array) for name, array in arrays.items()}
        else:
            counts, sizes = _copy_chosen(
                file, target, tables, columns, as_rows(rows), overwrite, progress
            )
    return CopyReport(
        str(source),
        str(target),
        whole,
        counts,
        sizes,
        source.stat().st_size,
        target.stat().st_size,
        time.perf_counter() - started,
    )


def _copy_chosen(
    file: File,
    target: Path,
    patterns: str | Iterable[str] | None,
    columns: Columns,
    rows: Any,
    overwrite: bool,
    progress: Progress,
) -> tuple[dict[str, int], dict[str, int]]:
    tables, arrays = file.contents()
    everything: dict[str, Any] = tables | arrays
    chosen = choose(everything, patterns)
    if not isinstance(columns, Mapping) and columns is not None and patterns is None:
        chosen = [name for name in chosen if name in tables]
    sizes = {name: int(_stored(everything[name])) for name in chosen}
    total, done = sum(sizes.values()), 0
    if rows is None and columns is None:
        check_room(target, total)
    counts: dict[str, int] = {}
    lengths: dict[str, int] = {}
    with new_file(file, target, overwrite) as new, transferring(file, new) as transfer:
        transfer.root()
        for name in chosen:
            progress(done, total)
            if transfer.again(name, everything[name].h5):  # it has several names
                continue
            if name in tables:
                wanted = columns_of(columns, name, list(tables[name].columns))
                counts[name] = _copy_table(transfer, (file, new), name, tables[name], wanted, rows)
            else:
                lengths[name] = _copy_array(transfer, name, arrays[name], rows)
            done += sizes[name]
        progress(total, total)
    return counts, lengths


def _copy_table(
    transfer: Transfer,
    files: tuple[File, File],
    name: str,
    table: Table,
    columns: list[str],
    rows: Any,
) -> int:
    source = TableSource(transfer.source_of(table.h5), table.h5)
    if rows is None and not any(facts.virtual for facts in source.buffers.values()):
        copy_whole(transfer, name, source, columns)
        return source.rows
    chosen = rows_of(slice(None) if rows is None else rows, source.rows)
    return copy_table_rows(transfer, files, name, source, columns, chosen)


def _copy_array(transfer: Transfer, name: str, array: Array, rows: Any) -> int:
    whole = rows is None or not array.h5.shape
    if whole and not array.h5.is_virtual:
        transfer.dataset(name, array.h5)
        return _rows(array)
    length = array.h5.shape[0]
    return copy_array_rows(
        transfer, name, array.h5, rows_of(slice(None) if whole else rows, length)
    )


def _rows(array: Array) -> int:
    """Return the rows of an array; a single value counts as one."""
    shape = array.h5.shape
    return int(shape[0]) if shape else int(shape is not None)


def _stored(item: Table | Array) -> int:
    if isinstance(item, Array):
        return int(item.h5.id.get_storage_size())
    return sum(buffer.id.get_storage_size() for buffer in item.h5.values())
