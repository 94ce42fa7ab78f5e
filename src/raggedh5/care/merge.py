"""Several files with the same tables joined into one, or seen as one."""

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from raggedh5.care.progress import Progress, silent
from raggedh5.care.rewriting.schemas import PartSchema, check_alike, differing_attributes
from raggedh5.care.targets import check_target, new_file
from raggedh5.errors import SchemaError
from raggedh5.store.copying.array_assembly import ArrayAssembly, assemble_array
from raggedh5.store.copying.restorage import Restorage
from raggedh5.store.copying.table_assembly import TableAssembly
from raggedh5.store.copying.table_copy import assemble_like
from raggedh5.store.copying.table_source import TableSource
from raggedh5.store.copying.transfer import Transfer, transferring
from raggedh5.store.file import File
from raggedh5.store.walk import walk

__all__ = ["MergeReport", "merge"]


@dataclass(frozen=True)
class MergeReport:
    """What was joined.

    Attributes
    ----------
    parts, target
        The files.
    virtual
        Whether the values stayed in the parts.
    tables, arrays
        Rows of each table and array in the target, by path.
    warnings
        Attributes and single values in which parts differ; those of the first part hold.
    source_bytes, target_bytes
        Sizes of the parts together, and of the target.
    seconds
        How long it took.
    """

    parts: tuple[str, ...]
    target: str
    virtual: bool
    tables: dict[str, int]
    arrays: dict[str, int]
    warnings: tuple[str, ...]
    source_bytes: int
    target_bytes: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return the report as objects for `json.dumps`."""
        return asdict(self)


def merge(
    parts: Sequence[str | os.PathLike[str]],
    dst: str | os.PathLike[str],
    *,
    virtual: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> MergeReport:
    """Join files that have the same tables and arrays, row behind row, in the order of `parts`.

    Whole compressed chunks are copied as they are where they line up: those of the first part, and
    of a later one where the items before it fill whole chunks. Others are decoded and coded anew,
    in all threads. Dictionaries are united. Parts may differ in codecs and chunks, and in whether
    strings have a dictionary; the first one decides.

    Parameters
    ----------
    parts
        Paths of the files.
    dst
        Path of the new file, which appears when it is complete.
    virtual
        Leave values in the parts, and make a small file of HDF5 virtual datasets over them. It
        holds their paths from its own folder on: move them together. Offsets, which have to be
        counted on from part to part, are in the file itself.
    overwrite
        Whether `dst` is replaced if it exists.
    progress
        Called with bytes done and in all.

    Returns
    -------
    MergeReport

    Raises
    ------
    SchemaError
        If the parts do not agree: it names files, tables and columns. Nothing is written then.
    FileNotFoundError
        If a part does not exist.
    FormatError
        If a part is damaged.
    WriteError
        If `dst` exists already, or cannot be written.

    Examples
    --------
    >>> import raggedh5 as rh5, tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> rh5.write(folder / "a.h5", {"atoms": {"symbol": [["O", "H"], ["N"]]}})
    >>> rh5.write(folder / "b.h5", {"atoms": {"symbol": [["C"]]}})
    >>> merge([folder / "a.h5", folder / "b.h5"], folder / "ab.h5").tables
    {'atoms': 3}
    """
    started = time.perf_counter()
    paths, target = [Path(part) for part in parts], Path(dst)
    if not paths:
        raise SchemaError("there is nothing to merge: give the paths of some files")
    check_target(paths, target, overwrite)
    schemas = [PartSchema.read(path) for path in paths]
    check_alike(schemas)
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(File(paths[0]))
        others = stack.enter_context(contextlib.ExitStack())  # closed after the new file is
        new = stack.enter_context(new_file(first, target, overwrite))
        transfer = stack.enter_context(transferring(first, new))
        joined = _Joined(transfer, schemas, virtual)
        joined.begin(first, paths, others)
        total, done = sum(schema.nbytes for schema in schemas), 0
        for number, path in enumerate(paths):
            progress(done, total)
            joined.append(path, last=number == len(paths) - 1)
            done += schemas[number].nbytes
        joined.finish()
        progress(total, total)
    return MergeReport(
        tuple(map(str, paths)),
        str(target),
        virtual,
        {name: table.rows for name, table in joined.tables.items()},
        {name: array.rows for name, array in joined.arrays.items()},
        tuple(differing_attributes(schemas)),
        sum(schema.nbytes for schema in schemas),
        target.stat().st_size,
        time.perf_counter() - started,
    )


class _Joined:
    """The new file while parts are appended to it."""

    def __init__(self, transfer: Transfer, schemas: Sequence[PartSchema], virtual: bool) -> None:
        self.transfer = transfer
        self.schemas = schemas
        self.virtual = virtual
        self.tables: dict[str, TableAssembly] = {}
        self.arrays: dict[str, ArrayAssembly] = {}

    def begin(self, first: File, paths: Sequence[Path], stack: contextlib.ExitStack) -> None:
        """Create everything, like in the first part."""
        transfer = self.transfer
        transfer.root()
        for found in walk(first.h5):
            if found.kind == "table":
                self._begin_table(found.name, paths, stack)
            elif found.kind == "array":
                counts = [part.arrays[found.name].shape for part in self.schemas]
                rows = sum(shape[0] for shape in counts if shape)
                if found.item.shape:
                    self.arrays[found.name] = assemble_array(
                        transfer, found.name, found.item, rows, Restorage(), self.virtual
                    )
                else:
                    transfer.dataset(found.name, found.item)
            else:
                transfer.other(found)

    def append(self, path: Path, last: bool) -> None:
        """Append a part."""
        # Of a part that stays where it is, little more than the offsets is read.
        with File(path, threads=1 if self.virtual else None) as file:
            handle = self.transfer.handle_for(file)
            try:
                for name, table in self.tables.items():
                    source = TableSource(handle, file.h5[name])
                    table.append(source, 0, source.rows, last)
                for name, array in self.arrays.items():
                    array.append(handle, file.h5[name], last)
            finally:
                handle.release()

    def finish(self) -> None:
        """Complete all tables and arrays."""
        for table in self.tables.values():
            table.finish()
        for array in self.arrays.values():
            array.finish()

    def _begin_table(self, path: str, paths: Sequence[Path], stack: contextlib.ExitStack) -> None:
        """Create a table like that of the first part that has columns in it."""
        known = [schema.tables[path] for schema in self.schemas]
        number = next((i for i, table in enumerate(known) if table.columns), 0)
        file = stack.enter_context(File(paths[number]))
        source = TableSource(self.transfer.source_of(file.h5[path]), file.h5[path])
        columns = dict(known[number].columns)
        not_finite = {
            name
            for name in columns
            if not all(name in table.finite for table in known if table.columns)
        }
        self.tables[path] = assemble_like(
            self.transfer,
            path,
            source,
            columns,
            Restorage(),
            not_finite=not_finite,
            virtual=self.virtual,
        )
