"""Objects of one file copied into another by HDF5 itself, and compared with their checksums.

`H5Ocopy` copies stored chunks as they are, without a look at their filters, also where these are
not installed, and keeps every property of a dataset. Reading the chunks by position and storing
them with `write_direct_chunk` took as long within some percent (600 MB in chunks of 512 KiB, on a
disk and in memory), so datasets that are copied whole are left to HDF5. What it wrote is read back
then and compared with the checksums of the source: damage on the way, or before, is not passed on.
"""

from functools import partial
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5o

from raggedh5.core.checksum import UNKNOWN
from raggedh5.errors import FormatError, WriteError
from raggedh5.store.chunkmap import ChunkMap
from raggedh5.store.facts import Facts
from raggedh5.store.handle import Handle

__all__ = ["copy_dataset", "verify_dataset"]

SHARE = 64
"""Chunks that a thread verifies in one go."""


def copy_dataset(
    source: Handle, dataset: h5py.Dataset, target: Handle, group: h5py.Group, name: str
) -> Facts:
    """Copy a dataset with everything that belongs to it, and its checksums.

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
    try:
        h5o.copy(dataset.id, b".", group.id, name.encode())
    except (OSError, RuntimeError, ValueError) as error:
        where = f"{dataset.name} could not be copied: {error}"
        if "write" in str(error):
            raise WriteError(where) from error
        raise FormatError(where) from error
    identifier: Any = h5o.open(group.id, name.encode())
    made = Facts(h5py.Dataset(identifier))
    if isinstance(identifier, h5d.DatasetID) and made.chunks:
        _carry_checksums(source, Facts(dataset), target, made)
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


def _carry_checksums(source: Handle, old: Facts, target: Handle, made: Facts) -> None:
    before = source.sums.of(old)
    before.check_fingerprint()
    if not before.known:
        return
    after = target.sums.of(made, fresh=True)
    for number in np.flatnonzero(before.values != UNKNOWN).tolist():
        after.put(number, before.get(number))
    verify_dataset(target, made)
    after.save()
