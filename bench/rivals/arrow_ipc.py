"""Arrow's own file format, its buffers compressed with LZ4 on all cores."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from bench.flat import Batch, Table
from bench.rivals import arrow
from bench.rivals.base import Rival


class ArrowIpc(Rival):
    name = "arrow-ipc"
    suffix = ".arrow"
    what = "Arrow IPC file, list columns, LZ4, record batches of 2,048 rows"

    def write(self, path: Path, batches: list[Batch]) -> None:
        writer = None
        options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=True)
        with pa.OSFile(str(path), "wb") as sink:
            for batch in arrow.record_batches(batches):
                if writer is None:
                    writer = pa.ipc.new_file(sink, batch.schema, options=options)
                writer.write_batch(batch)
            if writer is not None:
                writer.close()

    def read_all(self, path: Path) -> dict[str, Table]:
        with pa.memory_map(str(path)) as source:
            return arrow.to_tables(pa.ipc.open_file(source).read_all())
