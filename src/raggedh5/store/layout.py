"""The group of a table and its buffers: the names, attributes and datasets on disk."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import h5py
import numpy as np
from h5py import h5d, h5o

from raggedh5.core.chunks import Access, plan_length
from raggedh5.core.codecs import Blosc, Codec, as_codec
from raggedh5.core.form import TableForm, build_form, parse_form
from raggedh5.core.schema import Column
from raggedh5.errors import FormatError
from raggedh5.store.attributes import get_number, get_text, set_number, set_text
from raggedh5.store.facts import Facts
from raggedh5.store.stored_sums import FORMAT_VERSION

__all__ = [
    "ENCODING",
    "ENCODING_VERSION",
    "Layout",
    "Storage",
    "create_buffer",
    "create_group",
    "form_of",
    "is_table",
    "open_buffers",
    "open_offsets",
    "read_form",
    "read_form_text",
    "read_layout",
    "read_length",
    "set_form",
]

ENCODING = "awkward-array"
ENCODING_VERSION = "0.1.0"
ARRAY_ENCODING_VERSION = "0.2.0"
_UNREADABLE = (KeyError, OSError, RuntimeError, TypeError, ValueError)


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
    group = parent.create_group(name)
    set_text(group.id, "encoding-type", ENCODING)
    set_text(group.id, "encoding-version", ENCODING_VERSION)
    set_number(group.id, "raggedh5-version", FORMAT_VERSION)
    set_form(group, columns, ragged)
    set_number(group.id, "length", 0)
    return group


def set_form(group: h5py.Group, columns: Mapping[str, Column], ragged: bool) -> TableForm:
    """Write the form of a table, and return it."""
    text, form = build_form(group.name.rsplit("/", 1)[-1], columns, ragged)
    set_text(group.id, "form", text)
    return form


def create_buffer(
    group: h5py.Group,
    name: str,
    dtype: np.dtype[Any],
    inner: tuple[int, ...],
    storage: Storage,
    chunks: tuple[int, ...] | None = None,
    fillvalue: Any = None,
) -> Facts:
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
        fillvalue=fillvalue,
        **storage.codec.keywords(),
    )
    set_text(dataset.id, "encoding-type", "array")
    set_text(dataset.id, "encoding-version", ARRAY_ENCODING_VERSION)
    return Facts(dataset)


def is_table(item: object) -> bool:
    """Whether an HDF5 object is a group in the awkward-array encoding."""
    if not isinstance(item, h5py.Group):
        return False
    try:
        return get_text(item.id, "encoding-type") == ENCODING
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise FormatError(f"{item.name}: its attributes cannot be read: {error}") from error


class Layout(NamedTuple):
    """A table as the file has it: its form, its rows, and its buffers by name."""

    form: TableForm
    length: int
    buffers: Mapping[str, Facts]


def read_layout(group: h5py.Group) -> Layout:
    """Read form and length of a table, and check that its buffers are there with their dtypes.

    Raises
    ------
    FormatError
        If the form cannot be read, a buffer is missing or of another dtype, or the table was
        written in a newer version of the format.
    """
    form = read_form(group)
    length = read_length(group)
    buffers = {}
    for name in form.fields:
        buffers.update(open_buffers(group, form, name))
    buffers.update(open_offsets(group, form, length))
    return Layout(form, length, buffers)


def read_form(group: h5py.Group) -> TableForm:
    """Read the form of a table.

    Raises
    ------
    FormatError
        If it cannot be read, or the table was written in a newer version of the format.
    """
    return form_of(read_form_text(group), str(group.name))


def form_of(text: str, path: str) -> TableForm:
    """Return what the text of a form says of the table at `path`, or raise FormatError."""
    try:
        return parse_form(text)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error


def read_form_text(group: h5py.Group) -> str:
    """Read the form of a table as it stands; raise FormatError as `read_form`."""
    path = str(group.name)
    try:
        version = get_number(group.id, "raggedh5-version")
        text = get_text(group.id, "form")
    except _UNREADABLE as error:
        raise FormatError(f"{path} is no table: its form or length cannot be read") from error
    if version is not None and version > FORMAT_VERSION:
        raise FormatError(
            f"{path}: format version {version} is newer than {FORMAT_VERSION}; install a "
            "newer raggedh5"
        )
    if text is None:
        raise FormatError(f"{path} is no table: its form or length is missing")
    return text


def read_length(group: h5py.Group) -> int:
    """Read how many rows a table has.

    Raises
    ------
    FormatError
        If that is missing, or no number of rows.
    """
    path = str(group.name)
    try:
        length = get_number(group.id, "length")
    except _UNREADABLE as error:
        raise FormatError(f"{path} is no table: its form or length cannot be read") from error
    if length is None:
        raise FormatError(f"{path} is no table: its form or length is missing")
    if length < 0:
        raise FormatError(f"{path}: a table of {length} rows")
    return length


def open_buffers(group: h5py.Group, form: TableForm, column: str) -> dict[str, Facts]:
    """Open the buffers of a column and compare them with the form, or raise FormatError."""
    field = form.fields[column]
    buffers = {}
    for buffer, dtype in field.buffers().items():
        inner = field.column.shape if buffer == field.values else ()
        buffers[buffer] = _buffer(group, str(group.name), column, buffer, dtype, inner)
    return buffers


def open_offsets(group: h5py.Group, form: TableForm, length: int) -> dict[str, Facts]:
    """Open the offsets of the rows, where a table has some, or raise FormatError."""
    if form.offsets is None or not (form.fields or length):
        return {}
    dtype = form.offsets_dtype
    return {form.offsets: _buffer(group, str(group.name), "offsets", form.offsets, dtype, ())}


def _buffer(
    group: h5py.Group,
    path: str,
    column: str,
    buffer: str,
    dtype: np.dtype[Any],
    inner: tuple[int, ...],
) -> Facts:
    """Open a buffer and compare it with the form."""
    try:
        found: Any = h5o.open(group.id, buffer.encode())
    except (KeyError, OSError, RuntimeError, ValueError):
        found = None
    # Otherwise it is a link to another file, or there is none at all.
    dataset = h5py.Dataset(found) if isinstance(found, h5d.DatasetID) else group.get(buffer)
    if not isinstance(dataset, h5py.Dataset):
        raise FormatError(f"{path}: column {column!r} has no buffer {buffer!r}")
    try:
        facts = Facts(dataset, f"{path.rstrip('/')}/{buffer}")
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise FormatError(f"{path}/{buffer}: its metadata cannot be read: {error}") from error
    if facts.dtype.newbyteorder("=") != dtype or facts.inner != inner or not facts.shape:
        raise FormatError(
            f"{path}/{buffer}: {facts.dtype} of inner shape {facts.inner}, but the form of column "
            f"{column!r} says {dtype} of {inner}"
        )
    return facts
