"""The same as h5py_flat with HDF5 in a thread of its own, beside the compaction."""

from __future__ import annotations

import threading
from pathlib import Path
from queue import Queue

import h5py
import numpy as np

from bench.flat import Batch
from bench.rivals.h5py_flat import Column, H5pyFlat, TableWriter


class Turn(Column):
    """A column that hands its full buffer to the thread and takes the other one."""

    work: Queue

    def __init__(self, *args):
        super().__init__(*args)
        self.free: Queue = Queue()
        self.free.put(np.empty_like(self.buffer))

    def flush(self) -> None:
        if self.full:
            self.work.put((self, self.buffer, self.written, self.full))
            self.buffer = self.free.get()
            self.written, self.full = self.written + self.full, 0


class H5pyFlatThread(H5pyFlat):
    name = "h5py-flat-thread"
    what = "h5py-flat with HDF5 in a second thread"

    def write(self, path: Path, batches: list[Batch]) -> None:
        work: Queue = Queue(maxsize=8)
        kind = type("Turn", (Turn,), {"work": work})
        with h5py.File(path, "w", rdcc_nbytes=0) as file:
            tables = {
                name: TableWriter(file.create_group(name), columns, self.chunk, kind)
                for name, (columns, _) in batches[0].items()
            }
            thread = threading.Thread(target=_write, args=(work,))
            thread.start()
            for batch in batches:
                for name, (columns, mask) in batch.items():
                    tables[name].append(columns, mask)
            for table in tables.values():
                table.close()
            work.put(None)
            thread.join()


def _write(work: Queue) -> None:
    while (item := work.get()) is not None:
        column, buffer, start, items = item
        column.store(buffer[:items], start)
        column.free.put(buffer)
