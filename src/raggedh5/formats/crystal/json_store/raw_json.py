"""Structures as JSON: written and read one by one, in either layout of a file."""

import os
import weakref
from functools import partial
from pathlib import Path
from typing import Any

from raggedh5.care.json_text import from_json
from raggedh5.core.codecs import as_codec
from raggedh5.errors import ClosedError, SchemaError
from raggedh5.formats.crystal.json_store.group_layout import GroupLayout
from raggedh5.formats.crystal.json_store.json_input import checked_json, checked_refcode
from raggedh5.formats.crystal.json_store.packed_layout import (
    CODEC,
    PENDING,
    PackedLayout,
    create_packed,
)
from raggedh5.formats.crystal.unknown_refcode import unknown_refcode
from raggedh5.formats.crystal.writing.opened import file_of
from raggedh5.store.file import File
from raggedh5.store.opening import open_file
from raggedh5.store.raw_json import STRUCTURES, layout_of

__all__ = [
    "codec_for",
    "initialize_hdf5_file",
    "layout_in",
    "list_refcodes",
    "prepare",
    "read_raw_json",
    "read_structure",
    "write_structure_group",
]

Layout = GroupLayout | PackedLayout

_layouts: dict[int, tuple[weakref.ref[Any], Layout]] = {}
"""By the number of an open file object, for as long as there is that."""


def initialize_hdf5_file(
    path: str | os.PathLike[str],
    compression: Any = "gzip",
    chunk_size: int = 64,
    *,
    packed: bool = False,
) -> Any:
    """Open a file for structures as JSON; it is made where it is not there.

    Parameters
    ----------
    path
        Path of the file. Structures that it has stay.
    compression
        Of a packed table: a codec as `raggedh5.File` takes it, or None. ``"gzip"``, which
        pipelines give, stands for what suits JSON here, Blosc with Zstd; gzip itself is
        ``{"compression": "gzip"}``. In the group layout nothing is compressed, whatever is given:
        HDF5's filters work on chunks, and a single value of variable length has none.
    chunk_size
        Taken for the sake of pipelines. Groups have no chunks, and those of a table are as long as
        is good for its codec.
    packed
        Whether a file without structures gets one table for all, instead of a group for each. What
        a file has already stays as it is laid out, unless this asks for a table beside groups.

    Returns
    -------
    h5py.File
        Open for reading and writing. Whoever called closes it; everything is in it then.

    Raises
    ------
    SchemaError
        If `compression` is no codec, `chunk_size` no positive number, or `packed` is asked for of
        a file that has structures in groups.
    FormatError
        If the file is something else, or ``/structures`` is.
    WriteError
        If it cannot be written to.

    Examples
    --------
    >>> import json, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "structures.h5"
    >>> with initialize_hdf5_file(path) as h5:
    ...     write_structure_group(h5, "ABACOF", {"space_group": "P-1"})
    ...     json.loads(h5["structures"]["ABACOF"]["raw_json"][()])
    {'space_group': 'P-1'}
    """
    codec = codec_for(compression, chunk_size)
    path = Path(path)
    with File(path, "a") as file:
        prepare(file, packed, codec)
    return open_file(path, "r+", {})[0]


def write_structure_group(h5: Any, refcode: str, raw_json: Any) -> None:
    """Write the JSON of a structure, in place of what there was.

    Parameters
    ----------
    h5
        An `h5py.File` that its owner closes, or a `raggedh5.File`, open for writing. One without
        structures gets ``/structures/<refcode>/raw_json``.
    refcode
        The structure.
    raw_json
        Text that is JSON, as str or UTF-8 bytes, and is stored as it is; or an object that JSON
        can hold, NumPy's arrays and scalars in it. As in Python's json, NaN and the infinities
        are ``NaN``, ``Infinity`` and ``-Infinity``.

    Raises
    ------
    SchemaError
        If the refcode is empty or cannot be the name of a group, or `raw_json` is no JSON. What
        there was is there still.
    WriteError
        If the file cannot be written.
    """
    code = checked_refcode(refcode)
    text = checked_json(raw_json, code)
    known = _layouts.get(id(h5))
    layout = known[1] if known is not None and known[0]() is h5 else layout_in(h5)
    layout.write(code, text)


