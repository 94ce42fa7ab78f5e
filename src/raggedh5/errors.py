"""The exceptions that raggedh5 raises: one base, and a kind for each cause.

Each also derives from the built-in exception that it refines, so that code written for h5py or
NumPy (``except ValueError``, ``except OSError``) keeps catching it.
"""

__all__ = [
    "ClosedError",
    "CodecError",
    "FormatError",
    "RaggedH5Error",
    "SchemaError",
    "WriteError",
]


class RaggedH5Error(Exception):
    """Base of every exception that raggedh5 raises on purpose."""


class FormatError(RaggedH5Error, ValueError):
    """The file is not what it says it is: damaged, cut short, or of another kind."""


class SchemaError(RaggedH5Error, ValueError):
    """The batch does not fit the table, or the arguments do not fit each other."""


class CodecError(RaggedH5Error, RuntimeError):
    """A chunk cannot be compressed or decompressed: a filter is missing or failed."""


class WriteError(RaggedH5Error, OSError):
    """The file cannot be written: disk full, no permission, opened for reading only."""


class ClosedError(RaggedH5Error, ValueError):
    """The file was closed before."""
