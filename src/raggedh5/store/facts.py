"""What the metadata of a dataset say, read once: each question to HDF5 costs some microseconds."""

import functools
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5i, h5o, h5p, h5t

from raggedh5.core.chunk_codecs import Filter

__all__ = ["Facts", "address_of", "name_of", "pipeline_of"]


class Facts:
    """A dataset and what its metadata say.

    Parameters
    ----------
    dataset
        The dataset.
    name
        Its path in the file, where that is known already.

    Attributes
    ----------
    dataset, id
        The dataset, and its identifier at h5py's low level.
    name : str
        Its path in the file.
    address : int
        Where its header lies: the same by whatever name or link it was reached.
    links : int
        How many hard links lead to it.
    dtype : numpy.dtype
        Of its values.
    shape : tuple of int
        Its extent when this was read; () for one without a dataspace too.
    chunks : tuple of int or None
        Shape of a chunk, None where the layout has none.
    pipeline : tuple
        The filters with the parameters that they completed at creation.
    virtual : bool
        Whether it is made of other datasets.
    """

    __slots__ = (
        "_plain",
        "_type",
        "address",
        "chunks",
        "dataset",
        "dtype",
        "id",
        "links",
        "name",
        "pipeline",
        "shape",
        "virtual",
    )

    def __init__(self, dataset: h5py.Dataset, name: str | None = None) -> None:
        identifier = dataset.id
        properties = identifier.get_create_plist()
        layout = properties.get_layout()
        self.dataset = dataset
        self.id = identifier
        self.name = str(dataset.name) if name is None else name
        info = h5o.get_info(identifier)
        self.address = int(info.addr)
        self.links = int(info.rc)
        self._type = identifier.get_type()
        self._plain: bool | None = None
        self.dtype: np.dtype[Any] = self._type.dtype
        self.shape: tuple[int, ...] = dataset.shape or ()
        self.chunks: tuple[int, ...] | None = (
            properties.get_chunk() if layout == h5d.CHUNKED else None
        )
        self.virtual: bool = layout == h5d.VIRTUAL
        self.pipeline = _filters(properties)

    @property
    def inner(self) -> tuple[int, ...]:
        """Shape of an item along axis 0."""
        return self.shape[1:]

    @property
    def plain(self) -> bool:
        """Whether the file holds the numbers as memory does: no odd precision or padding."""
        if self._plain is None:
            dtype = self.dtype
            self._plain = (
                dtype.kind in "biufcSV"
                and not dtype.hasobject
                and dtype.subdtype is None
                and bool(self._type == _type_of(dtype))
            )
        return self._plain

    @property
    def numeric(self) -> bool:
        """Whether the values are plain numbers, and no text, bytes or compounds."""
        return self.plain and self.dtype.kind in "biufc"


def address_of(identifier: Any, path: str = ".") -> int:
    """Return where the header of an object lies in its file."""
    return int(h5o.get_info(identifier, path.encode()).addr)


def name_of(identifier: Any) -> str | None:
    """Return the path of an object as it is now, None where it has been deleted."""
    name = h5i.get_name(identifier) if identifier else None
    return None if name is None else name.decode("utf-8", "surrogateescape")


def pipeline_of(dataset: h5py.Dataset) -> tuple[Filter, ...]:
    """Return the filters of a dataset, with the parameters that they completed at creation."""
    return _filters(dataset.id.get_create_plist())


def _filters(properties: h5p.PropDCID) -> tuple[Filter, ...]:
    filters = (properties.get_filter(i) for i in range(properties.get_nfilters()))
    return tuple((int(f[0]), tuple(map(int, f[2]))) for f in filters)


def _type_of(dtype: np.dtype[Any]) -> Any:
    if dtype.metadata is None and dtype.names is None:
        return _simple_type(dtype)
    return h5t.py_create(dtype, logical=True)


@functools.cache
def _simple_type(dtype: np.dtype[Any]) -> Any:
    return h5t.py_create(dtype, logical=True)
