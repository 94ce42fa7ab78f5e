"""LZ4, Zstd and Bitshuffle chunks, laid out as the HDF5 filters 32004, 32015 and 32008 do.

The functions called are those of the filters' own shared libraries; `bind` receives their addresses.
All lengths in these formats are big-endian.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memcpy

cimport numpy as cnp

from raggedh5.kernels.coder cimport decoder_t, encoder_t

cnp.import_array()

ctypedef int (*lz4_compress_t)(const char*, char*, int, int, int) noexcept nogil
ctypedef int (*lz4_decompress_t)(const char*, char*, int, int) noexcept nogil
ctypedef size_t (*zstd_compress_t)(void*, size_t, const void*, size_t, int) noexcept nogil
ctypedef size_t (*zstd_decompress_t)(void*, size_t, const void*, size_t) noexcept nogil
ctypedef int64_t (*bshuf_compress_t)(const void*, void*, size_t, size_t, size_t) noexcept nogil
ctypedef int64_t (*bshuf_decompress_t)(const void*, void*, size_t, size_t, size_t) noexcept nogil
ctypedef size_t (*bshuf_block_t)(size_t) noexcept nogil

cdef lz4_compress_t lz4_compress = NULL
cdef lz4_decompress_t lz4_decompress = NULL
cdef zstd_compress_t zstd_compress = NULL
cdef zstd_decompress_t zstd_decompress = NULL
cdef bshuf_compress_t bshuf_compress = NULL
cdef bshuf_decompress_t bshuf_decompress = NULL
cdef bshuf_block_t bshuf_block = NULL

cdef enum:
    LZ4_HEADER = 12
    BITSHUFFLE_HEADER = 12
    BITSHUFFLE_MULTIPLE = 8  # items; what is left over behind the last multiple is stored raw


def bind_lz4(uintptr_t compress, uintptr_t decompress):
    """Receive the addresses of LZ4's functions."""
    global lz4_compress, lz4_decompress
    lz4_compress = <lz4_compress_t>compress
    lz4_decompress = <lz4_decompress_t>decompress


def bind_zstd(uintptr_t compress, uintptr_t decompress):
    """Receive the addresses of Zstd's functions."""
    global zstd_compress, zstd_decompress
    zstd_compress = <zstd_compress_t>compress
    zstd_decompress = <zstd_decompress_t>decompress


def bind_bitshuffle(uintptr_t compress, uintptr_t decompress, uintptr_t block):
    """Receive the addresses of Bitshuffle's functions."""
    global bshuf_compress, bshuf_decompress, bshuf_block
    bshuf_compress = <bshuf_compress_t>compress
    bshuf_decompress = <bshuf_decompress_t>decompress
    bshuf_block = <bshuf_block_t>block


cdef inline uint32_t load32(const uint8_t* p) noexcept nogil:
    return (<uint32_t>p[0] << 24) | (<uint32_t>p[1] << 16) | (<uint32_t>p[2] << 8) | p[3]


cdef inline uint64_t load64(const uint8_t* p) noexcept nogil:
    return (<uint64_t>load32(p) << 32) | load32(p + 4)


cdef inline void store32(uint8_t* p, uint32_t v) noexcept nogil:
    p[0] = <uint8_t>(v >> 24)
    p[1] = <uint8_t>(v >> 16)
    p[2] = <uint8_t>(v >> 8)
    p[3] = <uint8_t>v


cdef inline void store64(uint8_t* p, uint64_t v) noexcept nogil:
    store32(p, <uint32_t>(v >> 32))
    store32(p + 4, <uint32_t>v)


cdef int64_t encode_lz4(
    const uint8_t* s, int64_t n, uint8_t* d, int64_t room, const int64_t* params,
    uint8_t* scratch,
) noexcept nogil:
    """Make blocks of params[0] bytes, each LZ4 or, where that is no shorter, as it is."""
    cdef int64_t at = LZ4_HEADER, done = 0, length, block = params[0]
    cdef int size
    store64(d, n)
    store32(d + 8, <uint32_t>block)
    while done < n:
        length = block if block < n - done else n - done
        size = lz4_compress(
            <const char*>s + done, <char*>d + at + 4, <int>length, <int>length - 1, 1
        )
        if size <= 0:
            memcpy(d + at + 4, s + done, length)
            size = <int>length
        store32(d + at, size)
        at += 4 + size
        done += length
    return at


