"""The ideal: what writing would take if only the unavoidable were done, each part at full speed.

memcpy
    As many bytes as are valid, out of the same padded arrays, into buffers of one chunk: one
    contiguous `numpy.copyto` (a memcpy) for each column and batch, in one thread. A compaction
    reads the same memory in shorter runs, so it cannot be faster.
compress
    Every 512 KiB chunk of the compacted columns through `blosc_compress_ctx` of the library that
    hdf5plugin ships (LZ4, byte shuffle, level 5, Blosc's own block size), in as many threads as
    there are cores. ctypes lets go of the GIL during the call.
write
    The compressed chunks, one `write` each, to a new file on the same file system; on disk with
    an fsync, as the contenders are timed.

The ideal is the sum. A writer that overlaps the three could in principle beat it.
"""

from __future__ import annotations

import ctypes
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hdf5plugin
import numpy as np

from bench.flat import Batch, Table, flatten
from bench.place import Place

CHUNK = 512 * 1024
OVERHEAD = 16  # BLOSC_MAX_OVERHEAD


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Ideal:
    """The three terms for some batches of numbers, each ready to be timed alone."""

    def __init__(self, batches: list[Batch], place: Place, threads: int | None = None):
        self.threads = threads or cores()
        self.place = place
        self.path = place.path("ideal", ".bin")
        self._pool = ThreadPoolExecutor(self.threads)
        self._copies = list(_copies(batches))
        self._chunks = list(_chunks(flatten(batches)))
        self._compress = _blosc()
        self._outs = [np.empty(CHUNK + OVERHEAD, np.uint8) for _ in range(self.threads)]
        self._stored = [self._stored_chunk(chunk) for chunk in self._chunks]

    def memcpy(self) -> None:
        for out, values in self._copies:
            np.copyto(out, values)

    def compress(self) -> None:
        work = iter(self._chunks)
        list(self._pool.map(lambda out: self._drain(work, out), self._outs))

    def write(self) -> None:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            for chunk in self._stored:
                os.write(descriptor, chunk)
            if self.place.name == "disk":
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def clean(self) -> None:
        Path(self.path).unlink(missing_ok=True)

    def _drain(self, work, out: np.ndarray) -> None:
        # next() of a list iterator is atomic, so the threads share it without a lock.
        for chunk in work:
            self._one(chunk, out)

    def _one(self, chunk: np.ndarray, out: np.ndarray) -> int:
        size = self._compress(
            5, 1, chunk.itemsize, chunk.nbytes, chunk.ctypes.data, out.ctypes.data, len(out),
            b"lz4", 0, 1,
        )  # fmt: skip
        if size <= 0:
            raise RuntimeError(f"blosc_compress_ctx returned {size}")
        return size

    def _stored_chunk(self, chunk: np.ndarray) -> bytes:
        return self._outs[0][: self._one(chunk, self._outs[0])].tobytes()


def _copies(batches: list[Batch]):
    """Yield pairs of a buffer and as many bytes of each column as its mask keeps."""
    buffers: dict[str, np.ndarray] = {}
    for batch in batches:
        for name, (columns, mask) in batch.items():
            items = int(np.count_nonzero(mask))
            for key, column in columns.items():
                flat = column.reshape(-1).view(np.uint8)[: items * column[0, 0].nbytes]
                buffer = buffers.setdefault(f"{name}/{key}", np.empty(CHUNK, np.uint8))
                for start in range(0, len(flat), CHUNK):
                    part = flat[start : start + CHUNK]
                    yield buffer[: len(part)], part


def _chunks(tables: dict[str, Table]):
    for table in tables.values():
        for column in (table.offsets, *table.columns.values()):
            flat = column.reshape(-1)
            step = CHUNK // flat.itemsize
            for start in range(0, len(flat), step):
                yield np.ascontiguousarray(flat[start : start + step])


def _blosc():
    path = next(Path(hdf5plugin.PLUGIN_PATH).glob("libh5blosc.*"))
    function = ctypes.CDLL(str(path)).blosc_compress_ctx
    size, pointer = ctypes.c_size_t, ctypes.c_void_p
    function.argtypes = [
        ctypes.c_int, ctypes.c_int, size, size, pointer, pointer, size, ctypes.c_char_p, size,
        ctypes.c_int,
    ]  # fmt: skip
    return function
