"""Variable-length datasets again, but a batch at a time."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from bench.flat import Batch, Table
from bench.rivals.base import Rival
from bench.rivals.h5py_vlen_row import create, read_all, row_values


class H5pyVlenBatch(Rival):
    name = "h5py-vlen-batch"
    what = "h5py variable-length datasets, written batch by batch"
    fewer = 4

    def write(self, path: Path, batches: list[Batch]) -> None:
        with h5py.File(path, "w") as file:
            tables = {
                name: create(file, name, columns) for name, (columns, _) in batches[0].items()
            }
            for batch in batches:
                for name, (columns, mask) in batch.items():
                    for key, column in columns.items():
                        dataset = tables[name][key]
                        rows = np.empty(len(mask), object)
                        for row in range(len(mask)):
                            rows[row] = row_values(column, row, mask).reshape(-1)
                        dataset.resize(len(dataset) + len(rows), axis=0)
                        dataset[-len(rows) :] = rows

    def read_all(self, path: Path) -> dict[str, Table]:
        return read_all(path)