cdef bint decode_lz4(
    const uint8_t* s, int64_t nsrc, uint8_t* d, int64_t n, const int64_t* params
) noexcept nogil:
    """Decode a chunk of blocks; the total that it states must be `n`."""
    cdef int64_t at = LZ4_HEADER, done = 0, length, block, size
    if nsrc < LZ4_HEADER or load64(s) != <uint64_t>n:
        return False
    block = load32(s + 8)
    if block > n:
        block = n
    if block < 1:
        return n == 0
    while done < n:
        length = block if block < n - done else n - done
        size = load32(s + at) if at + 4 <= nsrc else 0
        at += 4
        if size < 1 or at + size > nsrc:
            return False
        if size == length:
            memcpy(d + done, s + at, length)
        elif lz4_decompress(<const char*>s + at, <char*>d + done, <int>size, <int>length) != length:
            return False
        at += size
        done += length
    return True


cdef int64_t encode_zstd(
    const uint8_t* s, int64_t n, uint8_t* d, int64_t room, const int64_t* params,
    uint8_t* scratch,
) noexcept nogil:
    """Make one Zstd frame of level params[0]."""
    cdef size_t size = zstd_compress(d, room, s, n, <int>params[0])
    return size if size <= <size_t>room else -1


cdef bint decode_zstd(
    const uint8_t* s, int64_t nsrc, uint8_t* d, int64_t n, const int64_t* params
) noexcept nogil:
    """Decode one Zstd frame of `n` bytes."""
    return zstd_decompress(d, n, s, nsrc) == <size_t>n


cdef int64_t encode_bitshuffle(
    const uint8_t* s, int64_t n, uint8_t* d, int64_t room, const int64_t* params,
    uint8_t* scratch,
) noexcept nogil:
    """Bitshuffle and LZ4 of items of params[0] bytes in blocks of params[1] (0: the default)."""
    cdef size_t itemsize = params[0], block = params[1]
    cdef int64_t size
    if block == 0:
        block = bshuf_block(itemsize)
    store64(d, n)
    store32(d + 8, <uint32_t>(block * itemsize))
    size = bshuf_compress(s, d + BITSHUFFLE_HEADER, n // itemsize, itemsize, block)
    return size + BITSHUFFLE_HEADER if size >= 0 else size


cdef int64_t encode_plain(
    const uint8_t* s, int64_t n, uint8_t* d, int64_t room, const int64_t* params,
    uint8_t* scratch,
) noexcept nogil:
    """Copy."""
    memcpy(d, s, n)
    return n


cdef bint decode_bitshuffle(
    const uint8_t* s, int64_t nsrc, uint8_t* d, int64_t n, const int64_t* params
) noexcept nogil:
    """Decode a chunk of items of params[0] bytes.

    Bitshuffle itself does not know where its input ends: the chain of blocks is walked first.
    """
    cdef int64_t at = BITSHUFFLE_HEADER, block, items, blocks, b, itemsize = params[0]
    if nsrc < BITSHUFFLE_HEADER or load64(s) != <uint64_t>n or n % itemsize:
        return False
    block = load32(s + 8) // itemsize
    if block < 1 or block % BITSHUFFLE_MULTIPLE:
        return False
    items = n // itemsize
    blocks = items // block + (items % block >= BITSHUFFLE_MULTIPLE)
    for b in range(blocks):
        if at + 4 > nsrc:
            return False
        at += 4 + load32(s + at)
        if at > nsrc:
            return False
    at += items % BITSHUFFLE_MULTIPLE * itemsize
    if at != nsrc:
        return False
    return bshuf_decompress(s + BITSHUFFLE_HEADER, d, items, itemsize, block) == (
        at - BITSHUFFLE_HEADER
    )


cdef bint decode_plain(
    const uint8_t* s, int64_t nsrc, uint8_t* d, int64_t n, const int64_t* params
) noexcept nogil:
    """Copy."""
    if nsrc != n:
        return False
    memcpy(d, s, n)
    return True


def coders():
    """Return pairs of encoder and decoder for LZ4, Zstd, Bitshuffle and no filter at all."""
    return (
        (<uintptr_t><encoder_t>encode_lz4, <uintptr_t><decoder_t>decode_lz4),
        (<uintptr_t><encoder_t>encode_zstd, <uintptr_t><decoder_t>decode_zstd),
        (<uintptr_t><encoder_t>encode_bitshuffle, <uintptr_t><decoder_t>decode_bitshuffle),
        (<uintptr_t><encoder_t>encode_plain, <uintptr_t><decoder_t>decode_plain),
    )
