"""The best that h5py can do: flat datasets and offsets, whole compressed chunks, little copying.

What makes it fast, each measured against the alternative: one search of the mask for a table and
`np.take` for each column, straight into a buffer of one chunk; whole chunks given to HDF5 through
the low-level interface, so that it neither reads nor keeps one; text joined once for a batch.
What remains is Blosc and the write itself, one after the other under HDF5's lock.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import hdf5plugin
import numpy as np

from bench.flat import Batch, Table
from bench.rivals import compact
from bench.rivals.base import Rival

CHUNK = 512 * 1024


class Column:
    """A flat dataset that is written a chunk at a time."""

    def __init__(self, group: h5py.Group, name: str, dtype, inner: tuple[int, ...], chunk: int):
        dtype = np.dtype(dtype)
        items = max(1, chunk // (dtype.itemsize * int(np.prod(inner))))
        self.dataset = group.create_dataset(
            name,
            shape=(0, *inner),
            maxshape=(None, *inner),
            chunks=(items, *inner),
            dtype=dtype,
            **hdf5plugin.Blosc("lz4", clevel=5, shuffle=hdf5plugin.Blosc.SHUFFLE),
        )
        self.buffer = np.empty((items, *inner), dtype)
        self.full = 0
        self.written = 0

    def take(self, values: np.ndarray, items: np.ndarray) -> None:
        """Append values[items]."""
        start = 0
        while start < len(items):
            part = items[start : start + len(self.buffer) - self.full]
            out = self.buffer[self.full : self.full + len(part)]
            # mode="clip" keeps `take` from going through a copy of `out`.
            np.take(values, part, axis=0, out=out, mode="clip")
            start += len(part)
            self._filled(len(part))

    def append(self, values: np.ndarray) -> None:
        start = 0
        while start < len(values):
            part = values[start : start + len(self.buffer) - self.full]
            self.buffer[self.full : self.full + len(part)] = part
            start += len(part)
            self._filled(len(part))

    def _filled(self, items: int) -> None:
        self.full += items
        if self.full == len(self.buffer):
            self.flush()

    def flush(self) -> None:
        """Write what the buffer holds, a whole chunk unless it is the last."""
        if self.full:
            self.store(self.buffer[: self.full], self.written)
            self.written, self.full = self.written + self.full, 0

    def store(self, block: np.ndarray, start: int) -> None:
        dataset = self.dataset.id
        dataset.set_extent((start + len(block), *block.shape[1:]))
        place = dataset.get_space()
        place.select_hyperslab((start, *[0] * (block.ndim - 1)), block.shape)
        dataset.write(h5py.h5s.create_simple(block.shape), place, block)


class TableWriter:
    """The columns of one table, text as bytes and offsets."""

    def __init__(self, group: h5py.Group, columns: dict, chunk: int, kind: type[Column] = Column):
        self.kind = kind
        self.offsets = self._offsets(group, "offsets", chunk)
        self.items = 0
        self.columns: dict[str, Column] = {}
        self.ends: dict[str, tuple[Column, list[int]]] = {}
        for key, column in columns.items():
            if compact.is_text(column):
                self.columns[key] = kind(group, f"{key}-bytes", np.uint8, (), chunk)
                self.ends[key] = (self._offsets(group, f"{key}-offsets", chunk), [0])
            else:
                inner = column.shape[2:]
                self.columns[key] = kind(group, key, column.dtype, inner, chunk)

    def _offsets(self, group: h5py.Group, name: str, chunk: int) -> Column:
        column = self.kind(group, name, np.int64, (), chunk)
        column.append(np.zeros(1, np.int64))
        return column

    def append(self, columns: dict, mask: np.ndarray) -> None:
        items = compact.valid_items(mask)
        # The places are in order: a few bisections count a row sooner than the mask does.
        rows, width = mask.shape
        ends = np.searchsorted(items, np.arange(1, rows + 1) * width)
        self.offsets.append(ends + self.items)
        self.items += len(items)
        for key, values in columns.items():
            if key in self.ends:
                data, lengths = compact.utf8(values, items)
                self.columns[key].append(data)
                offsets, last = self.ends[key]
                offsets.append(np.cumsum(lengths) + last[0])
                last[0] += len(data)
            else:
                self.columns[key].take(values.reshape(-1, *values.shape[2:]), items)

    def close(self) -> None:
        for column in (*self.columns.values(), self.offsets, *(e for e, _ in self.ends.values())):
            column.flush()


def read(dataset: h5py.Dataset) -> np.ndarray:
    """Return a whole dataset, by way of as little of h5py as will do."""
    values = np.empty(dataset.shape, dataset.dtype)
    dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, values)
    return values


class Rows:
    """An open table for reading rows: the offsets are in memory."""

    def __init__(self, file: h5py.File, offsets: np.ndarray, columns: dict[str, h5py.Dataset]):
        self.file, self.offsets, self.columns = file, offsets, columns


class H5pyFlat(Rival):
    name = "h5py-flat"
    what = "h5py, flat datasets and offsets, Blosc-LZ4, whole chunks of 512 KiB"

    def __init__(self, chunk: int = CHUNK):
        self.chunk = chunk

    def write(self, path: Path, batches: list[Batch]) -> None:
        # No chunk is touched twice, so a cache would only push it out of the processor's.
        with h5py.File(path, "w", rdcc_nbytes=0) as file:
            tables = {
                name: TableWriter(file.create_group(name), columns, self.chunk)
                for name, (columns, _) in batches[0].items()
            }
            for batch in batches:
                for name, (columns, mask) in batch.items():
                    tables[name].append(columns, mask)
            for table in tables.values():
                table.close()

    def read_all(self, path: Path) -> dict[str, Table]:
        tables = {}
        with h5py.File(path, rdcc_nbytes=0) as file:
            for name, group in file.items():
                columns: dict[str, np.ndarray] = {}
                for key, dataset in group.items():
                    if key.endswith("-bytes"):
                        text = key.removesuffix("-bytes")
                        columns[text] = compact.text(read(dataset), read(group[f"{text}-offsets"]))
                    elif not key.endswith("offsets"):
                        columns[key] = read(dataset)
                tables[name] = Table(read(group["offsets"]), columns)
        return tables

    def open(self, path: Path, table: str) -> Rows:
        file = h5py.File(path)
        columns = {k: v for k, v in file[table].items() if "offsets" not in k and "-" not in k}
        return Rows(file, file[table]["offsets"][:], columns)

    def random_rows(self, handle: Rows, rows: np.ndarray) -> dict[str, np.ndarray]:
        return slice_rows(handle, rows)

    def one_row(self, handle: Rows, row: int) -> dict[str, np.ndarray]:
        start, stop = handle.offsets[row : row + 2]
        return {key: dataset[start:stop] for key, dataset in handle.columns.items()}


def slice_rows(handle: Rows, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Slice row by row into a padded batch: in order of place, so that a chunk is decoded once."""
    starts, lengths = handle.offsets[rows], handle.offsets[rows + 1] - handle.offsets[rows]
    width = lengths.max(initial=0)
    batch = {"mask": np.arange(width) < lengths[:, None]}
    spans = [(i, int(starts[i]), int(lengths[i])) for i in np.argsort(starts)]
    for key, dataset in handle.columns.items():
        batch[key] = np.zeros((len(rows), width, *dataset.shape[1:]), dataset.dtype)
        for i, start, length in spans:
            batch[key][i, :length] = dataset[start : start + length]
    return batch
