"""What ``raggedh5 info --json`` writes.

Keys may be added; those that are here keep their names and meanings as long as ``format`` is 1::

    format          1
    path            str, the file
    file_bytes      int, its size
    tables          list of
        name            str, path in the file
        ragged          bool, false for a row table
        rows, items     int; both are the same in a row table
        raw_bytes       int, all values and offsets, flat, as NumPy would hold them
        stored_bytes    int, their chunks in the file
        ratio           float, stored_bytes / raw_bytes, or null
        offsets         buffer, or null
        columns         list of
            name            str
            dtype           str, NumPy's name, or "str"
            shape           list of int, inner shape of an item
            nested, nullable, dictionary    bool
            codec, chunks, chunk_count      of the first buffer
            raw_bytes, stored_bytes, ratio  of all buffers
            buffers         list of buffers
    arrays          list of buffers
    trajectories    list of, empty where there are none
        name            str
        status          str, "running", "completed" or "incomplete"
        frames          int
        ragged          bool, true if the number of particles varies
        species         int, or null where it varies or there are no coordinates
        fields          list of {"name": str, "rows": int}
        events          the same of fields whose rows are of no known frames

A buffer is an HDF5 dataset::

    name            str: path in the file, or name within the table
    dtype           str, NumPy's name
    shape           list of int, null if it has none
    chunks          list of int, null if it is not chunked
    chunk_count     int, chunks in the file, null if it is not chunked
    codec           str, as "blosc-lz4", "shuffle+gzip", "none"
    filters         list of {"id": int, "parameters": list of int}, as HDF5 has them
    raw_bytes, stored_bytes, ratio          as above
"""

from typing import Any

from raggedh5.store.summary import BufferSummary, ColumnSummary, FileSummary, TableSummary, ratio

__all__ = ["as_json"]


def as_json(summary: FileSummary) -> dict[str, Any]:
    """Return a summary as objects for `json.dumps`, in the shape that this module describes."""
    return {
        "format": 1,
        "path": summary.path,
        "file_bytes": summary.file_bytes,
        "tables": [_table(table) for table in summary.tables],
        "arrays": [_buffer(array) for array in summary.arrays],
    }


def _table(table: TableSummary) -> dict[str, Any]:
    return {
        "name": table.name,
        "ragged": table.ragged,
        "rows": table.rows,
        "items": table.items,
        "raw_bytes": table.raw_bytes,
        "stored_bytes": table.stored_bytes,
        "ratio": ratio(table),
        "offsets": None if table.offsets is None else _buffer(table.offsets),
        "columns": [_column(column) for column in table.columns],
    }


def _column(column: ColumnSummary) -> dict[str, Any]:
    first = _buffer(column.buffers[0])
    return {
        "name": column.name,
        "dtype": column.dtype,
        "shape": list(column.shape),
        "nested": column.nested,
        "nullable": column.nullable,
        "dictionary": column.dictionary,
        **{key: first[key] for key in ("codec", "chunks", "chunk_count")},
        "raw_bytes": column.raw_bytes,
        "stored_bytes": column.stored_bytes,
        "ratio": ratio(column),
        "buffers": [_buffer(buffer) for buffer in column.buffers],
    }


def _buffer(buffer: BufferSummary) -> dict[str, Any]:
    return {
        "name": buffer.name,
        "dtype": buffer.dtype,
        "shape": None if buffer.shape is None else list(buffer.shape),
        "chunks": None if buffer.chunks is None else list(buffer.chunks),
        "chunk_count": buffer.chunk_count,
        "codec": buffer.codec,
        "filters": [{"id": n, "parameters": list(values)} for n, values in buffer.filters],
        "raw_bytes": buffer.raw_bytes,
        "stored_bytes": buffer.stored_bytes,
        "ratio": ratio(buffer),
    }
