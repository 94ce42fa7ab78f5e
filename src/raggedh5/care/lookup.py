"""Rows by the value of a key, from its index in a file."""

import operator
import os
import posixpath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.care.organising.keys import index_name
from raggedh5.core.link_names import MISSING, link_name
from raggedh5.errors import FormatError, SchemaError
from raggedh5.store.damage import damage_told
from raggedh5.store.file import File
from raggedh5.store.index_group import is_index, read_attributes
from raggedh5.store.raw_json import STRUCTURES, layout_of
from raggedh5.store.table import Table
from raggedh5.store.walk import outside_indexes, walk

__all__ = ["rows_by"]


def rows_by(
    source: str | os.PathLike[str] | File,
    by: str,
    value: Any,
    *,
    table: str | None = None,
) -> NDArray[Any]:
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
        They rise; none where no row has the value. A copy, ready for `Table.take`. Where the index
        is of structures that have a group each, their refcodes in an array of StringDType.

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
        kind = np.dtypes.StringDType() if _in_groups(source, said) else np.dtype(np.int64)
        return np.zeros(0, kind)
    try:
        rows: NDArray[Any] = np.asarray(source[f"{group.name}/{name}"].read())
    except (AttributeError, KeyError, OSError, RuntimeError) as error:
        raise FormatError(f"{group.name}/{name} cannot be read: {error}") from error
    if rows.ndim == 1 and rows.dtype.kind == "S":
        return _decoded(group, name, rows)
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
        there = [
            group
            for group in walk(file.h5, outside_indexes)
            if posixpath.basename(group.path) == name and is_index(group.item)
        ]
        if len(there) > 1:
            paths = ", ".join(group.path for group in there)
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
    known = isinstance(found, Table) or _in_groups(file, said)
    if not known or len(found) != said.get("rows"):
        rows = f"has {len(found):,} rows" if known else "is gone"
        raise FormatError(
            f"{group.name} was made when {name} had {said.get('rows')} rows; now it {rows}: "
            "organise the file again"
        )


def _in_groups(file: File, said: dict[str, Any]) -> bool:
    """Whether an index is of structures that have a group each."""
    return said.get("table") == f"/{STRUCTURES}" and layout_of(file.h5) == "groups"


def _decoded(group: Any, name: str, names: NDArray[Any]) -> NDArray[Any]:
    try:
        return np.array([one.decode() for one in names.tolist()], np.dtypes.StringDType())
    except UnicodeDecodeError as error:
        raise FormatError(f"{group.name}/{name} holds names that are not UTF-8") from error


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
