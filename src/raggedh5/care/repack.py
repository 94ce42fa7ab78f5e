"""Files written anew: other codecs, chunks, dtypes or dictionaries, and no dead space."""

import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from raggedh5.care.progress import Progress, silent
from raggedh5.care.rewriting.wishes import Wishes
from raggedh5.care.targets import check_room, check_target, new_file
from raggedh5.core.chunks import Access
from raggedh5.errors import SchemaError
from raggedh5.store.copying.array_assembly import assemble_array
from raggedh5.store.copying.restorage import Restorage
from raggedh5.store.copying.table_copy import assemble_like, copy_whole
from raggedh5.store.copying.table_source import TableSource
from raggedh5.store.copying.transfer import Transfer, transferring
from raggedh5.store.facts import Facts
from raggedh5.store.file import File
from raggedh5.store.opening import NewFile
from raggedh5.store.walk import Found, walk

__all__ = ["RepackReport", "repack"]

SMALL = 1 << 14
"""Bytes below which an array that is not chunked stays so: a block of Blosc."""


@dataclass(frozen=True)
class RepackReport:
    """What was written anew.

    Attributes
    ----------
    source, target
        The files; the same where it was done in place.
    tables, arrays
        Rows of each table and array, by path.
    source_bytes, target_bytes
        Sizes of the file before and after.
    seconds
        How long it took.
    """

    source: str
    target: str
    tables: dict[str, int]
    arrays: dict[str, int]
    source_bytes: int
    target_bytes: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return the report as objects for `json.dumps`."""
        return asdict(self)


def repack(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str] | None = None,
    *,
    codec: Any = "keep",
    chunk_bytes: int | None = None,
    access: Access | None = None,
    dtypes: Mapping[str, DTypeLike] | None = None,
    dictionary: Mapping[str, bool] | None = None,
    rounding: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> RepackReport:
    """Write a file anew, without the dead space in it, and stored in another way if that is asked.

    What is not to be changed takes its compressed chunks with it as they are, and everything that
    is no table or array (groups, attributes, links) is copied. What is to be changed is decoded and
    coded anew, in all threads. Buffers that are longer than their table needs are cut, and virtual
    datasets become ordinary ones. Memory stays bounded, whatever the size.

    Parameters
    ----------
    src, dst
        Paths of the file and of the new one, which appears when it is complete. Without `dst`, it
        takes the place of `src` then.
    codec
        ``"keep"``, or what `raggedh5.File` takes. Arrays of anything but numbers stay
        as they are, and so do small ones that are not chunked.
    chunk_bytes, access
        How chunks are planned anew; None to keep them.
    dtypes
        New dtypes by column, ``"table/column"``, or path of an array.
    dictionary
        Whether strings have a dictionary, by column or ``"table/column"``.
    rounding
        Whether floats may be rounded to a dtype with fewer digits. Any other loss is an error.
    overwrite
        Whether `dst` is replaced if it exists.
    progress
        Called with bytes done and in all.

    Returns
    -------
    RepackReport

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    KeyError
        If there is no such column.
    SchemaError
        If a value does not fit its new dtype, or the arguments do not fit the file.
    FormatError
        If the file is damaged.
    WriteError
        If the new file exists already, or cannot be written.

    Examples
    --------
    >>> import raggedh5 as rh5, numpy as np, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "energies.h5"
    >>> rh5.write(path, {"energy": np.arange(10_000) / 8})
    >>> report = repack(path, codec=rh5.Blosc("zstd"), dtypes={"energy": "f4"})
    >>> report.target_bytes < report.source_bytes, rh5.read(path)["energy"].dtype.name
    (True, 'float32')
    """
    started = time.perf_counter()
    source = Path(src)
    restorage = Restorage(codec, chunk_bytes, access)
    restorage.check()
    wishes = Wishes(dict(dtypes or {}), dict(dictionary or {}), rounding)
    counts: tuple[dict[str, int], dict[str, int]]
    if dst is not None:
        target = Path(dst)
        check_target([source], target, overwrite)
        before = source.stat().st_size
        counts = _write(source, target, restorage, wishes, overwrite, progress)
    else:
        if not source.exists():
            raise FileNotFoundError(f"{source} does not exist")
        target = source
        before = source.stat().st_size
        with NewFile(source, replace=True) as temporary:
            counts = _write(source, temporary, restorage, wishes, True, progress)
    return RepackReport(
        str(source),
        str(target),
        *counts,
        before,
        target.stat().st_size,
        time.perf_counter() - started,
    )


def _write(
    source: Path,
    target: Path,
    restorage: Restorage,
    wishes: Wishes,
    overwrite: bool,
    progress: Progress,
) -> tuple[dict[str, int], dict[str, int]]:
    tables: dict[str, int] = {}
    arrays: dict[str, int] = {}
    with File(source) as file:
        total, done = source.stat().st_size, 0
        if not restorage.changes and not wishes.dtypes and not wishes.dictionary:
            check_room(target, sum(_stored(found) for found in walk(file.h5)))
        with new_file(file, target, overwrite) as new, transferring(file, new) as transfer:
            transfer.root()
            for found in walk(file.h5):
                progress(min(done, total), total)
                if found.kind == "table":
                    tables[found.name] = _table(transfer, found, restorage, wishes)
                elif found.kind == "array":
                    arrays[found.name] = _array(transfer, found, restorage, wishes)
                else:
                    transfer.other(found)
                done += _stored(found)
            wishes.check()
            progress(total, total)
    return tables, arrays


def _stored(found: Found) -> int:
    """Return the bytes of a table's or an array's values in the file."""
    if found.kind == "table":
        buffers = (found.item.get(name) for name in found.item)
        return sum(b.id.get_storage_size() for b in buffers if hasattr(b, "chunks"))
    return int(found.item.id.get_storage_size()) if found.kind == "array" else 0


def _table(transfer: Transfer, found: Found, restorage: Restorage, wishes: Wishes) -> int:
    source = TableSource(transfer.source, found.item)
    columns = {name: field.column for name, field in source.form.fields.items()}
    wanted = {name: wishes.column(found.name, name, column) for name, column in columns.items()}
    virtual = any(facts.virtual for facts in source.buffers.values())
    if wanted == columns and not restorage.changes and not virtual:
        copy_whole(transfer, found.name, source, cut=True)
        return source.rows
    made = assemble_like(transfer, found.name, source, wanted, restorage, rounding=wishes.rounding)
    made.append(source, 0, source.rows, last=True)
    made.finish()
    return source.rows


def _array(transfer: Transfer, found: Found, restorage: Restorage, wishes: Wishes) -> int:
    dataset = found.item
    facts = Facts(dataset)
    dtype = wishes.array(found.name)
    count = int(facts.shape[0]) if facts.shape else int(dataset.shape is not None)
    if dtype is not None and not (facts.numeric and facts.shape):
        raise SchemaError(f"{found.name!r} is no array of numbers: its dtype stays as it is")
    nbytes = facts.dtype.itemsize * int(np.prod(facts.shape, dtype=np.int64))
    stays = not facts.numeric or (not facts.chunks and not facts.virtual and nbytes < SMALL)
    if not facts.shape or (
        dtype is None and not facts.virtual and (stays or not restorage.changes)
    ):
        transfer.dataset(found.name, dataset)
        return count
    made = assemble_array(
        transfer, found.name, dataset, count, restorage, dtype=dtype, rounding=wishes.rounding
    )
    made.append(transfer.source, dataset, last=True)
    made.finish()
    return count
