"""What was packed, or is in a file, as a table for people."""

from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from raggedh5.cli.plan import Plan
from raggedh5.cli.screen import in_bytes, printable
from raggedh5.store.summary import (
    BufferSummary,
    ColumnSummary,
    FileSummary,
    Sized,
    TableSummary,
    ratio,
)

__all__ = ["grid", "report_info", "report_pack", "show", "value_type"]

RIGHT = {
    *("rows", "items", "before", "after", "raw", "stored", "ratio", "chunks"),
    *("frames", "species"),
    *("count", "missing", "min", "max", "mean", "std"),
}
WIDTH = 240
"""Characters of a line where no terminal says how many it has."""


def grid(*headers: str) -> Grid:
    """Return an empty table; columns of numbers are set flush right."""
    made = Grid(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for header in headers:
        right = header in RIGHT
        made.add_column(header, justify="right" if right else "left", no_wrap=True)
    return made


def show(*parts: Grid | str) -> None:
    """Write tables and lines to stdout."""
    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = WIDTH
    with console.capture() as captured:
        for part in parts:
            if isinstance(part, str):
                console.print(Text(printable(part)), soft_wrap=True)
            else:
                console.print(part)
    # rich fills lines with blanks up to the last column.
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def report_pack(source: Path, plans: list[Plan], summary: FileSummary, seconds: float) -> None:
    """Show each table and array with its size in the archive and in the file."""
    lines = grid("name", "type", "rows", "items", "before", "after")
    tables = {table.name: table for table in summary.tables}
    arrays = {array.name: array for array in summary.arrays}
    total = 0
    for plan in plans:
        before = sum(member.nbytes for member in plan.members)
        total += before
        if plan.array is not None:
            array = arrays[plan.name]
            rows = f"{array.shape[0]:,}" if array.shape else ""
            sizes = in_bytes(before), in_bytes(array.stored_bytes)
            lines.add_row(_name(plan.name), array_type(array), rows, "", *sizes)
            continue
        table = tables[plan.name]
        lines.add_row(
            _name(plan.name),
            table_type(table),
            f"{table.rows:,}",
            f"{table.items:,}",
            in_bytes(before),
            in_bytes(table.stored_bytes),
        )
        for column in table.columns:
            was = plan.columns[column.name].nbytes
            sizes = in_bytes(was), in_bytes(column.stored_bytes)
            lines.add_row(_name(f"  {column.name}"), value_type(column), "", "", *sizes)
    show(
        lines,
        "",
        f"{source} ({in_bytes(source.stat().st_size)}) to {summary.path} "
        f"({in_bytes(summary.file_bytes)}): {in_bytes(total)} of arrays in {seconds:.2f} s, "
        f"{in_bytes(total / max(seconds, 1e-9))}/s",
    )


def report_info(summary: FileSummary) -> None:
    """Show each table and array with how it is stored."""
    lines = grid(
        "name", "type", "rows", "items", "codec", "chunk", "chunks", "raw", "stored", "ratio"
    )
    for table in summary.tables:
        lines.add_row(
            _name(table.name),
            table_type(table),
            f"{table.rows:,}",
            f"{table.items:,}",
            *("", "", ""),
            *_sizes(table),
        )
        for column in table.columns:
            chunking = _chunking(column.buffers[0])
            name, kind = _name(f"  {column.name}"), value_type(column)
            lines.add_row(name, kind, "", "", *chunking, *_sizes(column))
        if table.offsets is not None:
            name, kind = _name(f"  ({table.offsets.name})"), table.offsets.dtype
            lines.add_row(name, kind, "", "", *_chunking(table.offsets), *_sizes(table.offsets))
    for array in summary.arrays:
        rows = f"{array.shape[0]:,}" if array.shape else ""
        name, kind = _name(array.name), array_type(array)
        lines.add_row(name, kind, rows, "", *_chunking(array), *_sizes(array))
    title = (
        f"{summary.path}: {in_bytes(summary.file_bytes)}, "
        f"{_count(len(summary.tables), 'table')}, {_count(len(summary.arrays), 'array')}"
    )
    show(title, *(("", lines) if lines.rows else ()))


def table_type(table: TableSummary) -> str:
    """Return what kind of table it is."""
    return "ragged table" if table.ragged else "row table"


def value_type(column: ColumnSummary) -> str:
    """Return what a value of a column is."""
    text = column.dtype + (f" {column.shape}" if column.shape else "")
    if column.nested:
        text = f"lists of {text}"
    notes = ["dictionary"] * column.dictionary + ["nullable"] * column.nullable
    return f"{text}, {', '.join(notes)}" if notes else text


def array_type(array: BufferSummary) -> str:
    """Return what a row of an array is."""
    inner = array.shape[1:] if array.shape else ()
    return f"array of {array.dtype}" + (f" {inner}" if inner else "")


def _chunking(buffer: BufferSummary) -> tuple[str, str, str]:
    if buffer.chunks is None:
        return buffer.codec, "", ""
    return buffer.codec, " x ".join(map(str, buffer.chunks)), f"{buffer.chunk_count:,}"


def _sizes(part: Sized) -> tuple[str, str, str]:
    share = ratio(part)
    shown = "" if share is None else f"{share:.3f}"
    return in_bytes(part.raw_bytes), in_bytes(part.stored_bytes), shown


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _name(name: str) -> Text:
    return Text(printable(name))
