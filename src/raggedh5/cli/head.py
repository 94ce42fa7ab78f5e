"""``raggedh5 head``: the first rows of a table or an array."""

from pathlib import Path
from typing import Any

import click

from raggedh5.cli.errors import Failure, message
from raggedh5.cli.preview import preview
from raggedh5.cli.report import grid, show
from raggedh5.store.array import Array
from raggedh5.store.file import File
from raggedh5.store.table import Table

__all__ = ["command"]


@click.command("head")
@click.argument("path", metavar="FILE", type=click.Path(readable=False, path_type=Path))
@click.argument("name", metavar="TABLE")
@click.option("-n", "--rows", type=click.IntRange(min=0), default=5, show_default=True)
@click.option("--columns", metavar="A,B", help="Only these columns of a table, in this order.")
def command(path: Path, name: str, rows: int, columns: str | None) -> None:
    """Show the first rows of a table or an array.

    Long rows are cut short in the middle. TABLE is a path in the file, as `raggedh5 info` lists
    them.
    """
    with File(path) as file:
        found = _find(file, name)
        if isinstance(found, Table):
            _head_table(found, rows, columns)
        elif columns is not None:
            raise Failure(f"{name!r} is an array; it has no columns")
        else:
            _head_array(found, rows)


def _find(file: File, name: str) -> Table | Array:
    try:
        found = file[name] if name.strip("/") and name in file else None
    except (KeyError, OSError) as error:
        # A link may lead nowhere, or to another file.
        raise Failure(f"{file.path}: {name!r} cannot be opened: {message(error)}") from error
    if not isinstance(found, (Table, Array)):
        what = "is no table and no array" if found is not None else "is not there"
        known = [*file.tables(), *file.arrays()]
        has = f"the file has {', '.join(map(repr, known))}" if known else "the file is empty"
        raise Failure(f"{file.path}: {name!r} {what}; {has}")
    return found


def _head_table(table: Table, rows: int, columns: str | None) -> None:
    names = None if columns is None else [name.strip() for name in columns.split(",")]
    batch = table.take(slice(0, rows), names)
    count = min(rows, len(table))
    lines = grid("row", *(["items"] if table.ragged else []), *batch)
    for row in range(count):
        items = [f"{len(next(iter(batch.values()))[row]):,}"] if table.ragged and batch else []
        lines.add_row(str(row), *items, *(preview(values[row]) for values in batch.values()))
    show(lines, "", f"{count:,} of {len(table):,} rows")


def _head_array(array: Array, rows: int) -> None:
    if array.ndim == 0:
        show(preview(array[()]))
        return
    values: Any = array[:rows]
    lines = grid("row", "values")
    for row in range(len(values)):
        lines.add_row(str(row), preview(values[row]))
    show(lines, "", f"{len(values):,} of {len(array):,} rows; {array.dtype} of {array.shape}")
