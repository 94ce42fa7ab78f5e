"""Whole files at once: write a dict of tables, read one."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from raggedh5.core.inference import is_strings
from raggedh5.core.ragged import Ragged
from raggedh5.core.schema import Column
from raggedh5.store.file import File
from raggedh5.store.handle import Verify

__all__ = ["read", "write"]


def write(
    path: str | os.PathLike[str],
    tables: Mapping[str, Any],
    *,
    columns: Mapping[str, Mapping[str, Column]] | None = None,
    **options: Any,
) -> None:
    """Write a file in one go. A file that was there is replaced whole, or not at all.

    Parameters
    ----------
    path
        Path of the file.
    tables
        By name: a dict of `Ragged` (or lists of lists) is a table, a dict of arrays (or lists of
        str) a row table, and an array a dense array.
    columns
        By table, what is to be said of its columns; see `File.create_table`.
    **options
        Codec, threads and so on, as `File` takes them.

    Raises
    ------
    SchemaError
        If something cannot be stored.
    WriteError
        If the file cannot be written.

    Examples
    --------
    >>> import raggedh5 as rh5, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "one_shot.h5"
    >>> rh5.write(path, {"atoms": {"symbol": [["O", "H"], ["N"]]}, "energy": [0.5, 1.5]})
    >>> rh5.read(path)["energy"]
    array([0.5, 1.5])
    """
    with File(path, "w", **options) as file:
        for name, content in tables.items():
            if not isinstance(content, Mapping):
                file.create_array(name, data=content)
                continue
            ragged = any(_is_ragged(value) for value in content.values())
            declared = (columns or {}).get(name)
            table = file.create_table(name, declared, ragged=ragged)
            if content:
                table.append(content)


def read(
    path: str | os.PathLike[str], *, threads: int | None = None, verify: Verify = "first"
) -> dict[str, Any]:
    """Read a whole file.

    Returns
    -------
    dict
        By path: for a table a dict of `Ragged`, for a row table a dict of arrays, for any other
        dataset an array.
    """
    with File(path, threads=threads, verify=verify) as file:
        return file.read()


def _is_ragged(value: Any) -> bool:
    if isinstance(value, Ragged):
        return True
    if isinstance(value, np.ndarray) or not isinstance(value, (list, tuple)):
        return False
    if not is_strings(value):
        return any(isinstance(row, (list, tuple, np.ndarray)) for row in value)
    return not isinstance(value[0], (str, bytes))
