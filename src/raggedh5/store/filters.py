"""HDF5 filter pipelines as data, and where the filter libraries lie."""

import functools
from typing import Any

import h5py
import hdf5plugin

from raggedh5.core import native
from raggedh5.core.checksum import in_kernels
from raggedh5.core.chunk_codecs import ChunkCodec, Filter, chunk_codec
from raggedh5.errors import CodecError

__all__ = ["codec_of", "explain", "is_plain", "missing_filters", "pipeline_of"]

_NAMES = {
    "blosc": native.BLOSC,
    "lz4": native.LZ4,
    "zstd": native.ZSTD,
    "bshuf": native.BITSHUFFLE,
}


@functools.cache
def load_libraries() -> None:
    """Bind the codecs to the libraries that hdf5plugin has registered with HDF5."""
    in_kernels()
    paths: dict[str, Any] = hdf5plugin.get_config().registered_filters
    native.load({_NAMES[name]: str(path) for name, path in paths.items() if name in _NAMES})


def pipeline_of(dataset: h5py.Dataset) -> tuple[Filter, ...]:
    """Return the filters of a dataset, with the parameters that they completed at creation."""
    properties = dataset.id.get_create_plist()
    filters = (properties.get_filter(i) for i in range(properties.get_nfilters()))
    return tuple((int(f[0]), tuple(int(v) for v in f[2])) for f in filters)


def is_plain(dataset: h5py.Dataset) -> bool:
    """Whether the file holds the numbers as memory does: no odd precision, padding or reference."""
    dtype = dataset.dtype
    if dtype.kind not in "biufcSV" or dtype.hasobject or dtype.subdtype is not None:
        return False
    return bool(dataset.id.get_type() == h5py.h5t.py_create(dtype, logical=True))


def codec_of(
    pipeline: tuple[Filter, ...], nbytes: int, itemsize: int, blocksize: int | None = None
) -> ChunkCodec | None:
    """Return what codes the chunks of such a dataset, None where only HDF5 can."""
    load_libraries()
    return chunk_codec(pipeline, nbytes, itemsize, blocksize)


def missing_filters(pipeline: tuple[Filter, ...]) -> list[int]:
    """Return the ids of the filters that this HDF5 library does not have."""
    return [filter_id for filter_id, _ in pipeline if not h5py.h5z.filter_avail(filter_id)]


def explain(path: str, pipeline: tuple[Filter, ...], error: Exception) -> CodecError:
    """Return an error that says why a dataset cannot be decoded or encoded."""
    missing = missing_filters(pipeline)
    if missing:
        return CodecError(
            f"{path}: HDF5 filter {missing[0]} is not available here; install the plugin that "
            "has it (most are in hdf5plugin) or set HDF5_PLUGIN_PATH"
        )
    return CodecError(f"{path}: HDF5 cannot code a chunk: {error}")