def read_structure(h5: Any, refcode: str) -> Any:
    """Read a structure: what its JSON stands for, usually a dict.

    Parameters
    ----------
    h5
        An `h5py.File` or a `raggedh5.File`, open for reading or writing.
    refcode
        The structure.

    Raises
    ------
    KeyError
        If there is no such structure; it names those that are called alike.
    FormatError
        If the file is damaged there, or the text is no JSON.
    """
    return from_json(read_raw_json(h5, refcode), f"structure {refcode!r}")


def read_raw_json(h5: Any, refcode: str) -> str:
    """Read the JSON of a structure as text, as it was written.

    Raises
    ------
    KeyError
        If there is no such structure; it names those that are called alike.
    FormatError
        If the file is damaged there.
    """
    layout = layout_in(h5)
    try:
        text = layout.read(checked_refcode(refcode))
    except SchemaError:
        text = None
    if text is None:
        name = h5.path if isinstance(h5, File) else str(h5.file.filename)
        raise unknown_refcode(refcode, layout.refcodes(), name)
    return text


def list_refcodes(h5: Any) -> list[str]:
    """Return the refcodes of all structures, sorted.

    Raises
    ------
    FormatError
        If the file is damaged.
    """
    return sorted(layout_in(h5).refcodes())


def codec_for(compression: Any, chunk_size: int) -> Any:
    """Return the codec of a packed table.

    Raises
    ------
    SchemaError
        If it is none, or the chunk size is no positive number.
    """
    if isinstance(chunk_size, bool) or not isinstance(chunk_size, int) or chunk_size < 1:
        raise SchemaError(f"chunk_size is a positive number, not {chunk_size!r}")
    if isinstance(compression, str) and compression == "gzip":
        return CODEC
    return as_codec(compression)


def prepare(file: File, packed: bool, codec: Any) -> None:
    """Make a place for structures in a file that has none.

    Raises
    ------
    SchemaError
        If there are structures in groups, but a table is asked for.
    FormatError
        If ``/structures`` is something else.
    """
    there = layout_of(file.h5)
    if there is None and PENDING in file:  # its writer was killed when it gave it its name
        file.move(PENDING, STRUCTURES)
        there = layout_of(file.h5)
    if there == "groups" and packed:
        if len(file.h5[STRUCTURES]):
            raise SchemaError(
                f"{file.path} has structures in groups; write packed ones to another file"
            )
        file.remove(STRUCTURES)
        there = None
    if there is None and packed:
        create_packed(file, codec)
    elif there is None:
        file.h5.create_group(STRUCTURES)


def layout_in(h5: Any) -> Layout:
    """Return what reads and writes the structures of a file."""
    layout: Layout
    known = _layouts.get(id(h5))
    if known is not None and known[0]() is h5:
        layout = known[1]
        # What is read live is opened again from time to time.
        if isinstance(layout, PackedLayout) or layout.is_open:
            return layout
    if isinstance(h5, File):
        h5.keys()  # raises where it is closed
        root = h5.h5
    else:
        root = h5
        _check_file(h5)
    packed = layout_of(root) == "packed"
    layout = PackedLayout(file_of(h5)) if packed else GroupLayout(root)
    _layouts[id(h5)] = weakref.ref(h5, partial(_forget, id(h5))), layout
    return layout


def _forget(number: int, _: object, known: dict[int, Any] = _layouts) -> None:
    known.pop(number, None)


def _check_file(h5: Any) -> None:
    """Refuse what is no open file."""
    if not hasattr(h5, "id") or not hasattr(type(h5), "filename"):
        raise SchemaError(f"an open h5py.File or raggedh5.File is wanted, not {type(h5).__name__}")
    if not h5:
        raise ClosedError("the h5py object is closed")
