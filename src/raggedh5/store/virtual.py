"""Virtual datasets: which items lie in which other file, each read through a reader of its own.

HDF5 gives the fill value, without a word, where a source is missing, cannot be opened or is too
short. Here that is an error; and the sources' checksums are compared, and their chunks decoded in
threads, as those of any other dataset.
"""

import functools
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from h5py import h5f, h5s
from numpy.typing import NDArray

from raggedh5.errors import FormatError
from raggedh5.store.facts import Facts
from raggedh5.store.handle import Handle
from raggedh5.store.links import access_to_others

__all__ = ["Piece", "VirtualParts", "virtual_name", "virtual_parts"]

PREFIX = "HDF5_VDS_PREFIX"
"""Environment variable with a folder that HDF5 looks for sources in first."""


EVERYTHING = (0, -1)

DEEPEST = 16
"""Virtual files that may lead to one another."""


class Piece(NamedTuple):
    """Items of a virtual dataset that lie in one source, or in none (`reader` is None).

    Attributes
    ----------
    start, stop
        The items.
    reader
        The reader of the source.
    first
        Number of the first of them there.
    """

    start: int
    stop: int
    reader: Any
    first: int


class Mapping(NamedTuple):
    """One stretch of a virtual dataset, as its creation properties list it."""

    start: int
    stop: int
    file: str
    path: str
    first: int


def virtual_name(name: str) -> str:
    """Return a name as virtual datasets spell it: HDF5 takes ``%b`` for a number.

    Examples
    --------
    >>> virtual_name("100%.h5")
    '100%%.h5'
    """
    return name.replace("%", "%%")


def virtual_parts(
    handle: Handle, facts: Facts, reader_of: Callable[[Handle, Facts], Any]
) -> "VirtualParts | None":
    """Return the parts of a virtual dataset that is made of whole items, one run after the other.

    None for any other, which HDF5 reads; its sources must be there all the same.

    Raises
    ------
    FormatError
        If its properties cannot be read, or a source of one that HDF5 reads is missing.
    """
    properties = facts.id.get_create_plist()
    mappings: list[Mapping] = []
    simple = True
    try:
        for i in range(properties.get_virtual_count()):
            file = properties.get_virtual_filename(i)
            path = properties.get_virtual_dsetname(i)
            target = _run(properties.get_virtual_vspace(i), facts.inner)
            source = _run(properties.get_virtual_srcspace(i), facts.inner)
            simple &= "%" not in f"{file}{path}".replace("%%", "")
            if target is not None and source == EVERYTHING:
                source = 0, target[1]
            if target is None or source is None or target[1] != source[1]:
                simple, target, source = False, (0, 0), (0, 0)
            start, count = target
            file, path = file.replace("%%", "%"), path.replace("%%", "%")
            mappings.append(Mapping(start, start + count, file, path, source[0]))
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise FormatError(f"{facts.name}: its virtual layout cannot be read: {error}") from error
    ordered = sorted(mappings)
    simple &= all(a.stop <= b.start for a, b in itertools.pairwise(ordered))
    if simple:
        return VirtualParts(handle, facts, ordered, reader_of)
    for mapping in mappings:
        if "%" not in mapping.file:
            _find(handle, facts, mapping)
    return None


