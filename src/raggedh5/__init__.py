"""Ragged scientific data in plain HDF5, packed and compressed at the speed of the codec."""

from raggedh5._version import __version__
from raggedh5.core.codecs import LZ4, Bitshuffle, Blosc, Zstd
from raggedh5.core.ragged import Ragged
from raggedh5.core.schema import Column
from raggedh5.errors import (
    ClosedError,
    CodecError,
    FormatError,
    RaggedH5Error,
    SchemaError,
    WriteError,
)
from raggedh5.store.array import Array
from raggedh5.store.dataset import read_dataset, write_dataset
from raggedh5.store.file import File
from raggedh5.store.oneshot import read, write
from raggedh5.store.table import Table

__all__ = [
    "LZ4",
    "Array",
    "Bitshuffle",
    "Blosc",
    "ClosedError",
    "CodecError",
    "Column",
    "File",
    "FormatError",
    "Ragged",
    "RaggedH5Error",
    "SchemaError",
    "Table",
    "WriteError",
    "Zstd",
    "__version__",
    "read",
    "read_dataset",
    "write",
    "write_dataset",
]
