"""Messages that name a row, where what was looked at is a part of something larger."""

import re

from raggedh5.errors import SchemaError

__all__ = ["shifted"]

# What stands in quotes is a name, and may well be that of a row.
_QUOTED_OR_ROW = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\brow (?P<row>\d+)""")


def shifted(error: SchemaError, rows: int) -> SchemaError:
    """Return an error about a part of a batch, its row counted from the batch's first.

    Examples
    --------
    >>> shifted(SchemaError("column 'row 3', row 2: 300 does not fit int8"), 100)
    SchemaError("column 'row 3', row 102: 300 does not fit int8")
    """
    text = str(error)
    for found in _QUOTED_OR_ROW.finditer(text):
        if found["row"] is not None and rows:
            row = int(found["row"]) + rows
            return SchemaError(f"{text[: found.start()]}row {row}{text[found.end() :]}")
    return error
