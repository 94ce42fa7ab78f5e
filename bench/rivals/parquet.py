"""Parquet: list columns, byte-stream-split floats, LZ4, row groups of 2,048 rows."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bench.flat import Batch, Table
from bench.rivals import arrow
from bench.rivals.base import Rival


class Parquet(Rival):
    name = "parquet"
    suffix = ".parquet"
    what = "Parquet, list columns, LZ4, row groups of 2,048 rows"

    def write(self, path: Path, batches: list[Batch]) -> None:
        writer = None
        for batch in arrow.record_batches(batches):
            if writer is None:
                writer = pq.ParquetWriter(path, batch.schema, **_options(batch.schema))
            writer.write_batch(batch)
        if writer is not None:
            writer.close()

    def read_all(self, path: Path) -> dict[str, Table]:
        return arrow.to_tables(pq.read_table(path, use_threads=True))


def _options(schema: pa.Schema) -> dict:
    """Return settings that suit numbers: a dictionary for text and whole numbers only."""
    leaf = {field.name: field.type.value_type for field in schema}
    floats = [f"{name}.list.element" for name, kind in leaf.items() if pa.types.is_floating(kind)]
    others = [f"{name}.list.element" for name in leaf if f"{name}.list.element" not in floats]
    return {
        "compression": "lz4",
        "use_dictionary": others,
        "use_byte_stream_split": floats,
        "write_statistics": False,
    }
