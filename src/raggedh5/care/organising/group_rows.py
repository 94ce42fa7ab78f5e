"""The rows of a table into groups, by the values of a key."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.care.organising.binning import Bins, bins_between, bins_of
from raggedh5.care.organising.compositions import compositions
from raggedh5.care.organising.grouping import Group, Grouping
from raggedh5.care.organising.keys import Key
from raggedh5.care.organising.numbering import LIMIT, MISSING, NAN, Numbering
from raggedh5.care.work import PIECE, Work
from raggedh5.core.dictionary import Dictionary
from raggedh5.errors import SchemaError
from raggedh5.store.items import ItemReader

__all__ = ["BinChoice", "group_numbers", "group_rows", "group_texts"]

ROWS = PIECE // 8
"""Row sizes that are worked out together."""

BinChoice = int | Sequence[int | float] | None

Read = Callable[["Work | None"], Iterator[tuple[NDArray[Any], NDArray[np.bool_]]]]


def group_rows(key: Key, bins: BinChoice, work: Work) -> Grouping:
    """Find the groups of a key and the rows in them.

    Parameters
    ----------
    key
        What to group by.
    bins
        Number of bins, or their edges, for numbers.
    work
        Told how many rows have been looked at.

    Raises
    ------
    SchemaError
        If there are more than 100,000 different values, floats come without bins, or bins with
        what are no numbers.
    """
    items = ItemReader(key.table)
    if key.kind == "composition":
        _refuse_bins(key, bins)
        numbering = Numbering(key.text)
        for texts in compositions(items, key, work):
            numbering.add(texts)
        return numbering.finish([Group(text, text, 0) for text in numbering.values])
    dtype = np.dtype(np.int64)
    if key.kind == "column":
        spec = key.table.columns[key.column]
        if spec.is_string:
            _refuse_bins(key, bins)
            return _by_strings(items, key, work)
        dtype = np.dtype(spec.dtype)
    return group_numbers(key, dtype, bins, partial(_numbers, items, key), work)


def group_texts(
    key: Any, bins: BinChoice, texts: Iterable[str], codes: Sequence[NDArray[np.int32]]
) -> Grouping:
    """Return the groups of texts that are known, and numbered; -1 where one is missing."""
    _refuse_bins(key, bins)
    numbering = Numbering(key.text, texts, codes)
    return numbering.finish([Group(text, text, 0) for text in numbering.values])


def group_numbers(
    key: Any, dtype: np.dtype[Any], bins: BinChoice, read: Read, work: Work
) -> Grouping:
    """Return the groups of numbers or bools.

    Parameters
    ----------
    key
        What they are, for messages.
    dtype
        Theirs.
    bins
        Number of bins, or their edges.
    read
        Goes through the numbers, and which of them are there; given a work, it is told.
    work
        Told how many rows have been looked at.
    """
    if dtype.kind == "b":
        _refuse_bins(key, bins)
    if bins is not None:
        return _by_bins(read, bins, key.text, work)
    if dtype.kind == "f":
        raise SchemaError(
            f"/{key.name}: {key.text!r} has floating-point numbers, of which hardly two are the "
            "same; give bins to group them"
        )
    numbering = Numbering(key.text)
    for values, there in read(work):
        numbering.add_numbers(values, there)
    kind = bool if dtype.kind == "b" else int
    return numbering.finish([Group(_label(v), kind(v), 0) for v in numbering.values])


def _by_strings(items: ItemReader, key: Key, work: Work) -> Grouping:
    strings = Dictionary(limit=LIMIT)
    pieces = []
    for start, stop in items.pieces(key.column, PIECE):
        try:
            codes = strings.encode(items.read(key.column, start, stop), nullable=True)
        except SchemaError as error:
            raise Numbering(key.text).too_many() from error
        pieces.append(codes)  # -1 where one is missing, as here
        work.advance(stop - start)
    return group_texts(key, None, strings.categories, pieces)


def _by_bins(read: Read, choice: BinChoice, by: str, work: Work) -> Grouping:
    if isinstance(choice, (int, np.integer)):
        bins = _bins_over(read, int(choice))
    else:
        bins = bins_of(() if choice is None else choice)
    pieces = []
    for values, there in read(work):
        codes = np.full(len(values), MISSING, np.int32)
        known = there.copy()
        if values.dtype.kind == "f":
            nan = np.isnan(values)
            codes[there & nan] = NAN
            known &= ~nan
        codes[known] = bins.of(values[known]) + 1  # 0 is what lies below
        pieces.append(codes)
    edges = bins.edges
    groups = []
    for number in range(-1, len(bins) + 1):
        low = edges[number] if number >= 0 else None
        high = edges[number + 1] if number < len(bins) else None
        groups.append(Group(bins.label(number), bins.label(number), 0, low, high))
    return Numbering(by, range(len(groups)), pieces).finish(groups)


def _bins_over(read: Read, number: int) -> Bins:
    """Return bins between the least and the greatest finite value."""
    low: Any = None
    high: Any = None
    for values, there in read(None):
        known = values[there & np.isfinite(values)]
        if len(known):
            least, most = known.min().item(), known.max().item()
            low = least if low is None else min(low, least)
            high = most if high is None else max(high, most)
    return bins_between(0 if low is None else low, 0 if high is None else high, number)


def _numbers(
    items: ItemReader, key: Key, work: Work | None
) -> Iterator[tuple[NDArray[Any], NDArray[np.bool_]]]:
    """Go through the numbers of a key, and which of them are there."""
    if key.kind == "size":
        for start in range(0, items.rows, ROWS):
            sizes = np.diff(items.bounds(start, min(start + ROWS, items.rows)))
            yield sizes, np.ones(len(sizes), np.bool_)
            if work is not None:
                work.advance(len(sizes))
        return
    for start, stop in items.pieces(key.column, PIECE):
        values = items.read(key.column, start, stop)
        missing = np.ma.getmaskarray(values)
        yield np.ma.getdata(values), ~missing
        if work is not None:
            work.advance(stop - start)


def _label(value: Any) -> str:
    return str(value).lower()


def _refuse_bins(key: Any, bins: BinChoice) -> None:
    if bins is not None:
        raise SchemaError(f"/{key.name}: {key.text!r} has no numbers that could go into bins")
