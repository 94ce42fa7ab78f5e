"""The files that crystal structures are being written to."""

import weakref
from typing import Any

from raggedh5.errors import SchemaError
from raggedh5.formats.crystal.fields import SCHEMA
from raggedh5.formats.crystal.schema import Schema
from raggedh5.formats.crystal.writing.structures import REFCODES, Structures
from raggedh5.store.file import File

__all__ = ["file_of", "known_file", "structures_of"]

_files: dict[int, tuple[Any, File]] = {}
"""By the number of its owner's h5py object, which this keeps until it is closed."""

_structures: weakref.WeakKeyDictionary[File, Structures] = weakref.WeakKeyDictionary()


def file_of(h5: Any) -> File:
    """Return the file that an `h5py.File` is, as this library writes to it; one for all callers.

    Parameters
    ----------
    h5
        An `h5py.File` that its owner closes, or a `raggedh5.File`.

    Raises
    ------
    SchemaError
        If it is neither.
    """
    if isinstance(h5, File):
        return h5
    known = _files.get(id(h5))
    if known is not None and known[0] is h5 and known[1].is_open:
        return known[1]
    if not hasattr(h5, "id"):
        raise SchemaError(f"an open h5py.File or raggedh5.File is wanted, not {type(h5).__name__}")
    try:
        file = File(h5, "r+", buffered=True)
    except (TypeError, ValueError) as error:
        raise SchemaError(f"an open h5py.File is wanted: {error}") from error
    if file.h5.mode != "r":  # one that is read is not brought to its end by us
        _files[id(h5)] = h5, file
        file.before_close(lambda: _files.pop(id(h5), None) and None)
    return file


def known_file(path: Any, options: dict[str, Any]) -> tuple[File, bool]:
    """Return a file to read, and whether it was opened here.

    One that is being written to here has brought what was written to the file.
    """
    if isinstance(path, File):
        return path, False
    known = _files.get(id(path))
    if known is not None and known[0] is path and known[1].is_open:
        return known[1], False
    return File(path, **options), True


def structures_of(h5: Any, schema: Schema = SCHEMA) -> Structures:
    """Return the tables of a file that was initialized.

    Raises
    ------
    SchemaError
        If it was not.
    """
    file = file_of(h5)
    found = _structures.get(file)
    if found is None:
        if REFCODES not in file:
            raise SchemaError(
                f"{file.path} does not say which structures there are: call "
                "DatasetInitializer(h5_out, refcodes, dims).initialize_datasets() first"
            )
        found = _structures[file] = Structures(file, schema)
    return found
