"""The ideal: what would be left if only the unavoidable were done, each part at full speed.

Of a write:

memcpy
    As many bytes as are valid, out of the same padded arrays, into buffers of one chunk: one
    contiguous `numpy.copyto` (a memcpy) for each column and batch, in one thread. A compaction
    reads the same memory in shorter runs, so it cannot be faster. A dense array that is written at
    once needs none; of a trajectory it is one for each array of each frame.
compress
    Every 512 KiB chunk of the compacted columns through `blosc_compress_ctx` of the library that
    hdf5plugin ships (LZ4, byte shuffle, level 5, Blosc's own block size), in as many threads as
    there are cores. ctypes lets go of the GIL during the call.
text
    Lists of str that come with the batches, each joined to one and encoded: the fastest look at
    them that Python has to offer.
write
    The compressed chunks, one `write` each, to a new file on the same file system; on disk with
    an fsync, as the contenders are timed.

Of a read:

read
    The compressed chunks, one `pread` each, into one buffer.
decompress
    Every chunk through `blosc_decompress_ctx`, in as many threads as there are cores, into an array
    that is allocated for it, as a reader's result is.

The ideal is the sum. What overlaps its terms can in principle beat it.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
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
    """The terms for some chunks, each ready to be timed alone.

    `copies` are pairs of a buffer and what is copied to it on the way into the chunks, `texts`
    columns of strings, a list of rows each.
    """

    def __init__(
        self,
        chunks: list[np.ndarray],
        place: Place,
        copies: list[tuple[np.ndarray, np.ndarray]] | None = None,
        texts: list[list[list[str]]] | None = None,
    ):
        self.place = place
        self.path = place.path("ideal", ".bin")
        self._threads = cores()
        self._pool = ThreadPoolExecutor(self._threads)
        self._copies = copies or []
        self._texts = texts or []
        self._chunks = chunks
        self._compress, self._decompress = _blosc()
        self._outs = [np.empty(CHUNK + OVERHEAD, np.uint8) for _ in range(self._threads)]
        self._stored = [self._stored_chunk(chunk) for chunk in self._chunks]

    @classmethod
    def of_batches(cls, batches: list[Batch], place: Place) -> Ideal:
        return cls(list(_chunks(flatten(batches))), place, list(_copies(batches)))

    @classmethod
    def of_array(cls, values: np.ndarray, place: Place, block: int | None = None) -> Ideal:
        """Return that of a dense array, appended `block` rows at a time, or written at once."""
        copies = []
        if block:
            buffer = np.empty((block, *values.shape[1:]), values.dtype)
            parts = [values[start : start + block] for start in range(0, len(values), block)]
            copies = [(buffer[: len(part)], part) for part in parts]
        return cls(list(_pieces(values)), place, copies)

    @classmethod
    def of_frames(cls, columns: list[np.ndarray], place: Place, block: int = 1000) -> Ideal:
        """Return that of a trajectory: each array of each frame has a copy of its own."""
        arrays = [column for column in columns if column.ndim > 1]
        buffers = [list(np.zeros((block, *column.shape[1:]), column.dtype)) for column in arrays]
        copies = [
            (buffer[at % block], frame)
            for at, frames in enumerate(zip(*arrays, strict=True))
            for buffer, frame in zip(buffers, frames, strict=True)
        ]
        return cls([piece for column in columns for piece in _pieces(column)], place, copies)

    @classmethod
    def of_columns(
        cls, columns: list[np.ndarray], place: Place, texts: list[list[list[str]]]
    ) -> Ideal:
        """Return that of flat columns, of which the bytes are those of texts."""
        chunks = [piece for column in columns for piece in _pieces(column)]
        buffer = np.empty(CHUNK, np.uint8)
        numbers = [chunk.view(np.uint8) for chunk in chunks if chunk.dtype != np.uint8]
        return cls(chunks, place, [(buffer[: len(part)], part) for part in numbers], texts)

    def writing(self) -> dict[str, Callable[[], None]]:
        """Return the terms of a write."""
        terms = {"memcpy": self.memcpy} if self._copies else {}
        if self._texts:
            terms["text"] = self.text
        return terms | {"compress": self.compress, "write": self.write}

    def reading(self) -> dict[str, Callable[[], None]]:
        """Return the terms of a read; the file is written once for them."""
        self.write()
        return {"read": self.read, "decompress": self.decompress}

    def memcpy(self) -> None:
        for out, values in self._copies:
            np.copyto(out, values)

    def text(self) -> None:
        for rows in self._texts:
            "".join(chain.from_iterable(rows)).encode()

    def compress(self) -> None:
        work = iter(self._chunks)

        # next() of a list iterator is atomic, so the threads share it without a lock.
        def drain(out: np.ndarray) -> None:
            for chunk in work:
                self._one(chunk, out)

        list(self._pool.map(drain, self._outs))

    def write(self) -> None:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            for chunk in self._stored:
                os.write(descriptor, chunk)
            if self.place.name == "disk":
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self) -> None:
        descriptor, at = os.open(self.path, os.O_RDONLY), 0
        try:
            for chunk in self._stored:
                at += os.preadv(descriptor, [memoryview(self._outs[0])[: len(chunk)]], at)
        finally:
            os.close(descriptor)

    def decompress(self) -> None:
        result = np.empty(sum(chunk.nbytes for chunk in self._chunks), np.uint8)
        work = iter(list(zip(self._stored, self._places(result), strict=True)))

        def drain(_: int) -> None:
            for stored, out in work:
                if self._decompress(stored, out.ctypes.data, len(out), 1) != len(out):
                    raise RuntimeError("blosc_decompress_ctx failed")

        list(self._pool.map(drain, range(self._threads)))

    def clean(self) -> None:
        Path(self.path).unlink(missing_ok=True)

    def _places(self, result: np.ndarray) -> Iterator[np.ndarray]:
        at = 0
        for chunk in self._chunks:
            yield result[at : at + chunk.nbytes]
            at += chunk.nbytes

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


def _copies(batches: list[Batch]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
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


def _chunks(tables: dict[str, Table]) -> Iterator[np.ndarray]:
    for table in tables.values():
        for column in (table.offsets, *table.columns.values()):
            yield from _pieces(column)


def _pieces(values: np.ndarray) -> Iterator[np.ndarray]:
    flat = values.reshape(-1)
    step = CHUNK // flat.itemsize
    for start in range(0, len(flat), step):
        yield np.ascontiguousarray(flat[start : start + step])


def _blosc():
    path = next(Path(hdf5plugin.PLUGIN_PATH).glob("libh5blosc.*"))
    library = ctypes.CDLL(str(path))
    compress, decompress = library.blosc_compress_ctx, library.blosc_decompress_ctx
    size, pointer = ctypes.c_size_t, ctypes.c_void_p
    compress.argtypes = [
        ctypes.c_int, ctypes.c_int, size, size, pointer, pointer, size, ctypes.c_char_p, size,
        ctypes.c_int,
    ]  # fmt: skip
    decompress.argtypes = [ctypes.c_char_p, pointer, size, ctypes.c_int]
    return compress, decompress
