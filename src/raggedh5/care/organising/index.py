"""The index of a key, written to a file; `raggedh5.care.lookup` asks it for rows."""

import datetime
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.care.organising.grouping import Group, Grouping
from raggedh5.care.organising.json_key import JsonKey
from raggedh5.care.organising.keys import Key
from raggedh5.core.link_names import MISSING, link_name
from raggedh5.errors import SchemaError
from raggedh5.store.file import File
from raggedh5.store.index_group import IndexEntry, is_index, read_attributes, write_index

__all__ = ["check_place", "save_index"]

KINDS = {str: "str", bool: "bool", int: "int", float: "bins"}
"""What the values of a key are; the only float there is is NaN, which stands beside bins."""


def check_place(file: File, key: Key | JsonKey, overwrite: bool) -> None:
    """Refuse to write an index where there is something else.

    Raises
    ------
    SchemaError
        If there is another object, or the index of another key that is not to be replaced.
    """
    path = f"{key.folder}/{key.group}"
    if path not in file.h5:
        return
    there = file.h5.get(path)
    if not is_index(there):
        raise SchemaError(f"{file.path}: /{path.strip('/')} is there already, and is no index")
    said = read_attributes(there)
    if not overwrite and (said.get("table"), said.get("by")) != (f"/{key.name}", key.text):
        raise SchemaError(
            f"{file.path}: {there.name} is the index of {said.get('by')!r} of {said.get('table')}; "
            "overwrite=True, or --overwrite, replaces it"
        )


def save_index(
    file: File, key: Key | JsonKey, grouping: Grouping, *, in_order: bool = False
) -> str:
    """Write the index of a key to a file that is open for writing, in place of an older one.

    Parameters
    ----------
    file
        The file.
    key
        What the rows are grouped by.
    grouping
        The groups.
    in_order
        Whether the file has its rows in the order of the groups.

    Returns
    -------
    str
        Path of the index group.
    """
    groups = grouping.groups
    edges = [group for group in groups if group.low is not None or group.high is not None]
    values = [group.value for group in groups if group.label is not None]
    attributes: dict[str, Any] = {
        "table": f"/{key.name}",
        "by": key.text,
        "column": key.column,
        "rows": grouping.rows,
        "groups": len(groups),
        "values": "bins" if edges else KINDS.get(type(values[0]), "str") if values else "str",
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    names = key.names if isinstance(key, JsonKey) else None
    file.flush()
    parent = file.h5[key.folder] if key.folder else file.h5
    path = write_index(parent, key.group, attributes, _entries(grouping, in_order, names))
    file.flush()
    return path


def _entries(
    grouping: Grouping, in_order: bool, names: NDArray[np.bytes_] | None
) -> Iterator[IndexEntry]:
    """Go through the groups with what the file is to say of them: row numbers, or `names`."""
    pieces = grouping.rows_of_groups()
    ahead = None if in_order else next(pieces, None)

    def rows_of(number: int) -> Iterator[NDArray[np.int64]]:
        nonlocal ahead
        while ahead is not None and ahead[0] == number:
            yield ahead[1]
            ahead = next(pieces, None)

    for number, group in enumerate(grouping.groups):
        first = int(grouping.starts[number])
        rows = _ranges(first, group.count) if in_order else rows_of(number)
        members = rows if names is None else (names[piece] for piece in rows)
        yield IndexEntry(_link(group), group.count, _attributes(group), members)


def _ranges(first: int, count: int) -> Iterator[NDArray[np.int64]]:
    step = 1 << 20
    for start in range(first, first + count, step):
        yield np.arange(start, min(start + step, first + count))


def _link(group: Group) -> str:
    return MISSING if group.label is None else link_name(group.label)


def _attributes(group: Group) -> dict[str, Any]:
    if group.label is None:
        return {"missing": True}
    value = group.value
    if isinstance(value, int) and not isinstance(value, bool):
        value = _number(value)
    found: dict[str, Any] = {"value": value}
    if group.low is not None:
        found["low"] = _number(group.low)
    if group.high is not None:
        found["high"] = _number(group.high)
    if group.low is not None and group.high is not None:
        found["closed"] = group.label.endswith("]")
    return found


def _number(value: int | float) -> Any:
    if isinstance(value, int):
        return np.int64(value) if value < 2**63 else np.uint64(min(value, 2**64 - 1))
    return np.float64(value)
