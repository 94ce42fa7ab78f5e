"""The group of a table and its buffers: the names, attributes and datasets on disk."""

from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

from raggedh5.core.chunks import Access, plan_length
from raggedh5.core.codecs import Blosc, Codec, as_codec
from raggedh5.core.form import TableForm, build_form, parse_form
from raggedh5.core.schema import Column
from raggedh5.errors import FormatError, SchemaError
from raggedh5.store.attributes import set_text
from raggedh5.store.sums import FORMAT_VERSION

__all__ = ["Storage", "create_buffer", "create_group", "is_table", "mark_array", "read_layout"]

ENCODING = "awkward-array"
ENCODING_VERSION = "0.1.0"
ARRAY_ENCODING_VERSION = "0.2.0"


class Storage:
    """How new datasets are stored: codec, bytes of a chunk, the access that is expected."""

    def __init__(
        self, codec: Any = None, chunk_bytes: int = 1 << 19, access: Access = "scan"
    ) -> None:
        self.codec: Codec = as_codec(codec)
        self.chunk_bytes = chunk_bytes
        self.access: Access = access

    def with_codec(self, codec: Any) -> "Storage":
        """Return the same with another codec, unless that is ``"inherit"``."""
        if isinstance(codec, str) and codec == "inherit":
            return self
        return Storage(codec, self.chunk_bytes, self.access)

    @property
    def blocksize(self) -> int | None:
        """Bytes of a Blosc block, None where the codec does not say."""
        return self.codec.blocksize if isinstance(self.codec, Blosc) else None

    def length(self, itemsize: int) -> int:
        """Return the chunk length for items of that many bytes."""
        return plan_length(itemsize, target=self.chunk_bytes, access=self.access)


def create_group(
    parent: h5py.Group, name: str, columns: Mapping[str, Column], ragged: bool
) -> h5py.Group:
    """Create the group of an empty table."""
    if name in parent:
        raise SchemaError(f"{name!r} exists already in {parent.file.filename}")
    group = parent.create_group(name)
    set_text(group.id, "encoding-type", ENCODING)
    set_text(group.id, "encoding-version", ENCODING_VERSION)
    group.attrs["raggedh5-version"] = FORMAT_VERSION
    set_form(group, columns, ragged)
    group.attrs["length"] = np.int64(0)
    return group


def set_form(group: h5py.Group, columns: Mapping[str, Column], ragged: bool) -> TableForm:
    """Write the form of a table, and return it."""
    text = build_form(group.name.rsplit("/", 1)[-1], columns, ragged)
    group.attrs["form"] = text
    return parse_form(text)


def create_buffer(
    group: h5py.Group,
    name: str,
    dtype: np.dtype[Any],
    inner: tuple[int, ...],
    storage: Storage,
    chunks: tuple[int, ...] | None = None,
) -> h5py.Dataset:
    """Create an empty dataset that grows along axis 0."""
    if chunks is None:
        itemsize = dtype.itemsize * int(np.prod(inner, dtype=np.int64))
        chunks = (storage.length(itemsize), *(max(n, 1) for n in inner))
    maxshape = (None, *(n if n else None for n in inner))
    dataset = group.create_dataset(
        name,
        shape=(0, *inner),
        maxshape=maxshape,
        dtype=dtype,
        chunks=chunks,
        **storage.codec.keywords(),
    )
    mark_array(dataset)
    return dataset


def mark_array(dataset: h5py.Dataset) -> None:
    """Mark a dataset as an array in AnnData's encoding."""
    set_text(dataset.id, "encoding-type", "array")
    set_text(dataset.id, "encoding-version", ARRAY_ENCODING_VERSION)


def is_table(item: object) -> bool:
    """Whether an HDF5 object is a group in the awkward-array encoding."""
    if not isinstance(item, h5py.Group):
        return False
    try:
        encoding = item.attrs.get("encoding-type")
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise FormatError(f"{item.name}: its attributes cannot be read: {error}") from error
    return isinstance(encoding, str) and encoding == ENCODING


def read_layout(group: h5py.Group) -> tuple[TableForm, int]:
    """Read form and length of a table, and check that its buffers are there with their dtypes.

    Raises
    ------
    FormatError
        If the form cannot be read, a buffer is missing or of another dtype, or the table was
        written in a newer version of the format.
    """
    try:
        version = int(group.attrs.get("raggedh5-version", FORMAT_VERSION))
        if version > FORMAT_VERSION:
            raise FormatError(
                f"{group.name}: format version {version} is newer than {FORMAT_VERSION}; install "
                "a newer raggedh5"
            )
        form = parse_form(group.attrs["form"])
        length = int(group.attrs["length"])
    except FormatError as error:
        raise FormatError(f"{group.name}: {error}") from error
    except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise FormatError(f"{group.name} is no table: its form or length is missing") from error
    if length < 0:
        raise FormatError(f"{group.name}: a table of {length} rows")
    for name, field in form.fields.items():
        for buffer, dtype in field.buffers().items():
            inner = field.column.shape if buffer == field.values else ()
            _check_buffer(group, name, buffer, dtype, inner)
    if form.offsets is not None and (form.fields or length):
        _check_buffer(group, "offsets", form.offsets, form.offsets_dtype, ())
    return form, length


def _check_buffer(
    group: h5py.Group, column: str, buffer: str, dtype: np.dtype[Any], inner: tuple[int, ...]
) -> None:
    found = group.get(buffer)
    if not isinstance(found, h5py.Dataset):
        raise FormatError(f"{group.name}: column {column!r} has no buffer {buffer!r}")
    if found.dtype.newbyteorder("=") != dtype or found.shape[1:] != inner or found.ndim == 0:
        raise FormatError(
            f"{group.name}/{buffer}: {found.dtype} of inner shape {found.shape[1:]}, but the form "
            f"of column {column!r} says {dtype} of {inner}"
        )
