"""A dense array put together from others, along axis 0."""

import posixpath
from typing import Any

import h5py
from h5py import h5d, h5s

from raggedh5.core.rows import Rows
from raggedh5.errors import FormatError, WriteError
from raggedh5.store.copying.assembly import Assembly, Target
from raggedh5.store.copying.attribute_copy import holds_references
from raggedh5.store.copying.changes import cast
from raggedh5.store.copying.restorage import Restorage
from raggedh5.store.copying.transfer import Transfer
from raggedh5.store.copying.virtual_assembly import VirtualAssembly
from raggedh5.store.facts import Facts
from raggedh5.store.handle import Handle
from raggedh5.store.reader import Reader

__all__ = ["ArrayAssembly", "assemble_array", "by_hdf5", "create_by_hdf5"]

MANY_ROWS = 1 << 14
"""Rows of text or lists that are in memory at once."""


class ArrayAssembly:
    """The writing end of a new array that is put together from others.

    Parameters
    ----------
    target
        What numbers go to; or a dataset that HDF5 writes, of text, lists, or compounds.
    rounding
        Whether floats may be rounded.
    """

    def __init__(self, target: Target | h5py.Dataset, rounding: bool = False) -> None:
        self._target = target
        self._rounding = rounding
        self.rows = 0

    def append(self, handle: Handle, dataset: h5py.Dataset, last: bool = False) -> None:
        """Append all rows of a dataset of an open file; `last`: nothing comes after."""
        count = int(dataset.shape[0])
        if isinstance(self._target, h5py.Dataset):
            by_hdf5(dataset, slice(0, count), self._target, self.rows)
        else:
            facts = Facts(dataset)
            change = cast(facts.dtype, self._target.dtype, facts.name, self._rounding)
            self._target.append(Reader(handle, facts), 0, count, change, last)
        self.rows += count

    def finish(self) -> None:
        """Store what is left."""
        if not isinstance(self._target, h5py.Dataset):
            self._target.finish()


def assemble_array(
    transfer: Transfer,
    path: str,
    like: h5py.Dataset,
    rows: int,
    restorage: Restorage,
    virtual: bool = False,
    dtype: Any = None,
    rounding: bool = False,
) -> ArrayAssembly:
    """Create an empty array, stored like another.

    Parameters
    ----------
    transfer
        From file to file.
    path
        Its path in the target.
    like
        The other array, of one axis or more.
    rows
        How many rows it is to get.
    restorage, dtype
        What is to differ; None for the same dtype.
    virtual
        Whether the values are to be left where they are, as a virtual dataset.
    rounding
        Whether floats may be rounded to another dtype.
    """
    facts = Facts(like)
    group, name = transfer.parent(path), posixpath.basename(path)
    if not facts.numeric:
        return ArrayAssembly(create_by_hdf5(transfer, group, name, facts, rows))

    def create() -> Assembly:
        made = restorage.create(group, name, facts, dtype, grid=True)
        transfer.attributes(facts.id, made.id)
        return Assembly(transfer.target, made, restorage.blocksize)

    if virtual and 0 not in facts.inner:
        return ArrayAssembly(VirtualAssembly(transfer, group, name, facts, create))
    return ArrayAssembly(create(), rounding)


def create_by_hdf5(
    transfer: Transfer, group: h5py.Group, name: str, like: Facts, rows: int
) -> h5py.Dataset:
    """Create a dataset of `rows` rows of anything, stored like another one."""
    maxshape = like.dataset.maxshape
    largest = (None if maxshape[0] is None else max(rows, 1), *maxshape[1:])
    unlimited = tuple(h5s.UNLIMITED if n is None else n for n in largest)
    space = h5s.create_simple((rows, *like.inner), unlimited if like.chunks else None)
    try:
        properties = like.id.get_create_plist()
        made = h5d.create(group.id, name.encode(), like.id.get_type().copy(), space, properties)
    except (OSError, RuntimeError, ValueError) as error:
        raise WriteError(f"{like.name} could not be copied: {error}") from error
    transfer.attributes(like.id, made)
    return h5py.Dataset(made)


def by_hdf5(source: h5py.Dataset, rows: slice | Rows, target: h5py.Dataset, at: int) -> None:
    """Copy rows of anything to a dataset, from its row `at` on, part by part.

    References are left out: they would lead anywhere in another file.
    """
    if holds_references(source.id):
        return
    count = rows.stop - rows.start if isinstance(rows, slice) else len(rows)
    for first in range(0, count, MANY_ROWS):
        last = min(first + MANY_ROWS, count)
        try:
            if isinstance(rows, slice):
                part = source[rows.start + first : rows.start + last]
            else:
                numbers, back = _distinct(rows[first:last])
                part = source[numbers][back]
        except (OSError, RuntimeError, ValueError) as error:
            raise FormatError(f"{source.name} cannot be read: {error}") from error
        try:
            target[at + first : at + last] = part
        except (OSError, RuntimeError) as error:
            raise WriteError(f"{target.name} could not be written: {error}") from error


def _distinct(rows: Rows) -> tuple[Any, Any]:
    """Return row numbers in rising order, as h5py wants them, and where each is wanted."""
    numbers = sorted(set(rows.tolist()))
    places = {number: place for place, number in enumerate(numbers)}
    return numbers, [places[number] for number in rows.tolist()]
