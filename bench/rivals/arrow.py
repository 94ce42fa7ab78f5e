"""Padded batches as Arrow record batches, and Arrow tables as flat NumPy arrays."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from bench.flat import Batch, Table, starts
from bench.rivals import compact

# So many rows are gathered into one record batch or row group: a batch of 64 would be too little
# for either format to compress well or read fast.
ROWS = 2048


def record_batches(batches: list[Batch]):
    """Yield record batches of at least ROWS rows, but for the last: a list column a column."""
    waiting: list[Batch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += len(next(iter(batch.values()))[1])
        if rows >= ROWS:
            yield _record_batch(waiting)
            waiting, rows = [], 0
    if waiting:
        yield _record_batch(waiting)


def _record_batch(batches: list[Batch]) -> pa.RecordBatch:
    arrays, names = [], []
    for name in batches[0]:
        masks = [batch[name][1] for batch in batches]
        places = [compact.valid_items(mask) for mask in masks]
        offsets = starts(np.concatenate([np.count_nonzero(mask, axis=1) for mask in masks]))
        offsets = offsets.astype(np.int32)
        for key in batches[0][name][0]:
            columns = [batch[name][0][key] for batch in batches]
            values, inner = _values(columns, places)
            arrays.append(pa.ListArray.from_arrays(offsets * inner, values))
            names.append(f"{name}.{key}" + (f".{inner}" if inner > 1 else ""))
    return pa.RecordBatch.from_arrays(arrays, names)


def _values(columns: list, places: list[np.ndarray]) -> tuple[pa.Array, int]:
    """Return the valid values as one Arrow array, and how many values make an item."""
    if compact.is_text(columns[0]):
        pairs = [compact.utf8(column, items) for column, items in zip(columns, places, strict=True)]
        data = np.concatenate([data for data, _ in pairs])
        ends = starts(np.concatenate([lengths for _, lengths in pairs])).astype(np.int32)
        buffers = [None, pa.py_buffer(ends), pa.py_buffer(data)]
        return pa.Array.from_buffers(pa.string(), len(ends) - 1, buffers), 1
    # Items of three values are stored as three times as many: one level of lists is much faster.
    inner = int(np.prod(columns[0].shape[2:]))
    out = np.empty((sum(map(len, places)), *columns[0].shape[2:]), columns[0].dtype)
    end = 0
    for column, items in zip(columns, places, strict=True):
        flat = column.reshape(-1, *column.shape[2:])
        np.take(flat, items, axis=0, out=out[end : end + len(items)], mode="clip")
        end += len(items)
    return pa.array(out.reshape(-1)), inner


def to_tables(table: pa.Table) -> dict[str, Table]:
    """Return every column as one flat array."""
    tables: dict[str, Table] = {}
    for field in table.column_names:
        name, key, *rest = field.split(".")
        inner = int(rest[0]) if rest else 1
        chunks = table.column(field).chunks
        if name not in tables:
            lengths = np.concatenate([np.diff(chunk.offsets.to_numpy()) for chunk in chunks])
            tables[name] = Table(starts(lengths // inner), {})
        flat = [chunk.flatten() for chunk in chunks]
        if pa.types.is_string(flat[0].type):
            tables[name].columns[key] = _strings(flat)
        else:
            values = np.concatenate([chunk.to_numpy(zero_copy_only=False) for chunk in flat])
            tables[name].columns[key] = values.reshape(-1, inner) if inner > 1 else values
    return tables


def _strings(chunks: list[pa.Array]) -> np.ndarray:
    data, lengths = [], []
    for chunk in chunks:
        _, ends, values = chunk.buffers()
        ends = np.frombuffer(ends, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
        data.append(np.frombuffer(values, np.uint8)[ends[0] : ends[-1]])
        lengths.append(np.diff(ends))
    return compact.text(np.concatenate(data), starts(np.concatenate(lengths)))
