"""raggedh5, as its tutorial uses it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import h5py
import numpy as np

import raggedh5 as rh5
from bench.flat import Batch, Table, differences
from bench.rivals import stock
from bench.rivals.base import Rival
from bench.rivals.h5py_flat import Rows, slice_rows


class Raggedh5(Rival):
    name = "raggedh5"
    what = "raggedh5, default settings"

    def write(self, path: Path, batches: list[Batch]) -> None:
        with rh5.File(path, "w") as file:
            tables = {name: file.create_table(name) for name in batches[0]}
            for batch in batches:
                for name, (columns, mask) in batch.items():
                    tables[name].append(columns, mask=mask)

    def read_all(self, path: Path) -> dict[str, Table]:
        tables = {}
        for name, columns in rh5.read(path).items():
            offsets = next(iter(columns.values())).offsets
            tables[name] = Table(offsets, {key: ragged.values for key, ragged in columns.items()})
        return tables

    def differences(self, path: Path, wanted: dict[str, Table]) -> list[str]:
        """Return where the file differs for a reader that has h5py and hdf5plugin only."""
        return differences(stock.read_tables(path), wanted)

    def open(self, path: Path, table: str) -> rh5.Table:
        return rh5.File(path)[table]

    def random_rows(self, handle: rh5.Table, rows: np.ndarray) -> dict[str, np.ndarray]:
        return handle.padded(rows)

    def one_row(self, handle: rh5.Table, row: int) -> dict[str, np.ndarray]:
        return handle[row]


class SlicedByH5py(Rival):
    """h5py slicing the file that raggedh5 wrote, as its user would without raggedh5."""

    name = "h5py-same-file"
    what = "h5py slicing the file that raggedh5 wrote, rows in order of place"
    options: ClassVar[dict[str, int]] = {}

    def open(self, path: Path, table: str) -> Rows:
        file = h5py.File(path, **self.options)
        return Rows(file, *stock.open_flat(file, table))

    def random_rows(self, handle: Rows, rows: np.ndarray) -> dict[str, np.ndarray]:
        return slice_rows(handle, rows)

    def one_row(self, handle: Rows, row: int) -> dict[str, np.ndarray]:
        start, stop = handle.offsets[row : row + 2]
        return {key: dataset[start:stop] for key, dataset in handle.columns.items()}


class SlicedWithOldCache(SlicedByH5py):
    """The same, with the cache that a dataset has by default up to HDF5 1.14."""

    name = "h5py-same-file-1m"
    what = "the same, with a chunk cache of 1 MiB (HDF5's own up to 1.14; from 2.0 it is 8 MiB)"
    options: ClassVar[dict[str, int]] = {"rdcc_nbytes": 1 << 20}
