"""The padded arrays as they are, under gzip, and the mask beside them."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from bench.flat import Batch, Table, starts
from bench.rivals import compact
from bench.rivals.base import Rival
from bench.rivals.h5py_flat import Rows


def _padded(column: np.ndarray | list, width: int) -> np.ndarray:
    """Return text as padded UTF-8 of eight bytes, anything else as it is."""
    if not isinstance(column, list):
        return np.char.encode(column, "utf-8").astype("S8") if column.dtype.kind == "U" else column
    array = np.zeros((len(column), width), "S8")
    for row, texts in enumerate(column):
        array[row, : len(texts)] = [text.encode() for text in texts]
    return array


def _append(file: h5py.File, name: str, values: np.ndarray) -> None:
    """Append a batch, making the dataset wider where the batch is."""
    if name not in file:
        file.create_dataset(
            name,
            shape=(0, *values.shape[1:]),
            maxshape=(None, None, *values.shape[2:]),
            chunks=values.shape,
            dtype=values.dtype,
            compression="gzip",
            shuffle=True,
        )
    dataset = file[name]
    rows, width = dataset.shape[:2]
    wider = max(width, values.shape[1])
    dataset.resize((rows + len(values), wider, *values.shape[2:]))
    dataset[rows:, : values.shape[1]] = values


class GzipPadded(Rival):
    name = "h5py-padded-gzip"
    what = "h5py, padded datasets and masks, gzip with shuffle"
    fewer = 4

    def write(self, path: Path, batches: list[Batch]) -> None:
        with h5py.File(path, "w") as file:
            for batch in batches:
                for name, (columns, mask) in batch.items():
                    for key, column in {**columns, "mask": mask}.items():
                        _append(file, f"{name}/{key}", _padded(column, mask.shape[1]))

    def read_all(self, path: Path) -> dict[str, Table]:
        tables = {}
        with h5py.File(path) as file:
            for name, group in file.items():
                mask = group["mask"][:]
                items = compact.valid_items(mask)
                columns = {}
                for key, dataset in group.items():
                    if key == "mask":
                        continue
                    values = compact.take(dataset[:], items)
                    text = values.dtype.kind == "S"
                    columns[key] = compact.text_of_bytes(values) if text else values
                tables[name] = Table(starts(np.count_nonzero(mask, axis=1)), columns)
        return tables

    def open(self, path: Path, table: str) -> Rows:
        file = h5py.File(path)
        lengths = np.count_nonzero(file[table]["mask"][:], axis=1)
        columns = {
            key: v for key, v in file[table].items() if key != "mask" and v.dtype.kind != "S"
        }
        return Rows(file, starts(lengths), columns)

    def random_rows(self, handle: Rows, rows: np.ndarray) -> dict[str, np.ndarray]:
        lengths = handle.offsets[rows + 1] - handle.offsets[rows]
        width = int(lengths.max(initial=0))
        batch = {"mask": np.arange(width) < lengths[:, None]}
        order = np.argsort(rows)
        for key, dataset in handle.columns.items():
            batch[key] = np.empty((len(rows), width, *dataset.shape[2:]), dataset.dtype)
            for i in order:
                batch[key][i] = dataset[rows[i], :width]
        return batch

    def one_row(self, handle: Rows, row: int) -> dict[str, np.ndarray]:
        length = handle.offsets[row + 1] - handle.offsets[row]
        return {key: dataset[row, :length] for key, dataset in handle.columns.items()}
