"""Structures as JSON text: where they lie in a file, in either of two layouts.

In groups
    ``/structures/<refcode>/raw_json``, each a scalar string of variable length.
Packed
    ``/structures`` is a row table with the columns ``refcode`` and ``raw_json``. A refcode that is
    there several times has the text of its last row.
"""

from collections.abc import Iterator
from typing import Any, Literal

import h5py
import numpy as np

from raggedh5.errors import FormatError, WriteError
from raggedh5.store.damage import PROBLEMS
from raggedh5.store.layout import is_table, read_form

__all__ = [
    "JSON",
    "MEDIA_TYPE",
    "RAW_JSON",
    "REFCODE",
    "STRUCTURES",
    "is_raw_json",
    "layout_of",
    "names_in_groups",
    "read_in_group",
    "texts_in_groups",
    "write_in_group",
]

STRUCTURES = "structures"
RAW_JSON = "raw_json"
REFCODE = "refcode"

MEDIA_TYPE = "media-type"
"""Attribute of a column of strings, or of a dataset, that says what its text is."""

JSON = "application/json"


def layout_of(root: h5py.Group) -> Literal["groups", "packed"] | None:
    """Return how a file holds its structures; None where it has nothing of that name.

    Raises
    ------
    FormatError
        If there is something else of that name, or it cannot be read.
    """
    try:
        item = root.get(STRUCTURES)
        if item is None and STRUCTURES in root:
            item = root[STRUCTURES]  # which says why not
    except PROBLEMS as error:
        raise FormatError(f"/{STRUCTURES} cannot be opened: {error}") from error
    if item is None:
        return None
    if is_table(item):
        fields = read_form(item).fields
        if all(name in fields and fields[name].column.is_string for name in (REFCODE, RAW_JSON)):
            return "packed"
    elif isinstance(item, h5py.Group):
        return "groups"
    raise FormatError(f"/{STRUCTURES} holds no structures as JSON: it is {item!r}")


def is_raw_json(path: str, attributes: Any) -> bool:
    """Whether a dataset is to hold JSON: by its path, or by what its attributes say."""
    parts = path.strip("/").split("/")
    named = len(parts) == 3 and parts[0] == STRUCTURES and parts[2] == RAW_JSON
    return named or attributes.get(MEDIA_TYPE) == JSON


def names_in_groups(root: h5py.Group) -> list[str]:
    """Return the names of all structures in groups, in the order of the file."""
    try:
        return [str(name) for name in root[STRUCTURES]]
    except PROBLEMS as error:
        raise FormatError(f"/{STRUCTURES} cannot be listed: {error}") from error


def texts_in_groups(root: h5py.Group) -> Iterator[tuple[str, str | None]]:
    """Go through the structures in groups; the text is None where there is none."""
    for name in names_in_groups(root):
        yield name, read_in_group(root, name)


def read_in_group(root: h5py.Group, name: str) -> str | None:
    """Return the text of a structure in groups, None where there is no such.

    Raises
    ------
    FormatError
        If it cannot be read, or is no text.
    """
    path = f"{STRUCTURES}/{name}/{RAW_JSON}"
    try:
        value = root[path][()]
    except KeyError as error:
        if path not in root:
            return None
        raise FormatError(f"/{path} cannot be opened: {error}") from error
    except PROBLEMS as error:
        raise FormatError(f"/{path} cannot be read: {error}") from error
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    try:
        if isinstance(value, bytes):
            return value.decode()
    except UnicodeDecodeError as error:
        raise FormatError(f"/{path} is not UTF-8: {error}") from error
    if isinstance(value, str):
        return str(value)
    raise FormatError(f"/{path} holds {type(value).__name__}, not text")


def write_in_group(groups: h5py.Group, name: str, text: str) -> bool:
    """Write the text of a structure to its group; return whether there was one before.

    `groups` is ``/structures``. What was there stays if the new one cannot be written.

    Raises
    ------
    WriteError
        If it cannot be written.
    """
    try:
        if name not in groups:
            groups.create_group(name).create_dataset(RAW_JSON, data=text)
            return False
        group = groups[name]
        if RAW_JSON not in group:
            group.create_dataset(RAW_JSON, data=text)
            return False
        made = group.create_dataset(None, data=text)
        del group[RAW_JSON]
        group[RAW_JSON] = made
    except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        path = f"/{STRUCTURES}/{name}/{RAW_JSON}"
        raise WriteError(f"{path} could not be written: {error}") from error
    return True
