"""Plain h5py datasets through the same codecs, threads and checksums as arrays."""

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from raggedh5.core.arrays import as_numpy
from raggedh5.core.casting import check_castable, to_dtype
from raggedh5.core.checksum import UNKNOWN, checksum
from raggedh5.core.chunk_codecs import ChunkCodec
from raggedh5.core.rows import Rows
from raggedh5.errors import FormatError, SchemaError, WriteError
from raggedh5.store.coded import Coded
from raggedh5.store.facts import Facts, address_of
from raggedh5.store.filters import codec_of
from raggedh5.store.handle import Handle, Verify
from raggedh5.store.hyperslab import Hyperslab, hyperslab
from raggedh5.store.indexing import read_selection
from raggedh5.store.ranges import RangeReader
from raggedh5.store.reader import Reader
from raggedh5.store.shared import Writer
from raggedh5.store.sink import Job

__all__ = ["read_dataset", "write_dataset"]


def read_dataset(
    dataset: h5py.Dataset,
    selection: Any = (),
    *,
    threads: int | None = None,
    verify: Verify = "first",
) -> Any:
    """Read an h5py dataset, its chunks decoded in parallel outside HDF5's lock.

    Parameters
    ----------
    dataset
        Any dataset of an open file; what cannot be decoded here, HDF5 decodes.
    selection
        What would stand in brackets behind the dataset; everything by default.
    threads
        Threads that decompress; None: one for each core available.
    verify
        Whether checksums that raggedh5 has written for it are compared.

    Returns
    -------
    ndarray or scalar
        As ``dataset[selection]``.

    Examples
    --------
    >>> import h5py, numpy as np
    >>> with h5py.File("x.h5", "w", driver="core", backing_store=False) as file:
    ...     x = file.create_dataset("x", data=np.arange(6), chunks=(4,))
    ...     read_dataset(x, slice(2, 5))
    array([2, 3, 4])
    """
    handle = Handle(dataset.file, threads=threads, verify=verify, adopted=True)
    try:
        ranges = RangeReader(Reader(handle, Facts(dataset)))
        if handle.changing:
            with handle.lock:
                for writer in _writers_of(handle, dataset).values():
                    writer.flush(sync_only=True)
                dataset.id.flush()
        return read_selection(ranges, ranges.reader.shape, selection)
    finally:
        handle.release()


def write_dataset(
    dataset: h5py.Dataset, data: Any, selection: Any = (), *, threads: int | None = None
) -> None:
    """Write to an h5py dataset, its chunks compressed in parallel outside HDF5's lock.

    Chunks that the selection covers whole are compressed here and get a checksum. All others go
    through HDF5.

    Parameters
    ----------
    dataset
        A dataset of a file that is open for writing.
    data
        Array-like of the selection's shape, or one that broadcasts to it. Converted, but never
        with a loss beyond rounding.
    selection
        Slices and integers; everything by default.
    threads
        Threads that compress; None: one for each core available.

    Raises
    ------
    SchemaError
        If `data` do not fit.
    WriteError
        If the file cannot be written.
    """
    handle = Handle(dataset.file, threads=threads, adopted=True)
    try:
        handle.check_writable()
        with handle.lock, _laid_aside(handle, dataset):
            handle.sink.generation += 1
            _write(handle, dataset, selection, as_numpy(data))
    finally:
        handle.release()


def _writers_of(handle: Handle, dataset: h5py.Dataset) -> dict[int, Writer]:
    """Return who appends to a dataset, by address: an array, or the table whose buffer it is."""
    addresses = (address_of(owner.id) for owner in (dataset, dataset.parent))
    found = {address: handle.writer_of(address) for address in addresses}
    return {address: writer for address, writer in found.items() if writer is not None}


@contextlib.contextmanager
def _laid_aside(handle: Handle, dataset: h5py.Dataset) -> Iterator[None]:
    """Have all that was appended in the file, and appending go on from what is there later."""
    writers = _writers_of(handle, dataset)
    for address, writer in writers.items():
        writer.flush()
        writer.settle()
        del handle.writers[address]
    try:
        yield
    finally:
        for address, writer in writers.items():
            handle.writers[address] = writer.renewed()


def _write(handle: Handle, dataset: h5py.Dataset, selection: Any, values: NDArray[Any]) -> None:
    part = hyperslab(selection, dataset.shape) if dataset.shape else None
    simple = isinstance(part, Hyperslab) and all(
        isinstance(rest, int) or (isinstance(rest, slice) and rest == slice(None))
        for rest in part.rest
    )
    if not simple or not dataset.chunks or not isinstance(part, Hyperslab):
        _by_hdf5(dataset, selection, values)
        if dataset.chunks and part is not None:
            _sum_again(_Region(handle, dataset), part)
        return
    shape = tuple(s.stop - s.start for s in part.box)
    values = _fitting(dataset, values, shape, part.rest)
    target = _Region(handle, dataset)
    if target.codec is None:
        _by_hdf5(dataset, part.box, values)
    _put_chunks(handle, target, values, part.box)
    handle.sink.drain()
    target.sums.save()


