"""A dataset of text lines that grows: plain variable-length strings, for any reader of HDF5."""

from typing import Any

import h5py

from raggedh5.errors import FormatError, SchemaError

__all__ = ["add_line", "read_lines"]

CHUNK = 64
"""Lines of a chunk: 1 KiB, for the strings themselves lie elsewhere in the file."""


def add_line(root: h5py.Group, name: str, line: str) -> None:
    """Add a line to the dataset of that name, which is made if there is none.

    Raises
    ------
    SchemaError
        If there is something else of that name.
    """
    found = root.get(name)
    if root.get(name, getlink=True) is None:
        found = root.create_dataset(
            name, (0,), h5py.string_dtype(), maxshape=(None,), chunks=(CHUNK,)
        )
    if not _is_lines(found) or found.maxshape != (None,):
        raise SchemaError(f"{name} in {root.name} is something else already; it cannot be added to")
    at = len(found)
    found.resize((at + 1,))
    try:
        found[at] = line
    except BaseException:
        found.resize((at,))
        raise


def read_lines(root: h5py.Group, name: str) -> list[str]:
    """Return the lines of the dataset of that name, none where there is no such.

    One that was added, but never written because its writer was killed, is left out.

    Raises
    ------
    FormatError
        If it is something else, or damaged.
    """
    if root.get(name, getlink=True) is None:
        return []
    found = root.get(name)
    if not _is_lines(found):
        raise FormatError(f"{name} in {root.name} is no list of text lines")
    try:
        # A chunk at the end may be missing, not more: a lie is not to make anybody allocate.
        most = (found.id.get_num_chunks() + 1) * found.chunks[0] if found.chunks else len(found)
        if len(found) > most:
            raise FormatError(f"{name} in {root.name}: {len(found)} lines, but room for {most}")
        lines = [line.decode("utf-8") for line in found[:]]
    except (OSError, RuntimeError, ValueError, MemoryError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{name} in {root.name} cannot be read: {error}") from error
    return [line for line in lines if line]


def _is_lines(item: Any) -> bool:
    return (
        isinstance(item, h5py.Dataset)
        and item.ndim == 1
        and h5py.check_string_dtype(item.dtype) is not None
    )
