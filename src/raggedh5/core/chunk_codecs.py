"""Chunks to stored bytes and back, exactly as the HDF5 filter of that id lays them out.

Every `encode` and `decode` runs without the GIL and may be called from several threads.
"""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core import native
from raggedh5.core.codecs import BLOSC_COMPRESSORS
from raggedh5.errors import SchemaError
from raggedh5.kernels import blosc, filters
from raggedh5.kernels.coder import Work
from raggedh5.kernels.fetch import decode, fetch

__all__ = ["BloscChunks", "ChunkCodec", "Filter", "PlainChunks", "Work", "chunk_codec"]

Bytes = NDArray[np.uint8]
Filter = tuple[int, tuple[int, ...]]  # id, parameters as the file has them

BLOSC_HEADER = 16
BLOSC_LARGEST = 2**31 - 1 - BLOSC_HEADER
LZ4_STATE = 1 << 15  # LZ4_sizeofState() is 16 KiB and some; it wants alignment to 8
LZ4_LARGEST = 0x7E000000  # LZ4_MAX_INPUT_SIZE
FILLED = 6
"""Place among the params of the bytes behind which there are zeros."""

_scratch = threading.local()

_BLOSC_LZ4, _BLOSC, _BLOSC_DECODER = blosc.coders()
_LZ4, _ZSTD, _BITSHUFFLE, _PLAIN = filters.coders()


class ChunkCodec:
    """One filter with its parameters, for chunks of `nbytes` bytes.

    Parameters
    ----------
    nbytes
        Bytes of a chunk before it is coded.
    encoder, decoder
        Addresses of the C functions that code and decode it.
    params
        What that wants to know, up to five numbers, and the bytes of a chunk where it decodes them.
    scratch_bytes
        Memory that it needs.

    Attributes
    ----------
    decodes_beginnings : bool
        Whether `fetch` can decode less than a chunk, from its first byte on.
    """

    decodes_beginnings = False

    def __init__(
        self,
        nbytes: int,
        encoder: int,
        decoder: int,
        params: tuple[int, ...] = (),
        scratch_bytes: int = 0,
    ) -> None:
        self.nbytes = nbytes
        self.encoder = encoder
        self.decoder = decoder
        self.params = np.zeros(7, np.int64)
        self.params[: len(params)] = params
        self.params[FILLED] = nbytes
        self.scratch_bytes = scratch_bytes

    def room(self) -> int:
        """Return the most bytes that a stored chunk can have."""
        return self.nbytes

    def work(self, src: Bytes, dst: Bytes, filled: int | None = None) -> Work:
        """Return the coding of `src` (nbytes,) to `dst` (room,), to be done by a `Team`.

        Where no more than the first bytes are `filled`, the others count as zeros; the source has
        to have these itself up to `zeros_from`.
        """
        params = self.params
        if filled is not None:
            params = params.copy()
            params[FILLED] = filled
        return Work(self.encoder, src, dst, params, self.scratch_bytes)

    def zeros_from(self, filled: int) -> int:
        """Return the byte of a chunk from which on zeros need not be in a source."""
        return self.nbytes

    def fetch(
        self,
        descriptor: int,
        address: NDArray[np.int64],
        stored: NDArray[np.int64],
        digest: NDArray[np.uint64],
        place: NDArray[np.int64],
        out: NDArray[Any],
        nbytes: int | None = None,
    ) -> tuple[int, int]:
        """Read chunks from a file, compare their checksums and decode them, without the GIL.

        Parameters
        ----------
        descriptor
            The file, read by position.
        address, stored, digest
            Where each chunk lies, its length there, and its checksum, 0 for those that are not to
            be compared; shape (n,). Checksums want `raggedh5.core.checksum.in_kernels`.
        place
            Where each goes: the byte of `out` that it begins at.
        out
            C-contiguous and writable.
        nbytes
            How much of each chunk is wanted; None for all of it.

        Returns
        -------
        tuple of int
            -1 and 0, or the first of the n that failed and why: 1 the file ends before it, 2 its
            checksum differs, 3 it does not decode.

        Raises
        ------
        SchemaError
            If a length is negative, or a chunk has no place in `out`.
        """
        wanted = self.nbytes if nbytes is None else nbytes
        if (
            not len(address) == len(stored) == len(digest) == len(place)
            or not (out.flags.c_contiguous and out.flags.writeable)
            or stored.min(initial=0) < 0
            or place.min(initial=0) < 0
            or place.max(initial=0) > (out.nbytes - wanted if len(place) else 0)
        ):
            raise SchemaError(f"chunks of {wanted} bytes have no place in {out.nbytes} bytes")
        room = scratch("stored", int(stored.max(initial=1)))
        return fetch(
            descriptor,
            address,
            stored,
            digest,
            self.decoder,
            self.params,
            place,
            wanted,
            out,
            room,
        )

    def encode(self, src: Bytes, dst: Bytes) -> int:
        """Write the stored form of `src` (nbytes,) to `dst` (room,); return its length or 0."""
        return max(self.work(src, dst).run(), 0)

    def decode(self, src: Bytes, nsrc: int, dst: Bytes) -> bool:
        """Fill `dst` (nbytes,) from ``src[:nsrc]``; return False where these bytes are damaged."""
        return decode(self.decoder, self.params, src, nsrc, dst)


