"""The statistics of a file as tables for people."""

from itertools import pairwise

from raggedh5.care.describing.length_statistics import LengthStatistics
from raggedh5.care.describing.number_statistics import BoolStatistics, NumberStatistics
from raggedh5.care.describing.text_statistics import TextStatistics
from raggedh5.care.description import (
    ColumnDescription,
    Description,
    Statistics,
    TableDescription,
)
from raggedh5.cli.preview import preview
from raggedh5.cli.report import grid, show
from raggedh5.cli.screen import in_bytes, printable

__all__ = ["report_description"]

BAR = 40
"""Characters of the longest bar of a histogram."""

EIGHTHS = " ▏▎▍▌▋▊▉█"
LONGEST = 24
"""Characters of a string that are shown."""

HEADERS = "name", "type", "count", "missing", "min", "max", "mean", "std", "also"


def report_description(description: Description) -> None:
    """Show the statistics of each table and array."""
    tables, arrays = len(description.tables), len(description.arrays)
    show(
        f"{description.path}: {in_bytes(description.file_bytes)}, "
        f"{tables} table{'s' * (tables != 1)}, {arrays} array{'s' * (arrays != 1)}"
    )
    for table in description.tables:
        _show_table(table)
    if arrays:
        lines = grid(*HEADERS)
        for array in description.arrays:
            shape = "" if array.shape is None else f" {array.shape}"
            lines.add_row(printable(array.name), f"{array.dtype}{shape}", *_values(0, array.values))
        show("", "arrays", lines)


def _show_table(table: TableDescription) -> None:
    items = f", {table.items:,} items" if table.ragged else ""
    show("", f"{table.name}: {table.rows:,} rows{items}")
    if table.columns:
        lines = grid(*HEADERS)
        for column in table.columns:
            values = _values(column.missing, column.values)
            lines.add_row(printable(column.name), _type(column), *values)
            if isinstance(column.values, NumberStatistics):
                for place, part in enumerate(column.values.components):
                    lines.add_row(f"  [{_place(place, column.shape)}]", "", *_values(0, part))
        show(lines)
    if table.lengths is not None and table.lengths.count:
        _show_lengths("items of a row", table.lengths)
    for column in table.columns:
        if column.lists is not None and column.lists.count:
            _show_lengths(f"values of a list of {column.name!r}", column.lists)


def _show_lengths(what: str, lengths: LengthStatistics) -> None:
    show(
        "",
        f"{what}: {lengths.minimum:,} to {lengths.maximum:,}, mean {lengths.mean:.4g}, median "
        f"{lengths.median:g}, {lengths.empty:,} empty",
        *_bars(lengths),
    )


def _bars(lengths: LengthStatistics) -> list[str]:
    edges, counts = lengths.histogram.edges, lengths.histogram.counts
    labels = [
        f"{low:,}" if high == low + 1 else f"{low:,} to {high - 1:,}"
        for low, high in pairwise(edges)
    ]
    width, most = max(map(len, labels)), max(counts)
    return [
        f"  {label:>{width}} {bar(count, most)} {count:,}"
        for label, count in zip(labels, counts, strict=True)
    ]


def bar(count: int, most: int) -> str:
    """Return a bar of block characters; one of anything is never empty.

    Examples
    --------
    >>> bar(3, 3) == "█" * 40, bar(1, 100_000), bar(0, 3)
    (True, '▏', '')
    """
    eighths = max(count * BAR * 8 // most, 1) if count else 0
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def _values(missing: int, values: Statistics | None) -> list[str]:
    """Return what stands behind name and type."""
    if values is None:
        return [""] * 7
    counts = [f"{values.count:,}", f"{missing:,}" if missing else ""]
    if isinstance(values, NumberStatistics):
        numbers = [
            _number(number)
            for number in (values.minimum, values.maximum, values.mean, values.deviation)
        ]
        return [*counts, *numbers, _strange(values.nan, values.infinite)]
    if isinstance(values, BoolStatistics):
        return [*counts, "", "", "", "", f"{values.true:,} true"]
    if isinstance(values, TextStatistics):
        return [*counts, "", "", "", "", _text(values)]
    return [*counts, "", "", "", "", _strange(values.nan, values.infinite)]


def _text(values: TextStatistics) -> str:
    if not values.count:
        return ""
    more = values.distinct is None
    distinct = f"more than {values.distinct_more_than:,}" if more else f"{values.distinct:,}"
    parts = [
        f"{distinct} distinct",
        f"{values.shortest:,} to {values.longest:,} characters",
    ]
    if values.empty:
        parts.append(f"{values.empty:,} empty")
    parts += [f"{_cut(text)} {count:,}" for text, count in values.frequent if count > 1]
    return ", ".join(parts)


def _cut(text: str) -> str:
    shown = preview(text) or "''"
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}..."


def _strange(nan: int, infinite: int) -> str:
    parts = [f"{nan:,} NaN"] * bool(nan) + [f"{infinite:,} infinite"] * bool(infinite)
    return ", ".join(parts)


def _number(number: float | None) -> str:
    if number is None:
        return ""
    return f"{number:,}" if isinstance(number, int) else f"{number:.6g}"


def _place(number: int, shape: tuple[int, ...]) -> str:
    places = []
    for n in reversed(shape):
        number, place = divmod(number, n)
        places.append(str(place))
    return ", ".join(reversed(places))


def _type(column: ColumnDescription) -> str:
    text = column.dtype + (f" {column.shape}" if column.shape else "")
    return f"lists of {text}" if column.nested else text
