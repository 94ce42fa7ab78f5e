"""Rows grouped by a key: an index in the file, and a copy of it in that order."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raggedh5.care.organising.group_json import group_json
from raggedh5.care.organising.group_rows import BinChoice, group_rows
from raggedh5.care.organising.grouping import Group, Grouping
from raggedh5.care.organising.index import check_place, save_index
from raggedh5.care.organising.json_key import JsonKey, find_json_key, refuse_sorting
from raggedh5.care.organising.keys import Key, find_key
from raggedh5.care.organising.sorted_copy import check_sortable, write_sorted
from raggedh5.care.progress import Progress, silent
from raggedh5.care.targets import check_target, new_file
from raggedh5.care.work import Work
from raggedh5.errors import SchemaError
from raggedh5.store.array import Array
from raggedh5.store.damage import damage_told
from raggedh5.store.file import File
from raggedh5.store.index_group import read_attributes
from raggedh5.store.table import Table
from raggedh5.store.walk import outside_indexes, walk

__all__ = ["OrganiseReport", "organise"]


@dataclass(frozen=True)
class OrganiseReport:
    """What `organise` did.

    ``table`` and ``by`` are the key, ``index`` is the path of the index group in the file, None
    where there is none. The others are of the sorted copy: its path; the tables and arrays that
    were put in order; those that were copied as they are; the indexes that were left out of it,
    since their row numbers would have been wrong.
    """

    path: str
    table: str
    by: str
    rows: int
    groups: tuple[Group, ...]
    index: str | None
    sorted_to: str | None = None
    permuted: tuple[str, ...] = ()
    copied: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return it as objects for `json.dumps`: groups as value, count and edges of a bin."""
        return {
            "format": 1,
            "path": self.path,
            "table": self.table,
            "by": self.by,
            "rows": self.rows,
            "groups": [
                {
                    # NaN has no place in JSON.
                    "value": group.label if group.label == "nan" else group.value,
                    "count": group.count,
                    "low": group.low,
                    "high": group.high,
                }
                for group in self.groups
            ],
            "index": self.index,
            "sorted_to": self.sorted_to,
            "permuted": list(self.permuted),
            "copied": list(self.copied),
            "dropped": list(self.dropped),
        }


def organise(
    path: str | os.PathLike[str],
    by: str,
    *,
    table: str | None = None,
    bins: BinChoice = None,
    sort: str | os.PathLike[str] | None = None,
    tables: Iterable[str] | None = None,
    index: bool = True,
    overwrite: bool = False,
    threads: int | None = None,
    progress: Progress = silent,
) -> OrganiseReport:
    """Group the rows of a table by a key, and write which rows are in which group.

    The index goes into the file, which is changed in place, beside the table: for ``atoms`` as
    ``/by_<key>/<value>``. It gets its name when it is complete; an older one of the same key is
    replaced. It is not kept up to date when rows are appended: organise the file again.

    Parameters
    ----------
    path
        The file.
    by
        A column of a row table, with one string, integer, bool or real number a row; ``"size()"``
        (or ``"size"``, where there is no such column): how many items a row of a ragged table has;
        or ``"composition(column)"``: how often there is each string of that column among the items
        of a row, as a formula in the order of Hill. For structures that the file has as JSON (see
        `raggedh5.formats.crystal.write_structure_group`), and where no table has it:
        ``"space_group"``, ``"size"``, ``"composition"``, which are looked for where they usually
        are; or the path of any other value, as ``"crystal.z_value"``. See
        `raggedh5.care.organising.json_places`.
    table
        Path of the table; None where only one can be meant. ``"structures"`` for those in JSON.
    bins
        Number of bins of the same width, or their edges, for numbers. Floating-point numbers need
        them.
    sort
        Path of a copy of the file to be made, with the rows in the order of their groups, and as
        they were within each. It has an index of its own.
    tables
        Paths of the tables and arrays whose rows are those of `table`, and are put in order
        together with it. None: tables in the same group of the file with as many rows. All others
        are copied as they are.
    index
        False leaves the file itself as it is.
    overwrite
        Replace `sort` if it exists, and the index of another key of the same name.
    threads
        Threads that code and decode; None: one for each core available.
    progress
        Called with the rows that are done, and those that there are.

    Returns
    -------
    OrganiseReport

    Raises
    ------
    KeyError
        If there is no such table or column.
    SchemaError
        If the key is not clear, has more than 100,000 different values, needs bins or takes none.
    WriteError
        If a file cannot be written, or `sort` exists or is the file itself.
    FormatError
        If the file is damaged.

    Notes
    -----
    Memory: 4 bytes for each row, and pieces of 32 MiB; a row that is larger is read whole when
    it is sorted.

    Examples
    --------
    >>> import raggedh5 as rh5, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "molecules.h5"
    >>> rh5.write(path, {"atoms": {"symbol": [["O", "H", "H"], ["N", "N"], ["H", "O", "H"]]}})
    >>> report = organise(path, "composition(symbol)")
    >>> [(group.value, group.count) for group in report.groups]
    [('H2O', 2), ('N2', 1)]
    >>> with rh5.File(path) as file:
    ...     file.h5["by_composition/H2O"][:]
    array([0, 2])
    """
    if sort is None and not index:
        raise SchemaError("there is nothing to do without an index and without a sorted copy")
    source = Path(path)
    target = None if sort is None else Path(sort)
    if target is not None:
        check_target([source], target, overwrite)
    with damage_told(path), File(source, threads=threads) as file:
        key = _find(file, by, table)
        if target is not None:
            refuse_sorting(key)
        check_place(file, key, overwrite)
        shared = _sharing(file, key, tables) if target is not None else {}
        report: dict[str, Any] = {}
        with Work(progress, key.rows * (1 + len(shared))) as work:
            if isinstance(key, JsonKey):
                grouping = group_json(key, bins, work)
            else:
                grouping = group_rows(key, bins, work)
            if target is not None:
                report = _sort(file, target, overwrite, key, grouping, shared, work)
    place = None
    if index:  # all of it at one blow, whatever happens meanwhile
        with damage_told(path), File(source, "r+", durable="disk", threads=threads) as file:
            place = save_index(file, _find(file, by, table), grouping)
    return OrganiseReport(
        str(source), key.name, key.text, grouping.rows, grouping.groups, place, **report
    )


