"""Datasets, attributes and links from one file to another, chunks as the bytes that are stored."""

import contextlib
from collections.abc import Container
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5o, h5p, h5s

from raggedh5.core.checksum import checksum
from raggedh5.core.pipeline_codecs import given_parameters
from raggedh5.errors import FormatError
from raggedh5.store.copying.attribute_copy import attribute_names, copy_attribute
from raggedh5.store.copying.link_copy import link_properties
from raggedh5.store.damage import PROBLEMS
from raggedh5.store.facts import Facts, pipeline_of
from raggedh5.store.handle import Handle
from raggedh5.store.pieces import Piece, Pieces

__all__ = [
    "copy_attributes",
    "copy_object",
    "copy_values",
    "create_like",
    "has_objects",
]


def copy_attributes(source: Any, target: Any, skip: Container[str] = ()) -> list[str]:
    """Copy the attributes of an object that read; return why others do not."""
    try:
        names = attribute_names(source.id)
    except PROBLEMS as error:
        return [f"its attributes cannot be listed: {error}"]
    problems = []
    for key in names:
        name = key.decode("utf-8", "surrogateescape")
        if name in skip:
            continue
        try:
            if copy_attribute(source.id, target.id, key):
                target.attrs.get(name)  # its type may be such as nobody can read
            else:
                problems.append(f"attribute {name!r} leads to objects by reference: left out")
        except PROBLEMS as error:
            problems.append(f"attribute {name!r} cannot be copied: {error}")
            with contextlib.suppress(*PROBLEMS):  # half of it may be there
                h5a.delete(target.id, key)
    return problems


def create_like(facts: Facts, parent: h5py.Group, name: str) -> h5py.Dataset:
    """Create an empty dataset of the same type, shape, chunks, filters and fill value.

    Nothing else is taken from the creation properties of the old one: they may name other files.

    Raises
    ------
    FormatError
        If HDF5 refuses that, or a filter makes other parameters of those that it had.
    """
    try:
        old = facts.id.get_create_plist()
        new = h5p.create(h5p.DATASET_CREATE)
        new.set_obj_track_times(False)
        if old.fill_value_defined() == h5d.FILL_VALUE_USER_DEFINED:
            fill = np.zeros((), facts.dtype)
            old.get_fill_value(fill)
            new.set_fill_value(fill)
        if facts.chunks:
            new.set_chunk(facts.chunks)
            for i in range(old.get_nfilters()):
                code, flags, parameters, _ = old.get_filter(i)
                new.set_filter(code, flags, given_parameters(code, parameters))
        maxshape = facts.dataset.maxshape
        limits = tuple(h5s.UNLIMITED if n is None else n for n in maxshape or ())
        space = h5s.create_simple(facts.shape, limits) if facts.shape else h5s.create(h5s.SCALAR)
        kind = facts.id.get_type().copy()
        key = name.encode("utf-8", "surrogateescape")
        created = h5py.Dataset(h5d.create(parent.id, key, kind, space, new, link_properties(key)))
    except PROBLEMS as error:
        raise FormatError(f"{facts.name} cannot be created anew: {error}") from error
    if pipeline_of(created) != facts.pipeline:
        del parent[name]
        raise FormatError(f"{facts.name}: its filters cannot be set up anew")
    return created


def copy_values(
    pieces: Pieces, target: h5py.Dataset, handle: Handle, skip: Container[int] = ()
) -> list[tuple[int, int]]:
    """Copy what a dataset holds to one that `create_like` has made.

    Chunks are copied as the bytes that are stored, and get checksums.

    Parameters
    ----------
    pieces
        The dataset.
    target
        Where it goes.
    handle
        The file of that.
    skip
        Numbers of chunks that are left out.

    Returns
    -------
    list of tuple
        Ranges of rows that could not be read; they have the fill value.
    """
    chunk_map = pieces.map
    if chunk_map is None:
        return [lost for piece in pieces.all() for lost in _copy_rows(pieces, piece, target)]
    sums = handle.sums.of(Facts(target), fresh=True)
    lost = []
    for number in np.flatnonzero(pieces.stored).tolist():
        place = tuple(s.start for s in pieces.chunk(number).box)
        if place[0] >= target.shape[0]:
            continue
        try:
            stored = None if number in skip else chunk_map.fetch(number)
        except FormatError:
            stored = None
        if stored is None:
            rows = pieces.chunk(number).box[0]
            lost.append((rows.start, rows.stop))
            continue
        target.id.write_direct_chunk(place, stored, int(chunk_map.mask[number]))
        sums.put(number, checksum(stored))
    return lost


def copy_object(source: Any, parent: h5py.Group, name: str) -> None:
    """Have HDF5 copy an object that nothing is known of here.

    Raises
    ------
    FormatError
        If it cannot.
    """
    try:
        h5o.copy(source.id, b".", parent.id, name.encode("utf-8", "surrogateescape"))
    except PROBLEMS as error:
        raise FormatError(f"{source.name} cannot be copied: {error}") from error


def has_objects(facts: Facts) -> bool:
    """Whether the values lead elsewhere in the file, as strings of variable length do."""
    return bool(facts.dtype.hasobject)


def _copy_rows(pieces: Pieces, piece: Piece, target: h5py.Dataset) -> list[tuple[int, int]]:
    """Copy a piece of a dataset without chunks, row by row where it does not read as a whole."""
    selection: Any = piece.box if piece.box else ()
    try:
        target[selection] = pieces.read(piece)
    except PROBLEMS:
        if not piece.box:
            return [(0, 1)]
    else:
        return []
    lost = []
    for row in range(piece.box[0].start, piece.box[0].stop):
        box = (slice(row, row + 1), *piece.box[1:])
        try:
            target[box] = pieces.reader.read(box)
        except PROBLEMS:
            lost.append((row, row + 1))
    return lost
