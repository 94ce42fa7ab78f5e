"""HDF5 filter pipelines as data, and where the filter libraries lie."""

import functools
import math
from typing import Any

import h5py
import hdf5plugin

from raggedh5.core import native
from raggedh5.core.checksum import in_kernels
from raggedh5.core.chunk_codecs import ChunkCodec, Filter, chunk_codec
from raggedh5.errors import CodecError
from raggedh5.store.facts import Facts

__all__ = ["codec_of", "explain", "missing_filters"]

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


def codec_of(facts: Facts, blocksize: int | None = None) -> ChunkCodec | None:
    """Return what codes the chunks of a dataset, None where only HDF5 can.

    Parameters
    ----------
    facts
        The dataset.
    blocksize
        Bytes of a Blosc block for chunks to be written, None for the default.
    """
    if not facts.chunks or not facts.plain or facts.virtual:
        return None
    load_libraries()
    itemsize = facts.dtype.itemsize
    return chunk_codec(facts.pipeline, itemsize * math.prod(facts.chunks), itemsize, blocksize)


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