class PlainChunks(ChunkCodec):
    """No filter: the stored bytes are the chunk."""

    def __init__(self, nbytes: int) -> None:
        super().__init__(nbytes, *_PLAIN)


class BloscChunks(ChunkCodec):
    """Blosc 1 frames (filter 32001); see `raggedh5.core.codecs.Blosc` for what `level` means."""

    decodes_beginnings = True

    def __init__(
        self,
        nbytes: int,
        typesize: int,
        level: int,
        shuffle: int,
        compressor: str,
        blocksize: int | None = None,
    ) -> None:
        typesize = typesize if typesize < 256 else 1
        block = min(blocksize or max(1 << 14, typesize << 12), nbytes)
        # Only whole items fall into equal planes; what is left over makes a last, short block.
        block = max(block - block % typesize if block > typesize else block, 1)
        self._block = block
        self.own = (
            compressor == "lz4"
            and level > 0
            and (typesize == 1 or shuffle == 1)
            and typesize in (1, 2, 4, 8)
            and shuffle != 2
        )
        if self.own:
            # In 32nds: what a byte plane may keep, and what a chunk must lose, to be compressed.
            keep, gain = (26, 4) if level < 6 else (31, 1) if level < 9 else (32, 0)
            params = (level, typesize, block, keep, gain, nbytes)
            super().__init__(nbytes, _BLOSC_LZ4, _BLOSC_DECODER, params, block + 64 + LZ4_STATE)
        else:
            code = BLOSC_COMPRESSORS.index(compressor)
            super().__init__(
                nbytes, _BLOSC, _BLOSC_DECODER, (level, shuffle, typesize, block, code, nbytes)
            )

    def room(self) -> int:
        """See `ChunkCodec`."""
        return self.nbytes + BLOSC_HEADER

    def zeros_from(self, filled: int) -> int:
        """See `ChunkCodec`."""
        return (
            min(-(-filled // self._block) * self._block, self.nbytes) if self.own else self.nbytes
        )


class LZ4Chunks(ChunkCodec):
    """LZ4 (filter 32004), in blocks of `blocksize` bytes, 0: the filter's own default of 1 GiB."""

    def __init__(self, nbytes: int, blocksize: int = 0) -> None:
        self.blocksize = min(blocksize or 1 << 30, nbytes)
        super().__init__(nbytes, *_LZ4, (self.blocksize,))

    def room(self) -> int:
        """See `ChunkCodec`."""
        return self.nbytes + 12 + 4 * (self.nbytes // self.blocksize + 1)


class ZstdChunks(ChunkCodec):
    """Zstandard (filter 32015)."""

    def __init__(self, nbytes: int, level: int) -> None:
        super().__init__(nbytes, *_ZSTD, (level,))

    def room(self) -> int:
        """See `ChunkCodec`; ``ZSTD_compressBound`` with a margin."""
        return self.nbytes + self.nbytes // 256 + 1024


class BitshuffleChunks(ChunkCodec):
    """Bitshuffle with LZ4 (filter 32008), in blocks of `blocksize` items, 0: its own choice."""

    def __init__(self, nbytes: int, itemsize: int, blocksize: int = 0) -> None:
        super().__init__(nbytes, *_BITSHUFFLE, (itemsize, blocksize))
        self.itemsize = itemsize

    def room(self) -> int:
        """See `ChunkCodec`; LZ4's bound for the smallest blocks there are, of 8 items."""
        blocks = self.nbytes // (8 * self.itemsize) + 1
        return self.nbytes + self.nbytes // 255 + 20 * blocks + 64


def chunk_codec(
    pipeline: tuple[Filter, ...], nbytes: int, itemsize: int, blocksize: int | None = None
) -> ChunkCodec | None:
    """Return the codec for chunks of `nbytes` bytes that pass through this filter pipeline.

    Parameters
    ----------
    pipeline
        The filters in the order of writing: id and parameters, as read back from the dataset.
    nbytes, itemsize
        Bytes of a chunk, and of one number in it.
    blocksize
        Bytes of a Blosc block for chunks to be written; the file does not record it.

    Returns
    -------
    ChunkCodec or None
        None where only HDF5 itself can code such chunks: several filters in a row, a filter that
        is not known here, or one whose library is not there.
    """
    if not pipeline:
        return PlainChunks(nbytes)
    if len(pipeline) > 1 or not native.available(pipeline[0][0]):
        return None
    filter_id, parameters = pipeline[0]
    return _MAKERS[filter_id](parameters, nbytes, itemsize, blocksize)


def scratch(name: str, nbytes: int) -> Bytes:
    """Return this thread's own buffer of that name, of at least `nbytes` bytes, aligned to 64."""
    buffers: dict[str, Bytes] = _scratch.__dict__
    held = buffers.get(name)
    if held is None or held.size < nbytes:
        raw = np.empty(nbytes + 64, np.uint8)
        start = -raw.ctypes.data % 64
        held = buffers[name] = raw[start : start + nbytes]
    return held


def _blosc(
    cd: tuple[int, ...], nbytes: int, itemsize: int, blocksize: int | None
) -> ChunkCodec | None:
    # cd: filter version, Blosc version, typesize, chunk bytes, level, shuffle, compressor
    if len(cd) < 4 or nbytes > BLOSC_LARGEST or not cd[2]:
        return None
    level = cd[4] if len(cd) > 4 else 5
    shuffle = cd[5] if len(cd) > 5 else 1
    compressor = cd[6] if len(cd) > 6 else 0
    if compressor >= len(BLOSC_COMPRESSORS):
        return None
    return BloscChunks(nbytes, cd[2], level, shuffle, BLOSC_COMPRESSORS[compressor], blocksize)


def _lz4(
    cd: tuple[int, ...], nbytes: int, itemsize: int, blocksize: int | None
) -> ChunkCodec | None:
    return LZ4Chunks(nbytes, cd[0] if cd else 0) if nbytes <= LZ4_LARGEST else None


def _zstd(
    cd: tuple[int, ...], nbytes: int, itemsize: int, blocksize: int | None
) -> ChunkCodec | None:
    return ZstdChunks(nbytes, cd[0] if cd else 3)


def _bitshuffle(
    cd: tuple[int, ...], nbytes: int, itemsize: int, blocksize: int | None
) -> ChunkCodec | None:
    # cd: major, minor, itemsize, block in items, compressor (0 none, 2 LZ4, 3 Zstd), level
    if len(cd) < 5 or cd[4] != 2 or nbytes > LZ4_LARGEST or not cd[2] or nbytes % cd[2]:
        return None
    return BitshuffleChunks(nbytes, cd[2], cd[3])


_MAKERS: dict[int, Callable[[tuple[int, ...], int, int, int | None], ChunkCodec | None]] = {
    native.BLOSC: _blosc,
    native.LZ4: _lz4,
    native.ZSTD: _zstd,
    native.BITSHUFFLE: _bitshuffle,
}
