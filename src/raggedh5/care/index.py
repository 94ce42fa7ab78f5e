"""The index of a key in a file: written, and asked for rows."""

import datetime
import operator
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.care.damage import damage_told
from raggedh5.care.grouping import Group, Grouping
from raggedh5.care.keys import Key, index_name
from raggedh5.core.link_names import MISSING, link_name
from raggedh5.errors import FormatError, SchemaError
from raggedh5.store.file import File
from raggedh5.store.index_group import IndexEntry, is_index, read_attributes, write_index
from raggedh5.store.table import Table
from raggedh5.store.tree import walk

__all__ = ["check_place", "rows_by", "save_index"]

KINDS = {str: "str", bool: "bool", int: "int"}


def check_place(file: File, key: Key, overwrite: bool) -> None:
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


def save_index(file: File, key: Key, grouping: Grouping, *, in_order: bool = False) -> str:
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
    file.flush()
    parent = file.h5[key.folder] if key.folder else file.h5
    path = write_index(parent, key.group, attributes, _entries(grouping, in_order), replace=True)
    file.flush()
    return path


def rows_by(
    source: str | os.PathLike[str] | File,
    by: str,
    value: Any,
    *,
    table: str | None = None,
) -> NDArray[np.int64]:
    """Return the numbers of the rows that have a value, from an index that `organise` made.

    Parameters
    ----------
    source
        The file, or its path.
    by
        The key: a column, ``"size"``, ``"composition(column)"``.
    value
        A string, integer or bool, as the column has it; None for the rows where it is missing.
        Where rows are in bins, the label of a bin as ``"[0,5)"``, or a number that lies in it; NaN
        for those that have it.
    table
        Path of the table, where several have an index for this key.

    Returns
    -------
    ndarray of int64, shape (rows,)
        They rise; none where no row has the value. A copy, ready for `Table.take`.

    Raises
    ------
    KeyError
        If there is no such index.
    SchemaError
        If `value` is of another kind than those of the index, or several indexes are meant.
    FormatError
        If the table has got other rows since the index was made, or the index is damaged.

    Examples
    --------
    >>> import raggedh5 as rh5, tempfile, pathlib
    >>> from raggedh5.care import organise, rows_by
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "molecules.h5"
    >>> rh5.write(path, {"molecules": {"group": ["P1", "P2_1/c", "P1"]}})
    >>> organise(path, "group").index
    '/by_group'
    >>> rows_by(path, "group", "P1")
    array([0, 2])
    """
    if not isinstance(source, File):
        with damage_told(source), File(source) as file:
            return rows_by(file, by, value, table=table)
    group = _index_of(source, by, table)
    said = read_attributes(group)
    _check_rows(source, group, said)
    name = _name_of(group, str(said.get("values")), value)
    if name is None or name not in group:
        return np.zeros(0, np.int64)
    try:
        rows: NDArray[np.int64] = np.asarray(source[f"{group.name}/{name}"].read())
    except (AttributeError, KeyError, OSError, RuntimeError) as error:
        raise FormatError(f"{group.name}/{name} cannot be read: {error}") from error
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise FormatError(f"{group.name}/{name} does not hold row numbers")
    rows = rows.astype(np.int64)
    if len(rows) and not (rows[0] >= 0 and rows[-1] < said["rows"] and (np.diff(rows) > 0).all()):
        raise FormatError(f"{group.name}/{name}: the row numbers do not rise from 0 on")
    return rows


def _index_of(file: File, by: str, table: str | None) -> Any:
    """Return the group of an index."""
    name = index_name(by)
    folder = "" if table is None else table.strip("/").rpartition("/")[0]
    found = file.h5.get(f"{folder}/{name}") if f"{folder}/{name}" in file.h5 else None
    if found is None and table is None:
        nodes = [node for node in walk(file.h5) if node.kind == "index"]
        there = [node for node in nodes if node.path.rpartition("/")[2] == name]
        if len(there) > 1:
            paths = ", ".join(f"/{node.path}" for node in there)
            raise SchemaError(f"{file.path}: {by!r} may be {paths}; say which table")
        found = there[0].item if there else None
    if found is None or not is_index(found):
        raise KeyError(f"{file.path}: there is no index for {by!r}; make one with organise")
    said = read_attributes(found)
    other = table is not None and said.get("table") != f"/{table.strip('/')}"
    # The column of a composition may have been left open, a size has none.
    if other or ("(" in by and by not in (said.get("by"), "size()")):
        raise KeyError(
            f"{file.path}: {found.name} is the index of {said.get('by')!r} of {said.get('table')}"
        )
    return found


def _check_rows(file: File, group: Any, said: dict[str, Any]) -> None:
    """Refuse an index that was made before its table got its rows."""
    name = str(said.get("table"))
    try:
        found = file[name]
    except KeyError:
        found = None
    if not isinstance(found, Table) or len(found) != said.get("rows"):
        rows = f"has {len(found):,} rows" if isinstance(found, Table) else "is gone"
        raise FormatError(
            f"{group.name} was made when {name} had {said.get('rows'):,} rows; now it {rows}: "
            "organise the file again"
        )


def _name_of(group: Any, kind: str, value: Any) -> str | None:
    """Return the name of the rows with a value, None where a number lies in no bin."""
    if value is None:
        return MISSING
    if isinstance(value, str) and kind in ("str", "bins"):
        return link_name(value)
    if isinstance(value, (bool, np.bool_)):
        if kind == "bool":
            return str(bool(value)).lower()
    elif isinstance(value, (int, np.integer)) and kind == "int":
        return str(operator.index(value))
    elif isinstance(value, (int, float, np.number)) and kind == "bins":
        return _bin_of(group, value)
    raise SchemaError(f"{group.name} is an index of {kind} values, which {value!r} is not")


def _bin_of(group: Any, value: Any) -> str | None:
    if value != value:
        return link_name("nan")
    for name in group:
        edges = group[name].attrs
        low, high = edges.get("low"), edges.get("high")
        if low is None and high is None:
            continue
        closed = bool(edges.get("closed", False))
        if (low is None or value >= low) and (
            high is None or value < high or (closed and value == high)
        ):
            if low is not None and high is None and value == low:
                continue  # above the last bin, which has its edge
            return str(name)
    return None


def _entries(grouping: Grouping, in_order: bool) -> Iterator[IndexEntry]:
    """Go through the groups with what the file is to say of them."""
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
        yield IndexEntry(_link(group), group.count, _attributes(group), rows)


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
