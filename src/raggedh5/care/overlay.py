"""Several files with different things in them, seen as one."""

import os
from collections.abc import Sequence
from pathlib import Path

from raggedh5.care.targets import check_target, new_file
from raggedh5.errors import SchemaError
from raggedh5.store.copying.array_assembly import assemble_array
from raggedh5.store.copying.restorage import Restorage
from raggedh5.store.copying.table_copy import assemble_like
from raggedh5.store.copying.table_source import TableSource
from raggedh5.store.copying.transfer import Transfer, transferring
from raggedh5.store.file import File
from raggedh5.store.walk import Found, walk

__all__ = ["overlay"]


def overlay(
    parts: Sequence[str | os.PathLike[str]],
    dst: str | os.PathLike[str],
    *,
    overwrite: bool = False,
) -> list[str]:
    """Make a small file of virtual datasets over all that other files hold, each by its own path.

    Values stay in the parts; the file holds their paths from its own folder on: move them together.
    Groups, attributes and datasets without chunks are copied; where several parts have something
    by the same path, that of the first one holds.

    Parameters
    ----------
    parts
        Paths of the files.
    dst
        Path of the new file, which appears when it is complete.
    overwrite
        Whether `dst` is replaced if it exists.

    Returns
    -------
    list of str
        Paths of the tables and arrays in it.

    Raises
    ------
    SchemaError
        If there is no part.
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
    >>> rh5.write(folder / "a.h5", {"first/energy": [0.5]})
    >>> rh5.write(folder / "b.h5", {"second/energy": [1.5, 2.5]})
    >>> overlay([folder / "a.h5", folder / "b.h5"], folder / "both.h5")
    ['first/energy', 'second/energy']
    >>> rh5.read(folder / "both.h5")["second/energy"]
    array([1.5, 2.5])
    """
    paths, target = [Path(part) for part in parts], Path(dst)
    if not paths:
        raise SchemaError("there is nothing to lay a virtual file over: give the paths of files")
    check_target(paths, target, overwrite)
    names: list[str] = []
    with File(paths[0]) as first, new_file(first, target, overwrite) as new:
        for number, path in enumerate(paths):
            with File(path) as part, transferring(part, new) as transfer:
                if not number:
                    transfer.root()
                for found in walk(part.h5):
                    if found.name and found.name not in new.h5 and _lay(transfer, found):
                        names.append(found.name)
    return names


def _lay(transfer: Transfer, found: Found) -> bool:
    """Make one object; False where it is neither a table nor an array."""
    if found.kind == "table":
        handle = transfer.source_of(found.item)
        source = TableSource(handle, found.item)
        columns = {name: field.column for name, field in source.form.fields.items()}
        table = assemble_like(transfer, found.name, source, columns, Restorage(), virtual=True)
        table.append(source, 0, source.rows, last=True)
        table.finish()
    elif found.kind == "array" and found.item.chunks:
        rows = int(found.item.shape[0])
        array = assemble_array(transfer, found.name, found.item, rows, Restorage(), virtual=True)
        array.append(transfer.source_of(found.item), found.item, last=True)
        array.finish()
    elif found.kind == "array":
        transfer.dataset(found.name, found.item)
    else:
        transfer.other(found)
        return False
    return True
