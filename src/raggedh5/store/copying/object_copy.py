"""Whole datasets copied from file to file, with every property, and stored chunks as they are.

HDF5 has `H5Ocopy` for this. It is as fast (600 MB in chunks of 512 KiB: within some percent of
`read` and `write_direct_chunk`, on a disk and in memory), but with HDF5 2.0 it aborts the process
where the disk is full, and nothing in it compares checksums. So it is used only where a filter is
missing without which HDF5 does not create a dataset.
"""

import math
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5o, h5s

from raggedh5.core.checksum import UNKNOWN
from raggedh5.errors import FormatError, RaggedH5Error, WriteError
from raggedh5.store.chunkmap import ChunkMap
from raggedh5.store.copying.attribute_copy import holds_references
from raggedh5.store.copying.chunk_copy import copy_chunks
from raggedh5.store.copying.twins import create_exact
from raggedh5.store.facts import Facts
from raggedh5.store.handle import Handle

__all__ = ["copy_dataset", "verify_dataset"]

SHARE = 64
"""Chunks that a thread verifies in one go."""

PART = 1 << 24
"""Bytes of a dataset without chunks that are in memory at once."""

FEW = 1 << 14
"""Rows of text or lists that are in memory at once."""


def copy_dataset(
    source: Handle, dataset: h5py.Dataset, target: Handle, group: h5py.Group, name: str
) -> Facts:
    """Copy a dataset with its checksums, without its attributes.

    References in it lead nowhere afterwards.

    Parameters
    ----------
    source, dataset
        An open file, and a dataset in it.
    target, group, name
        Another open file, and where the copy goes.

    Raises
    ------
    FormatError
        If a chunk does not agree with its checksum, or HDF5 cannot read the dataset.
    WriteError
        If the file cannot be written.
    """
    old = Facts(dataset)
    if old.chunks:
        source.sums.of(old).check_fingerprint()
    made = create_exact(group, name, old)
    if made is None:
        return _copy_by_hdf5(source, old, target, group, name)
    if old.virtual or dataset.shape is None or 0 in dataset.shape or holds_references(old.id):
        return made
    if old.chunks and not old.dtype.hasobject:
        sums = target.sums.of(made, fresh=True)
        copy_chunks(ChunkMap(source, old), 0, old.shape[0], made.id, made.name, sums)
        sums.save()
    else:
        _copy_values(old, made)
    return made


def verify_dataset(handle: Handle, facts: Facts) -> None:
    """Compare all chunks of a dataset with the checksums that there are, in threads.

    Raises
    ------
    FormatError
        If one differs.
    """
    sums = handle.sums.of(facts)
    sums.check_fingerprint()
    known = np.flatnonzero(sums.values != UNKNOWN)
    if not len(known):
        return
    if handle.changing:
        facts.id.flush()
    chunk_map = ChunkMap(handle, facts)
    known = known[known < len(chunk_map.address)]
    shares = (known[first : first + SHARE] for first in range(0, len(known), SHARE))
    handle.pool.map([partial(_compare, chunk_map, share) for share in shares])


def _compare(chunk_map: ChunkMap, numbers: Any) -> None:
    for number in numbers.tolist():
        chunk_map.fetch(number)


def _copy_values(old: Facts, made: Facts) -> None:
    """Copy what lies in no chunks, or is text and lists, which HDF5 keeps elsewhere."""
    if old.dtype.hasobject:
        step = FEW
    else:
        row = old.dtype.itemsize * math.prod(old.inner)
        step = max(PART // max(row, 1), 1)
    kind = old.id.get_type().copy()
    count = old.shape[0] if old.shape else 1
    for first in range(0, count, step):
        last = min(first + step, count)
        spaces: tuple[Any, Any] = h5s.ALL, h5s.ALL
        shape: tuple[int, ...] = ()
        if old.shape:
            shape = (last - first, *old.inner)
            inside = h5s.create_simple(old.shape)
            inside.select_hyperslab((first, *(0 for _ in old.inner)), shape)
            spaces = h5s.create_simple(shape), inside
        held = None if old.dtype.hasobject else kind
        values: Any = np.empty(shape, old.dtype if held is None else f"V{kind.get_size()}")
        try:
            old.id.read(*spaces, values, held)
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            raise FormatError(f"{old.name} cannot be read: {error}") from error
        try:
            made.id.write(*spaces, values, held)
        except (OSError, RuntimeError) as error:
            raise WriteError(f"{made.name} could not be written: {error}") from error


def _copy_by_hdf5(
    source: Handle, old: Facts, target: Handle, group: h5py.Group, name: str
) -> Facts:
    """Copy a dataset that cannot be created here."""
    size = int(old.id.get_storage_size())
    folder = Path(target.location).parent
    if shutil.disk_usage(folder).free < size + size // 8:
        raise WriteError(f"{old.name} could not be copied: {folder} has no room for it")
    try:
        h5o.copy(old.id, b".", group.id, name.encode("utf-8", "surrogateescape"))
        made = Facts(group[name])
    except (OSError, RuntimeError, ValueError) as error:
        raise FormatError(f"{old.name} could not be copied: {error}") from error
    if not old.chunks:
        return made
    before, after = source.sums.of(old), target.sums.of(made, fresh=True)
    for number in np.flatnonzero(before.values != UNKNOWN).tolist():
        after.put(number, before.get(number))
    try:
        verify_dataset(target, made)
    except RaggedH5Error:
        verify_dataset(source, old)  # the message is to name what was damaged before
        raise
    after.save()
    return made
