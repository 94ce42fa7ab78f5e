"""The form in which every contender's reading is compared: flat values and offsets."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

Column = "np.ndarray | list"
# table -> (padded columns, mask); a column of text is a U array or a list of lists of str
Batch = dict[str, tuple[dict[str, Column], np.ndarray]]


class Strings(NamedTuple):
    """Text as it was given: UTF-8 bytes, uint8, and the int64 offsets of each string in them.

    Contenders return text as NumPy text arrays.
    """

    data: np.ndarray
    offsets: np.ndarray


class Table(NamedTuple):
    """Row i owns the items offsets[i]:offsets[i + 1] of every column."""

    offsets: np.ndarray
    columns: dict[str, np.ndarray | Strings]


def flatten(batches: list[Batch]) -> dict[str, Table]:
    """Return what the batches hold, by the plainest means there are."""
    tables = {}
    for name, (columns, _) in batches[0].items():
        lengths = np.concatenate([batch[name][1].sum(axis=1) for batch in batches])
        tables[name] = Table(
            starts(lengths),
            {key: _column([batch[name] for batch in batches], key) for key in columns},
        )
    return tables


def _column(tables: list, key: str) -> np.ndarray | Strings:
    first = tables[0][0][key]
    if not isinstance(first, list) and first.dtype.kind != "U":
        return np.concatenate([columns[key][mask] for columns, mask in tables])
    texts: list[str] = []
    for columns, mask in tables:
        if isinstance(columns[key], list):
            texts.extend(text for row in columns[key] for text in row)
        else:
            texts.extend(columns[key][mask].tolist())
    return encode(texts)


def encode(texts: list[str]) -> Strings:
    """Return the texts as UTF-8, one by one."""
    pieces = [text.encode() for text in texts]
    return Strings(np.frombuffer(b"".join(pieces), np.uint8), starts([len(p) for p in pieces]))


def starts(lengths) -> np.ndarray:
    """Return the int64 offsets of runs of these lengths."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def nbytes(tables: dict[str, Table]) -> int:
    """Return the bytes of the valid values, without offsets: the same for every contender."""
    return sum(
        column.data.nbytes if isinstance(column, Strings) else column.nbytes
        for table in tables.values()
        for column in table.columns.values()
    )


def differences(found: dict[str, Table], wanted: dict[str, Table]) -> list[str]:
    """Return where two readings differ: empty when every value and dtype is the same."""
    places = []
    for name, table in wanted.items():
        if name not in found or not np.array_equal(found[name].offsets, table.offsets):
            places.append(f"{name}: offsets")
            continue
        for key, values in table.columns.items():
            if not _same(found[name].columns.get(key), values):
                places.append(f"{name}/{key}")
    return places


def _same(found: np.ndarray | Strings | None, wanted: np.ndarray | Strings) -> bool:
    if found is None:
        return False
    if isinstance(wanted, Strings):
        return _texts(found) == _texts(wanted)
    return found.dtype == wanted.dtype and np.array_equal(found, wanted)


def _texts(column: np.ndarray | Strings) -> list[str]:
    if not isinstance(column, Strings):
        return column.tolist()
    data, ends = column.data.tobytes(), column.offsets.tolist()
    return [data[start:stop].decode() for start, stop in pairwise(ends)]
