"""What most people do: a variable-length dataset a column, written row by row."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from bench.flat import Batch, Table, starts
from bench.rivals import compact
from bench.rivals.base import Rival

TEXT = np.dtype("S8")


def create(file: h5py.File, name: str, columns: dict) -> dict[str, h5py.Dataset]:
    """Create a variable-length dataset for each column; items of several values are flattened."""
    datasets = {}
    for key, column in columns.items():
        dtype = TEXT if compact.is_text(column) else column.dtype
        dataset = file.create_dataset(
            f"{name}/{key}", (0,), maxshape=(None,), dtype=h5py.vlen_dtype(dtype)
        )
        if not compact.is_text(column):
            dataset.attrs["inner"] = np.array(column.shape[2:], np.int64)
        datasets[key] = dataset
    return datasets


def row_values(column: np.ndarray | list, row: int, mask: np.ndarray) -> np.ndarray:
    if isinstance(column, list):
        return np.array([text.encode() for text in column[row]], TEXT)
    values = column[row][mask[row]]
    return np.char.encode(values, "utf-8").astype(TEXT) if values.dtype.kind == "U" else values


def read_all(path: Path) -> dict[str, Table]:
    tables = {}
    with h5py.File(path) as file:
        for name, group in file.items():
            columns = {}
            offsets = None
            for key, dataset in group.items():
                rows = dataset[:]
                values = np.concatenate(rows)
                inner = dataset.attrs.get("inner", ())
                if offsets is None:
                    size = int(np.prod(inner))
                    offsets = starts([len(row) // size for row in rows])
                if values.dtype.kind == "S":
                    columns[key] = compact.text_of_bytes(values)
                else:
                    columns[key] = values.reshape(-1, *inner)
            tables[name] = Table(offsets, columns)
    return tables


class H5pyVlenRow(Rival):
    name = "h5py-vlen-row"
    what = "h5py variable-length datasets, written row by row"
    fewer = 16

    def write(self, path: Path, batches: list[Batch]) -> None:
        with h5py.File(path, "w") as file:
            tables = {
                name: create(file, name, columns) for name, (columns, _) in batches[0].items()
            }
            for batch in batches:
                for name, (columns, mask) in batch.items():
                    for key, column in columns.items():
                        dataset = tables[name][key]
                        for row in range(len(mask)):
                            dataset.resize(len(dataset) + 1, axis=0)
                            dataset[-1] = row_values(column, row, mask).reshape(-1)

    def read_all(self, path: Path) -> dict[str, Table]:
        return read_all(path)
