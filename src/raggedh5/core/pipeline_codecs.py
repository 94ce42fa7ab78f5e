"""From the filters of a dataset back to the codec that would make the same."""

from collections.abc import Sequence
from typing import Any

from raggedh5.core.chunk_codecs import Filter
from raggedh5.core.codecs import (
    BLOSC_COMPRESSORS,
    LZ4,
    Bitshuffle,
    Blosc,
    Codec,
    FilterKeywords,
    Zstd,
)
from raggedh5.core.native import BITSHUFFLE, BLOSC
from raggedh5.core.native import LZ4 as LZ4_ID
from raggedh5.core.native import ZSTD as ZSTD_ID

__all__ = ["codec_like", "given_parameters"]

GZIP, SHUFFLE, FLETCHER32, SZIP, LZF = 1, 2, 3, 4, 32000
SZIP_NEAREST = 32
"""Bit of szip's parameters for its method "nn"; the other one is "ec"."""

OF_DTYPE = (5, 6)
"""N-bit and scale-offset, which depend on the bits of the dtype: they cannot be asked for again."""

LEAST = {GZIP: 1, SZIP: 2}
"""Parameters that a filter has at the least."""

COMPLETED_FIRST = {BITSHUFFLE: 3}
"""Filters that put parameters of their own before those that they are given, and how many."""


def given_parameters(filter_id: int, parameters: Sequence[int]) -> tuple[int, ...]:
    """Return what a filter is to be given so that it completes its parameters to these.

    Examples
    --------
    >>> given_parameters(32008, (0, 5, 4, 0, 2)), given_parameters(32015, (3,))
    ((0, 2), (3,))
    """
    return tuple(parameters[COMPLETED_FIRST.get(filter_id, 0) :])


def codec_like(pipeline: Sequence[Filter]) -> Codec:
    """Return a codec that makes such a pipeline; Blosc in place of n-bit and scale-offset.

    Examples
    --------
    >>> codec_like([(32001, (2, 2, 4, 524288, 3, 2, 5))])
    Blosc(compressor='zstd', level=3, shuffle='bit', blocksize=None)
    >>> codec_like([(2, (4,)), (1, (9,))]).keywords()
    {'shuffle': True, 'compression': 'gzip', 'compression_opts': 9}
    >>> codec_like([]).keywords()
    {}
    """
    ids = [filter_id for filter_id, _ in pipeline]
    compressors = [entry for entry in pipeline if entry[0] not in (SHUFFLE, FLETCHER32)]
    if len(compressors) > 1 or any(filter_id in OF_DTYPE for filter_id in ids):
        return Blosc()
    if any(len(parameters) < LEAST.get(filter_id, 0) for filter_id, parameters in pipeline):
        return Blosc()  # the file is damaged, or no filter has made this
    if len(pipeline) == 1 and compressors:
        found = _own(*compressors[0])
        if found is not None:
            return found
    options: dict[str, Any] = {}
    if SHUFFLE in ids:
        options["shuffle"] = True
    if FLETCHER32 in ids:
        options["fletcher32"] = True
    if compressors:
        filter_id, parameters = compressors[0]
        if filter_id == LZF:
            options["compression"] = "lzf"
        elif filter_id == GZIP:
            options |= {"compression": "gzip", "compression_opts": parameters[0]}
        elif filter_id == SZIP:
            method = "nn" if parameters[0] & SZIP_NEAREST else "ec"
            options |= {"compression": "szip", "compression_opts": (method, parameters[1])}
        else:
            given = given_parameters(filter_id, parameters)
            options |= {"compression": filter_id, "compression_opts": given}
    return FilterKeywords(options)


def _own(filter_id: int, parameters: tuple[int, ...]) -> Codec | None:
    """Return a codec of our own, None where there is none that makes the same."""
    if filter_id == BLOSC and len(parameters) > 4:
        # Shuffle and compressor may be left out where they are the filter's own defaults.
        level = parameters[4]
        shuffle = parameters[5] if len(parameters) > 5 else 1
        code = parameters[6] if len(parameters) > 6 else 0
        if code < len(BLOSC_COMPRESSORS) and shuffle < 3 and level < 10:
            names: Any = BLOSC_COMPRESSORS[code], ("none", "byte", "bit")[shuffle]
            return Blosc(names[0], level, names[1])
    if filter_id == LZ4_ID:
        return LZ4(parameters[0] if parameters else 0)
    if filter_id == ZSTD_ID and parameters and 1 <= parameters[0] <= 22:
        return Zstd(parameters[0])
    if filter_id == BITSHUFFLE and len(parameters) > 4 and parameters[4] == 2:
        return Bitshuffle(parameters[3])
    return None
