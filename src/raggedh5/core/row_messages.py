"""How messages name columns and rows."""

import re
from collections.abc import Callable

from raggedh5.errors import SchemaError

__all__ = ["renamed", "shifted", "where"]

# What stands in quotes is a name, and may well be that of a row.
_QUOTED_OR_ROW = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\brow (?P<row>\d+)""")


def where(name: str, row: int | None = None) -> str:
    """Return the beginning of a message: the column, where it has a name, and the row.

    Examples
    --------
    >>> where("mass", 3), where("", 3), where("mass")
    ("column 'mass', row 3: ", 'row 3: ', "column 'mass': ")
    """
    parts = [f"column {name!r}"] * bool(name) + [f"row {row}"] * (row is not None)
    return f"{', '.join(parts)}: " if parts else ""


def shifted(error: SchemaError, rows: int) -> SchemaError:
    """Return an error about a part of a batch, its row counted from the batch's first.

    Examples
    --------
    >>> shifted(SchemaError("column 'row 3', row 2: 300 does not fit int8"), 100)
    SchemaError("column 'row 3', row 102: 300 does not fit int8")
    """
    return renamed(error, lambda row: f"row {row + rows}") if rows else error


def renamed(error: SchemaError, name_of: Callable[[int], str]) -> SchemaError:
    """Return an error in which the row that it is about is called something else.

    Examples
    --------
    >>> renamed(SchemaError("column 'x', row 2: 300 does not fit int8"), lambda row: "ABACOF")
    SchemaError("column 'x', ABACOF: 300 does not fit int8")
    """
    text = str(error)
    for found in _QUOTED_OR_ROW.finditer(text):
        if found["row"] is not None:
            name = name_of(int(found["row"]))
            return SchemaError(f"{text[: found.start()]}{name}{text[found.end() :]}")
    return error
