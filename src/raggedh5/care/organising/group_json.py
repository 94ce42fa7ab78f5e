"""Structures in JSON into groups, by what is in it."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.care.organising.group_rows import BinChoice, group_numbers, group_texts
from raggedh5.care.organising.grouping import Grouping
from raggedh5.care.organising.json_key import JsonKey
from raggedh5.care.organising.json_places import finder
from raggedh5.care.organising.numbering import LIMIT, MISSING, Numbering
from raggedh5.care.work import Work
from raggedh5.errors import SchemaError

__all__ = ["group_json"]

KINDS = {str: "text", bool: "bools", int: "numbers", float: "numbers"}

Numbers = Iterator[tuple[NDArray[Any], NDArray[np.bool_]]]


def group_json(key: JsonKey, bins: BinChoice, work: Work) -> Grouping:
    """Find the groups of a key and the structures in them.

    The value of a structure that has none, or whose text is no JSON, is missing.

    Parameters
    ----------
    key
        What to group by.
    bins
        Number of bins, or their edges, for numbers.
    work
        Told how many structures have been looked at.

    Raises
    ------
    KeyError
        If no structure has a value.
    SchemaError
        If values are of several kinds, lists or objects, too many, or need bins or take none.
    """
    values, kind = _values(key, work)
    there = np.array([value is not None for value in values], np.bool_)
    if kind == "text":
        known: dict[str, int] = {}
        codes = np.full(len(values), MISSING, np.int32)
        for row in np.flatnonzero(there).tolist():
            codes[row] = known.setdefault(values[row], len(known))
        if len(known) > LIMIT:
            raise Numbering(key.text).too_many()
        return group_texts(key, bins, known, [codes])
    dtype = np.dtype(bool if kind == "bools" else np.int64)
    if kind == "numbers" and not all(type(value) is int for value in values if value is not None):
        dtype = np.dtype(np.float64)
    numbers = np.zeros(len(values), dtype)
    numbers[there] = [value for value in values if value is not None]

    def read(_: Work | None) -> Numbers:
        yield numbers, there

    return group_numbers(key, dtype, bins, read, work)


def _values(key: JsonKey, work: Work) -> tuple[list[Any], str]:
    """Return the value of every structure, and of what kind all of them are."""
    find = finder(key.text)
    values: list[Any] = []
    same: dict[Any, Any] = {}
    kind = ""
    for row, text in enumerate(key.texts()):
        value = None if text is None else _found(find, text)
        work.advance(1)
        if value is not None:
            this = KINDS.get(type(value))
            if this is None:
                raise SchemaError(
                    f"structure number {row}: what {key.text!r} leads to is a "
                    f"{type(value).__name__}, not text or a number; see size(path) and "
                    "composition(path)"
                )
            if kind not in ("", this):
                raise SchemaError(
                    f"structure number {row}: {key.text!r} leads to {this}, but to {kind} in others"
                )
            kind = this
            value = same.setdefault((this, value), value) if this == "text" else value
        values.append(value)
    if not kind and values:
        raise KeyError(f"{key.file.path}: no structure has {key.text!r}")
    return values, kind or "text"


def _found(find: Any, text: str) -> Any:
    try:
        value = find(json.loads(text))
    except (ValueError, RecursionError):  # which a check of the file tells
        return None
    if type(value) is int and not -(2**63) <= value < 2**63:
        return float(value)
    return value
