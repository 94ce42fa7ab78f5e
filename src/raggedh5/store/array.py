"""Dense N-dimensional arrays that grow along axis 0, through the same codecs and threads."""

import contextlib
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from raggedh5.core.arrays import as_numpy
from raggedh5.core.casting import check_castable, to_dtype
from raggedh5.core.signals import deferred_signals
from raggedh5.errors import ClosedError, SchemaError
from raggedh5.store.array_writer import ArrayWriter
from raggedh5.store.facts import Facts, address_of, name_of
from raggedh5.store.handle import Handle
from raggedh5.store.indexing import read_selection
from raggedh5.store.ranges import RangeReader
from raggedh5.store.reader import Call, Reader
from raggedh5.store.stream import Stream

__all__ = ["Array"]

Values = NDArray[Any]


class Array:
    """A dense array of a file, as `File.create_array` and ``file[name]`` return it.

    Indexing reads only the chunks that are asked for, decoded in parallel.

    Examples
    --------
    >>> import raggedh5 as rh5, numpy as np, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "scan.h5"
    >>> with rh5.File(path, "w") as file:
    ...     frames = file.create_array("frames", shape=(0, 2), dtype="u2")
    ...     frames.append([[1, 2], [3, 4]])
    ...     frames[1]
    array([3, 4], dtype=uint16)
    """

    def __init__(self, handle: Handle, dataset: h5py.Dataset, blocksize: int | None = None) -> None:
        self._handle = handle
        self._h5 = dataset
        self._epoch = handle.epoch
        self._moves = len(handle.sums.moves)
        self._address = address_of(dataset.id)
        self._name = str(dataset.name)
        self._blocksize = blocksize
        self._ranges: RangeReader | None = None

    @property
    def _dataset(self) -> h5py.Dataset:
        if self._epoch != self._handle.epoch:
            self._h5, self._ranges = self._handle.file[self._name], None
            self._epoch = self._handle.epoch
        return self._h5

    @property
    def name(self) -> str:
        """Path of the dataset in the file."""
        if self._handle.is_open:
            with contextlib.suppress(ClosedError):  # where it was before it was removed
                self._keep_up()
            self._name = name_of(self._dataset.id) or self._name
        return self._name

    @property
    def h5(self) -> h5py.Dataset:
        """The HDF5 dataset; appended rows are in it after `File.flush`."""
        return self._dataset

    @property
    def attrs(self) -> h5py.AttributeManager:
        """Attributes of the dataset."""
        self._handle.check_open()
        self._keep_up()
        return self._dataset.attrs

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy dtype."""
        dtype: np.dtype[Any] = self._dataset.dtype
        return dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape, rows not yet flushed included."""
        self._handle.check_open()
        self._keep_up()
        shape = self._handle.steadily(self._shape_in_file)
        writer = self._handle.writer_of(self._address)
        return shape if writer is None else (writer.rows, *shape[1:])

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return self.dtype.itemsize * int(np.prod(self.shape, dtype=np.int64))

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """Shape of a chunk, None where the layout has none."""
        chunks: tuple[int, ...] | None = self._dataset.chunks
        return chunks

    def __len__(self) -> int:
        """Return the length of axis 0."""
        return self.shape[0]

    def __repr__(self) -> str:
        """Say what the array is."""
        if not self._handle.is_open:
            return "<raggedh5.Array (closed)>"
        try:
            shape = self.shape
        except ClosedError:
            return f"<raggedh5.Array {self.name!r} (removed)>"
        return f"<raggedh5.Array {self.name!r}: {self.dtype} of shape {shape}>"

    def truncate(self, rows: int) -> None:
        """Drop the rows behind the first `rows`; fewer than these stay as they are.

        Raises
        ------
        SchemaError
            If `rows` is below 0.
        WriteError
            If the file cannot be written.
        FormatError
            If the chunk that the last of them are in is damaged.
        """
        with self._handle.lock, deferred_signals:
            writer = self._writing_end()
            if rows < 0:
                raise SchemaError(f"{self.name}: a number of rows is 0 or more, not {rows}")
            writer.truncate(rows)

    def append(self, block: Any, *, lent: bool = False) -> None:
        """Append rows along axis 0: all of them, or none.

        Parameters
        ----------
        block
            Array-like (rows, *inner), or (*inner) for a single row. Copied, and converted if its
            dtype is another, but never with a loss beyond rounding.
        lent
            Whether the block stays as it is until `File.flush` or `File.close` has returned. Then
            its chunks are coded from where they are while the next block is made ready.

        Raises
        ------
        SchemaError
            If the block does not fit the array.
        WriteError
            If the file cannot be written.
        """
        handle = self._handle
        with handle.lock, deferred_signals:
            writer = self._writing_end()
            fitting = self._fitting(writer.stream, as_numpy(block))
            handle.appending = True
            try:
                writer.append(fitting, lent)
            finally:
                handle.appending = False
            handle.appended(writer, len(fitting))

    def __getitem__(self, selection: Any) -> Any:
        """Read a part, as h5py does: a new array.

        Integers, slices, an Ellipsis, one list or bool array among them, a bool array of the whole
        shape, names of fields; not `h5py.MultiBlockSlice`.

        Raises
        ------
        IndexError, TypeError
            If the selection does not fit.
        FormatError
            If the file is damaged there.
        CodecError
            If a filter is missing.
        """
        return self._handle.steadily(lambda: self._read_part(selection))

    def read(self) -> Values:
        """Read everything: a new array; see ``array[...]``."""
        return self._handle.steadily(self._read_all)

    def plan(self) -> tuple[list[Call], Call]:
        """Return the calls that read all rows, in any order and thread, and one for the result.

        What has no dataspace holds nothing, and reads as an `h5py.Empty`.
        """
        ranges, shape = self._ranges_now()
        if shape is None:
            return [], lambda: self._dataset[()]
        return ranges.reader.plan_all(tuple(slice(0, n) for n in shape))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Values:
        """Read everything, for `numpy.asarray`."""
        if copy is False:
            raise ValueError("an array in a file cannot be had without a copy")
        return self.read().astype(dtype or self.dtype, copy=False)

    def __reduce__(self) -> Any:
        """Pickle as path and name: the copy opens the file again, for reading."""
        self._handle.check_open()
        self._keep_up()
        return self._handle.reopen, (self._handle.location, self.name)

    def _writing_end(self) -> ArrayWriter:
        handle = self._handle
        handle.check_writable()
        self._keep_up()
        writer = handle.writer_of(self._address)
        if writer is None:
            maxshape = self._dataset.maxshape
            if not self.chunks or not maxshape or maxshape[0] is not None:
                raise SchemaError(f"{self.name} does not grow: it has a fixed shape")
            writer = ArrayWriter(handle, self._dataset, self._blocksize)
            handle.writers[self._address] = writer
        found: ArrayWriter = writer
        return found

    def _fitting(self, stream: Stream, block: Values) -> Values:
        inner, dtype = stream.inner, stream.dtype
        if block.shape == inner:
            block = block[None]
        if block.shape[1:] != inner or block.ndim == 0:
            raise SchemaError(f"{self.name}: rows have shape {inner}, not {block.shape[1:]}")
        if block.dtype == dtype:
            return block
        check_castable(block.dtype, dtype, self.name)
        converted, lost = to_dtype(block, dtype)
        if lost.any():
            row = int(np.argwhere(lost)[0][0])
            raise SchemaError(f"{self.name}, row {row}: a value does not fit {dtype}")
        return converted

    def _keep_up(self) -> None:
        """Read it anew after something was moved or removed."""
        moves = len(self._handle.sums.moves)
        if self._moves != moves:
            self._h5 = self._handle.found_again(self._dataset, self._name)
            self._name = str(self._h5.name)
            self._ranges, self._moves = None, moves

    def _ranges_now(self) -> tuple[RangeReader, tuple[int, ...] | None]:
        """Return what reads the array, and its shape: what another thread appends comes later.

        There is no shape where there is no dataspace.
        """
        handle = self._handle
        handle.check_open()
        dataset = self._dataset
        if self._ranges is not None and not handle.changing:
            return self._ranges, self._pinned(self._ranges.reader.shape)
        with handle.lock, deferred_signals:
            handle.check_open()  # another thread may have closed it while this one waited
            self._keep_up()
            writer = handle.writer_of(self._address)
            if writer is not None:
                writer.flush(sync_only=handle.immediate)
            if self._ranges is None:
                self._ranges = RangeReader(Reader(handle, Facts(dataset)))
            return self._ranges, self._pinned(self._ranges.reader.shape)

    def _read_part(self, selection: Any) -> Any:
        ranges, shape = self._ranges_now()
        if shape is None:
            return self._dataset[selection]
        return read_selection(ranges, shape, selection)

    def _read_all(self) -> Any:
        ranges, shape = self._ranges_now()
        if shape is None:
            return self._dataset[()]
        return ranges.reader.read_all(shape)

    def _shape_in_file(self) -> tuple[int, ...]:
        return self._pinned(self._dataset.shape)

    def _pinned(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return a shape with no more rows than there were at the last refresh."""
        live = self._handle.live
        if live is None or not shape:
            return shape
        return (live.rows(self._address, shape[0]), *shape[1:])
