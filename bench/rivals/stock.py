"""Read a raggedh5 file with h5py and hdf5plugin alone: the Awkward form says what is where."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  # registers the filters
import numpy as np

from bench.flat import Strings, Table, starts


def read_tables(path: Path) -> dict[str, Table]:
    tables = {}
    with h5py.File(path) as file:
        for name, group in file.items():
            if group.attrs.get("encoding-type") == "awkward-array":
                form = json.loads(group.attrs["form"])
                offsets = _buffer(group, form, "offsets")[: int(group.attrs["length"]) + 1]
                fields = form["content"]["fields"]
                contents = form["content"]["contents"]
                columns = {
                    key: _column(group, content, int(offsets[-1]))
                    for key, content in zip(fields, contents, strict=True)
                }
                tables[name] = Table(offsets, columns)
    return tables


def open_flat(file: h5py.File, table: str) -> tuple[np.ndarray, dict[str, h5py.Dataset]]:
    """Return the offsets of a table and the datasets of its number columns."""
    group = file[table]
    form = json.loads(group.attrs["form"])
    record = form["content"]
    columns = {}
    for key, content in zip(record["fields"], record["contents"], strict=True):
        while content["class"] == "RegularArray":
            content = content["content"]
        if content["class"] == "NumpyArray":
            columns[key] = group[f"{content['form_key']}-data"]
    return _buffer(group, form, "offsets"), columns


def _buffer(group: h5py.Group, form: dict, part: str) -> np.ndarray:
    return group[f"{form['form_key']}-{part}"][:]


def _column(group: h5py.Group, form: dict, length: int) -> np.ndarray | Strings:
    if form["class"] == "NumpyArray":
        return _buffer(group, form, "data")[:length]
    if form["class"] == "RegularArray":
        size = form["size"]
        return _column(group, form["content"], length * size).reshape(length, size, -1).squeeze(-1)
    if form["class"] == "IndexedArray":
        index = _buffer(group, form, "index")[:length]
        words = _column(group, form["content"], int(index.max(initial=-1)) + 1)
        lengths = np.diff(words.offsets)
        first = np.repeat(words.offsets[index], lengths[index])
        ends = starts(lengths[index])
        within = np.arange(ends[-1]) - np.repeat(ends[:-1], lengths[index])
        return Strings(words.data[first + within], ends)
    offsets = _buffer(group, form, "offsets")[: length + 1]
    data = _column(group, form["content"], int(offsets[-1]))
    return Strings(data, offsets.astype(np.int64))
