"""What of a file is chosen: tables and arrays by name, columns, rows."""

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from raggedh5.errors import SchemaError

__all__ = ["Columns", "as_rows", "choose", "columns_of"]

Columns = Sequence[str] | Mapping[str, Sequence[str]] | None
"""Names of columns for all tables, or by table; None for all."""


def choose(names: Iterable[str], patterns: str | Iterable[str] | None) -> list[str]:
    """Return the names that match one of some patterns, or lie in a group that does.

    Raises
    ------
    KeyError
        If nothing matches a pattern.

    Examples
    --------
    >>> choose(["atoms", "scan/frames", "scan/dark"], ["scan", "at*"])
    ['atoms', 'scan/frames', 'scan/dark']
    """
    known = list(names)
    if patterns is None:
        return known
    chosen: set[str] = set()
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        wanted = pattern.strip("/")
        found = {
            name
            for name in known
            if name == wanted or name.startswith(f"{wanted}/") or fnmatch.fnmatchcase(name, wanted)
        }
        if not found:
            has = ", ".join(map(repr, known)) or "nothing"
            raise KeyError(f"there is no table or array {pattern!r}; the file has {has}")
        chosen |= found
    return [name for name in known if name in chosen]


def columns_of(columns: Columns, table: str, known: Sequence[str]) -> list[str]:
    """Return which columns of a table are chosen, in the order asked for.

    Raises
    ------
    KeyError
        If there is no such column.
    """
    if isinstance(columns, Mapping):
        by_table = {name.strip("/"): chosen for name, chosen in columns.items()}
        chosen = by_table.get(table.strip("/"))
    else:
        chosen = columns
    if chosen is None:
        return list(known)
    names = [chosen] if isinstance(chosen, str) else list(dict.fromkeys(chosen))
    for name in names:
        if name not in known:
            raise KeyError(f"{table!r} has no column {name!r}, but {list(known)}")
    return names


def as_rows(rows: Any) -> Any:
    """Return a selection of rows; text as ``"10:20"`` or ``"::2"`` as a slice.

    Raises
    ------
    SchemaError
        If the text is no slice.

    Examples
    --------
    >>> as_rows("10:20"), as_rows([3, 1])
    (slice(10, 20, None), [3, 1])
    """
    if not isinstance(rows, str):
        return rows
    try:
        parts = [int(part) if part.strip() else None for part in rows.split(":")]
        if len(parts) not in (2, 3) or parts[2:] == [0]:
            raise ValueError(rows)
    except ValueError:
        raise SchemaError(f"{rows!r} are no rows; write them as 0:100 or 0:100:2") from None
    return slice(*parts)