def _find(file: File, by: str, table: str | None) -> Key | JsonKey:
    return find_json_key(file, by, table) or find_key(file, by, table)


def _sharing(file: File, key: Key | JsonKey, names: Iterable[str] | None) -> dict[str, Any]:
    """Return the h5py objects of tables and arrays that share the rows of the key's table."""
    found, arrays = file.contents()
    rows = key.rows
    if names is None:
        asked = [
            name
            for name, table in found.items()
            if name.rpartition("/")[0] == key.folder and len(table) == rows
        ]
    else:
        several = [names] if isinstance(names, str) else names
        asked = [name.strip("/") for name in several]
    # What soft and external links lead to is copied as a link; hard links are names of one object.
    objects = walk(file.h5, outside_indexes)
    own = {one.item.id for one in objects if one.kind in ("table", "array")}
    shared: dict[Any, tuple[str, Any]] = {}
    for name in [key.name, *asked]:
        item: Table | Array | None = found[name] if name in found else arrays.get(name)
        if item is None:
            raise KeyError(f"{file.path}: there is no table or array {name!r}")
        if item.h5.id in own:
            shared.setdefault(item.h5.id, (name, item.h5))
        elif names is not None or name == key.name:
            raise SchemaError(f"/{name} lies in another file, and cannot be sorted here")
        if isinstance(item, Array):
            check_sortable(item, name, rows)
        elif len(item) != rows:
            raise SchemaError(f"/{name} has {len(item):,} rows, but /{key.name} has {rows:,}")
    return dict(sorted(shared.values()))


def _sort(
    file: File,
    target: Path,
    overwrite: bool,
    key: Key | JsonKey,
    grouping: Grouping,
    shared: dict[str, Any],
    work: Work,
) -> dict[str, Any]:
    permuted = {item.id for item in shared.values()}

    def stale(group: Any) -> bool:
        table = str(read_attributes(group).get("table"))
        return table in file.h5 and file.h5[table].id in permuted

    with new_file(file, target, overwrite) as made:
        copied, dropped = write_sorted(file, made, grouping.order, permuted, stale, work)
        place = save_index(made, key, grouping, in_order=True)
    return {
        "sorted_to": str(target),
        "permuted": tuple(shared),
        "copied": tuple(copied),
        "dropped": tuple(path for path in dropped if f"/{path}" != place),
    }
