"""Short names for HDF5 filter pipelines, for people to read.

The ids are those of HDF5 itself and of the HDF Group's registry of filters:
https://github.com/HDFGroup/hdf5_plugins/blob/master/docs/RegisteredFilterPlugins.md
"""

from collections.abc import Sequence

from raggedh5.core.chunk_codecs import Filter
from raggedh5.core.codecs import BLOSC_COMPRESSORS
from raggedh5.core.native import BITSHUFFLE, BLOSC, LZ4, ZSTD

__all__ = ["pipeline_name"]

_NAMES = {
    1: "gzip",
    2: "shuffle",
    3: "fletcher32",
    4: "szip",
    5: "nbit",
    6: "scaleoffset",
    307: "bzip2",
    32000: "lzf",
    32013: "zfp",
    32017: "sz",
    32024: "sz3",
    32026: "blosc2",
    LZ4: "lz4",
    ZSTD: "zstd",
}
_BITSHUFFLE = {2: "-lz4", 3: "-zstd"}


def pipeline_name(pipeline: Sequence[Filter]) -> str:
    """Return a short name: the filters in the order in which they are applied, ``"none"`` for none.

    Examples
    --------
    >>> pipeline_name([(32001, (2, 2, 4, 524288, 5, 1, 1))])
    'blosc-lz4'
    >>> pipeline_name([(2, (4,)), (1, (9,))]), pipeline_name([(999, ())]), pipeline_name([])
    ('shuffle+gzip', 'filter-999', 'none')
    """
    return "+".join(_name(*entry) for entry in pipeline) or "none"


def _name(filter_id: int, parameters: tuple[int, ...]) -> str:
    if filter_id == BLOSC:
        # Blosc's parameters end after the size of a chunk where its default, BloscLZ, is used.
        code = parameters[6] if len(parameters) > 6 else 0
        known = code < len(BLOSC_COMPRESSORS)
        return f"blosc-{BLOSC_COMPRESSORS[code] if known else code}"
    if filter_id == BITSHUFFLE:
        return "bitshuffle" + _BITSHUFFLE.get(parameters[4] if len(parameters) > 4 else 0, "")
    return _NAMES.get(filter_id, f"filter-{filter_id}")