class VirtualParts:
    """The sources of one virtual dataset, opened when they are first asked for.

    Parameters
    ----------
    handle, facts
        The virtual dataset.
    mappings
        Its stretches, in order.
    reader_of
        Makes the reader of a source.
    """

    def __init__(
        self,
        handle: Handle,
        facts: Facts,
        mappings: list[Mapping],
        reader_of: Callable[[Handle, Facts], Any],
    ) -> None:
        self.handle = handle
        self.facts = facts
        self._mappings = mappings
        self._stops = np.array([mapping.stop for mapping in mappings], np.int64)
        self._reader_of = reader_of
        self._readers: dict[int, Any] = {}

    def pieces(self, start: int, stop: int) -> list[Piece]:
        """Return what the items start:stop are made of, in order and without a gap."""
        found = []
        number = int(np.searchsorted(self._stops, start, "right"))
        while start < stop:
            mapping = self._mappings[number] if number < len(self._mappings) else None
            if mapping is None or start < mapping.start:  # nothing is mapped there
                end = stop if mapping is None else min(stop, mapping.start)
                found.append(Piece(start, end, None, 0))
            else:
                end = min(stop, mapping.stop)
                first = mapping.first + start - mapping.start
                found.append(Piece(start, end, self._reader(number), first))
                number += 1
            start = end
        return found

    def plan(self, out: NDArray[Any], box: tuple[slice, ...]) -> list[Callable[[], Any]]:
        """Return the calls that together fill `out` with a hyperslab; see `Reader.plan`."""
        calls: list[Callable[[], Any]] = []
        begin = box[0].start
        for start, stop, reader, first in self.pieces(begin, box[0].stop):
            part = out[start - begin : stop - begin]
            if reader is None:
                part[...] = self.facts.dataset.fillvalue
            elif reader.dtype != self.facts.dtype:  # HDF5 converts it
                calls.append(functools.partial(self._by_hdf5, part, start, stop, box))
            else:
                calls += reader.plan(part, (slice(first, first + stop - start), *box[1:]))
        return calls

    def _reader(self, number: int) -> Any:
        with self.handle.lock:  # of two threads one opens the file
            found = self._readers.get(number)
            if found is None:
                found = self._readers[number] = self._open(self._mappings[number])
        return found

    def _open(self, mapping: Mapping) -> Any:
        """Return the reader of a source, once it is what the mapping says."""
        handle = _open(self.handle, self.facts, mapping)
        where = f"{self.facts.name}: {mapping.path!r} of its part {mapping.file!r}"
        try:
            item = handle.file[mapping.path]
            facts = Facts(item) if isinstance(item, h5py.Dataset) else None
        except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
            raise FormatError(f"{where} cannot be opened: {error}") from error
        needed = mapping.first + mapping.stop - mapping.start
        if facts is None or facts.inner != self.facts.inner or facts.shape[0] < needed:
            raise FormatError(f"{where} has changed: {needed} items are not there any more")
        if facts.virtual and (mapping.file == "." or _depth(handle) > DEEPEST):
            raise FormatError(f"{where} is virtual again, and may lead back to itself")
        return self._reader_of(handle, facts)

    def _by_hdf5(self, out: NDArray[Any], start: int, stop: int, box: tuple[slice, ...]) -> None:
        try:
            out[...] = self.facts.dataset[(slice(start, stop), *box[1:])]
        except (OSError, RuntimeError) as error:
            raise FormatError(f"{self.facts.name} cannot be read: {error}") from error


def _depth(handle: Handle) -> int:
    """Return how many virtual files led to a file."""
    depth = 0
    while handle.lender is not None:
        handle, depth = handle.lender, depth + 1
    return depth


def _run(space: Any, inner: tuple[int, ...]) -> tuple[int, int] | None:
    """Return first item and number of items of a selection of whole items, None for any other."""
    if space.get_select_type() == h5s.SEL_ALL:
        return EVERYTHING  # how much that is, the file does not say
    if space.get_select_type() != h5s.SEL_HYPERSLABS or len(space.shape) != len(inner) + 1:
        return None
    low, high = space.get_select_bounds()
    shape = tuple(int(b) - int(a) + 1 for a, b in zip(low, high, strict=True))
    whole = any(low[1:]) or shape[1:] != inner or int(np.prod(shape)) != space.get_select_npoints()
    return None if whole else (int(low[0]), shape[0])


def _find(handle: Handle, facts: Facts, mapping: Mapping) -> Path:
    """Return where a source lies; HDF5 looks for it in the same places."""
    if mapping.file == ".":
        return Path(handle.path)
    name = Path(mapping.file)
    here = Path(handle.location)
    folders = [here.parent, Path(os.path.realpath(here)).parent, Path()]
    prefix = os.environ.get(PREFIX, "").replace("${ORIGIN}", str(here.parent))
    for folder in [Path(part) for part in prefix.split(":") if part] + folders:
        if (folder / name).is_file():
            return folder / name
        if name.is_absolute() and (folder / name.name).is_file():
            return folder / name.name
    raise FormatError(
        f"{facts.name}: its items {mapping.start}:{mapping.stop} lie in {mapping.file!r}, which is "
        f"not there; {handle.path} is virtual and needs its parts where they were beside it"
    )


def _open(handle: Handle, facts: Facts, mapping: Mapping) -> Handle:
    """Return the handle of a source's file, opened in the way that the virtual one was."""
    if mapping.file == ".":
        return handle
    found = handle.parts.get(mapping.file)
    if found is None:
        path = _find(handle, facts, mapping)
        try:
            name = os.fsencode(path)
            access = access_to_others(handle.file)
            file = h5py.File(h5f.open(name, h5f.ACC_RDONLY, fapl=access))
        except (OSError, RuntimeError, ValueError) as error:
            raise FormatError(
                f"{facts.name}: its items {mapping.start}:{mapping.stop} lie in {path}, which "
                f"cannot be opened: {error}"
            ) from error
        found = handle.parts[mapping.file] = Handle(
            file, threads=handle.pool.threads, verify=handle.verify, adopted=True, read_only=True
        )
        found.lender = handle
    return found