class _Region:
    """A dataset of fixed extent that the sink stores chunks of."""

    def __init__(self, handle: Handle, dataset: h5py.Dataset) -> None:
        facts = Facts(dataset)
        self.name = facts.name
        self.dataset = dataset
        self.dataset_id = facts.id
        self.dtype = facts.dtype
        self.chunks: tuple[int, ...] = facts.chunks or ()
        self.shape = facts.shape
        self.grid = tuple(-(-n // c) for n, c in zip(self.shape, self.chunks, strict=True))
        self.sums = handle.sums.of(facts)
        try:
            self.sums.check_fingerprint()
        except FormatError:  # somebody has put another dataset in its place
            self.sums.restart()
        self.codec: ChunkCodec | None = codec_of(facts)

    def extend(self, row: int) -> None:
        """Leave the extent as it is."""

    def store_by_hdf5(self, job: Job) -> None:
        """Do nothing: without a codec nothing is queued."""

    def stored(self, row: int, coded: Coded | None) -> None:
        """Do nothing: whoever wrote it has changed the file, and said so."""

    def sum_up(self, number: int, place: tuple[int, ...]) -> None:
        """Work the checksum of a chunk out from what HDF5 has stored."""
        self.dataset_id.flush()
        _, stored = self.dataset_id.read_direct_chunk(place)
        self.sums.put(number, checksum(stored))


def _put_chunks(
    handle: Handle, target: _Region, values: NDArray[Any], box: tuple[slice, ...]
) -> None:
    for index in _chunks_in(box, target.chunks):
        number = int(np.ravel_multi_index(index, target.grid))
        low = tuple(i * c for i, c in zip(index, target.chunks, strict=True))
        high = tuple(
            min(at + c, n) for at, c, n in zip(low, target.chunks, target.shape, strict=True)
        )
        first = tuple(max(at, s.start) for at, s in zip(low, box, strict=True))
        last = tuple(min(at, s.stop) for at, s in zip(high, box, strict=True))
        part = values[
            tuple(slice(a - s.start, b - s.start) for a, b, s in zip(first, last, box, strict=True))
        ]
        if target.codec is not None and first == low and last == high:
            source = handle.buffers.take(target.codec.nbytes)
            chunk = source.view(target.dtype).reshape(target.chunks)
            if part.shape != chunk.shape:
                chunk[...] = 0
            chunk[tuple(map(slice, part.shape))] = part
            handle.sink.put(target, index[0], number, low, source)
            handle.sink.advance()
            continue
        if target.codec is not None:
            target.sums.put(number, UNKNOWN)
            _by_hdf5(target.dataset, tuple(map(slice, first, last)), part)
        target.sum_up(number, low)


def _chunks_in(box: tuple[slice, ...], chunks: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Go through the places in the chunk grid of all chunks that a box touches."""
    spans = (
        range(s.start // c, -(-s.stop // c)) if s.stop > s.start else range(0)
        for s, c in zip(box, chunks, strict=True)
    )
    return itertools.product(*spans)


def _sum_again(target: _Region, part: Hyperslab | Rows) -> None:
    """Renew the checksums that there are of chunks that HDF5 may have written to."""
    if isinstance(part, Hyperslab):
        box = part.box
    else:
        ends = (int(part.min()), int(part.max()) + 1) if len(part) else (0, 0)
        box = (slice(*ends), *(slice(0, n) for n in target.shape[1:]))
    for index in _chunks_in(box, target.chunks):
        number = int(np.ravel_multi_index(index, target.grid))
        if target.sums.get(number) != UNKNOWN:
            target.sum_up(number, tuple(i * c for i, c in zip(index, target.chunks, strict=True)))
    target.sums.save()


def _fitting(
    dataset: h5py.Dataset, values: NDArray[Any], shape: tuple[int, ...], rest: tuple[Any, ...]
) -> NDArray[Any]:
    """Return the data converted and in the shape of the box."""
    wanted = tuple(n for n, part in zip(shape, rest, strict=True) if isinstance(part, slice))
    if values.dtype != dataset.dtype:
        check_castable(values.dtype, dataset.dtype, dataset.name)
        values, lost = to_dtype(values, dataset.dtype)
        if lost.any():
            raise SchemaError(f"{dataset.name}: a value does not fit {dataset.dtype}")
    try:
        return np.broadcast_to(values, wanted).reshape(shape)
    except ValueError as error:
        raise SchemaError(
            f"{dataset.name}: data of shape {values.shape} do not fit {wanted}"
        ) from error


def _by_hdf5(dataset: h5py.Dataset, selection: Any, values: NDArray[Any]) -> None:
    try:
        dataset[selection] = values
    except (OSError, RuntimeError) as error:
        raise WriteError(f"{dataset.name} could not be written: {error}") from error
    except (TypeError, ValueError) as error:
        raise SchemaError(f"{dataset.name}: {error}") from error
