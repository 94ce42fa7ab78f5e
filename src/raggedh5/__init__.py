"""Ragged scientific data in plain HDF5, packed and compressed at the speed of the codec."""

from raggedh5.errors import (
    ClosedError,
    CodecError,
    FormatError,
    RaggedH5Error,
    SchemaError,
    WriteError,
)

__all__ = [
    "ClosedError",
    "CodecError",
    "FormatError",
    "RaggedH5Error",
    "SchemaError",
    "WriteError",
]

__version__ = "0.1.0"
