"""A virtual dataset put together from others, which stay where they are."""

import contextlib
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from h5py import h5d, h5p, h5s
from numpy.typing import NDArray

from raggedh5.errors import WriteError
from raggedh5.store.copying.assembly import Assembly, Change
from raggedh5.store.copying.transfer import Transfer
from raggedh5.store.facts import Facts
from raggedh5.store.file import File
from raggedh5.store.handle import Handle
from raggedh5.store.reader import Reader
from raggedh5.store.virtual import virtual_name

__all__ = ["VirtualAssembly"]


class Stretch(NamedTuple):
    """Items of a dataset in another file."""

    file: str
    path: str
    shape: tuple[int, ...]
    start: int
    stop: int


class VirtualAssembly:
    """Notes down which items of which datasets it is made of, and becomes a virtual dataset.

    Where items have to be changed on their way, as the codes of dictionaries that differ, it is an
    ordinary `Assembly` from then on, beginning with what was noted down.

    Parameters
    ----------
    transfer
        From file to file.
    group, name
        Where it goes.
    like
        A dataset of the same dtype and inner shape, which gives its attributes.
    create
        Makes the ordinary one.
    skip
        Attributes that are left out.
    """

    def __init__(
        self,
        transfer: Transfer,
        group: h5py.Group,
        name: str,
        like: Facts,
        create: Callable[[], Assembly],
        skip: Collection[str] = (),
    ) -> None:
        self._transfer = transfer
        self._group = group
        self._name = name
        self._like = like
        self._create = create
        self._skip = tuple(skip)
        self._stretches: list[Stretch] = []
        self._count = 0
        self._real: Assembly | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the dataset."""
        return self._like.dtype

    @property
    def count(self) -> int:
        """Items so far."""
        return self._count if self._real is None else self._real.count

    def append(
        self,
        source: Reader,
        start: int,
        stop: int,
        change: Change | None = None,
        last: bool = False,
    ) -> None:
        """Append the items start:stop of a dataset; see `Assembly.append`."""
        if self._real is None and change is None and source.dtype == self.dtype:
            if stop > start:
                file = os.path.realpath(source.dataset.file.filename)
                name = str(source.dataset.name)
                self._stretches.append(Stretch(file, name, source.shape, start, stop))
                self._count += stop - start
            return
        self._made_real().append(source, start, stop, change, last)

    def put(self, values: NDArray[Any]) -> None:
        """Append items from memory."""
        self._made_real().put(values)

    def finish(self) -> None:
        """Create the dataset, or store what is left of the ordinary one."""
        if self._real is not None or not self._stretches:
            self._made_real().finish()
            return
        inner = self._like.inner
        folder = Path(self._transfer.target_path).parent
        properties = h5p.create(h5p.DATASET_CREATE)
        space = h5s.create_simple((self._count, *inner))
        at = 0
        zeros = (0,) * len(inner)
        for file, path, shape, start, stop in self._stretches:
            space.select_hyperslab((at, *zeros), (stop - start, *inner))
            source = h5s.create_simple(shape)
            source.select_hyperslab((start, *zeros), (stop - start, *inner))
            name = virtual_name(_relative(file, folder))
            properties.set_virtual(space, os.fsencode(name), virtual_name(path).encode(), source)
            at += stop - start
        space.select_all()
        kind = self._like.id.get_type().copy()
        try:
            made = h5d.create(self._group.id, self._name.encode(), kind, space, properties)
        except (OSError, RuntimeError, ValueError) as error:
            raise WriteError(f"{self._name} could not be created: {error}") from error
        self._transfer.attributes(self._like.id, made, self._skip)

    def _made_real(self) -> Assembly:
        """Return the ordinary one, made now if there is none yet."""
        if self._real is None:
            self._real = self._create()
            for file, path, _, start, stop in self._stretches:
                with contextlib.ExitStack() as stack:
                    opened = stack.enter_context(File(file))
                    handle = Handle(opened.h5.file, verify="always", adopted=True)
                    stack.callback(handle.release)
                    self._real.append(Reader(handle, Facts(opened.h5[path])), start, stop)
            self._stretches.clear()
        return self._real


def _relative(file: str, folder: Path) -> str:
    """Return the path of a file from a folder on, with slashes; whole where it is elsewhere."""
    try:
        return Path(os.path.relpath(file, os.path.realpath(folder))).as_posix()
    except ValueError:  # another drive
        return file
