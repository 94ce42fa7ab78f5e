"""The C functions of the filter libraries, found once and handed to the kernels.

hdf5plugin's shared libraries export the public functions of the codecs that they carry. Called
from the kernels, these run without the GIL, without HDF5's lock and, for Blosc, without the
process-wide lock that the filter function itself takes.
"""

import ctypes
from collections.abc import Callable, Mapping

from raggedh5.kernels import blosc, filters

__all__ = ["BITSHUFFLE", "BLOSC", "LZ4", "ZSTD", "available", "load"]

BLOSC = 32001
LZ4 = 32004
BITSHUFFLE = 32008
ZSTD = 32015

_SYMBOLS: dict[int, tuple[Callable[..., None], tuple[str, ...]]] = {
    BLOSC: (
        blosc.bind,
        (
            "blosc_compress_ctx",
            "blosc_decompress_ctx",
            "blosc_cbuffer_validate",
            "LZ4_compress_fast_extState",
            "LZ4_decompress_safe",
            "ZSTD_decompress",
        ),
    ),
    LZ4: (filters.bind_lz4, ("LZ4_compress_fast", "LZ4_decompress_safe")),
    ZSTD: (filters.bind_zstd, ("ZSTD_compress", "ZSTD_decompress")),
    BITSHUFFLE: (
        filters.bind_bitshuffle,
        ("bshuf_compress_lz4", "bshuf_decompress_lz4", "bshuf_default_block_size"),
    ),
}

# A library that were unloaded would leave the kernels with dangling addresses.
_loaded: dict[int, ctypes.CDLL] = {}


def load(libraries: Mapping[int, str]) -> None:
    """Bind the kernels to the shared libraries, by HDF5 filter id.

    A library that cannot be opened, or lacks a function, is passed over: chunks of that filter
    then go through HDF5's own pipeline.
    """
    for filter_id, path in libraries.items():
        if filter_id in _loaded or filter_id not in _SYMBOLS:
            continue
        bind, names = _SYMBOLS[filter_id]
        try:
            library = ctypes.CDLL(path)
            addresses = [ctypes.cast(library[name], ctypes.c_void_p).value or 0 for name in names]
        except (OSError, AttributeError):
            continue
        bind(*addresses)
        _loaded[filter_id] = library


def available(filter_id: int) -> bool:
    """Whether chunks of this filter can be coded outside HDF5."""
    return filter_id in _loaded
