"""Blosc 1 frames: made by c-blosc's context calls or by our own loops, and decoded.

The functions called are those of the shared library that the HDF5 filter itself is in; `bind`
receives their addresses.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from raggedh5.kernels.coder cimport decoder_t, encoder_t
from raggedh5.kernels.frames cimport (
    BITSHUFFLED,
    FILLED,
    HEADER,
    LARGEST_BLOCK,
    LZ4_FORMAT,
    MAX_SPLITS,
    MAX_TYPESIZE,
    NBYTES,
    PROBES,
    SHUFFLED,
    STORED,
    UNSPLIT,
    ZSTD_FORMAT,
    load32,
    store32,
    streams,
)
from raggedh5.kernels.shuffle cimport rh5_join, rh5_shuffle

ctypedef int (*compress_ctx_t)(
    int, int, size_t, size_t, const void*, void*, size_t, const char*, size_t, int
) noexcept nogil
ctypedef int (*decompress_ctx_t)(const void*, void*, size_t, int) noexcept nogil
ctypedef int (*validate_t)(const void*, size_t, size_t*) noexcept nogil
ctypedef int (*lz4_compress_t)(
    void*, const char*, char*, int, int, int
) noexcept nogil
ctypedef int (*lz4_decompress_t)(const char*, char*, int, int) noexcept nogil
ctypedef size_t (*zstd_decompress_t)(void*, size_t, const void*, size_t) noexcept nogil

cdef const char** NAMES = ["blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd"]

cdef compress_ctx_t compress_ctx = NULL
cdef decompress_ctx_t decompress_ctx = NULL
cdef validate_t cbuffer_validate = NULL
cdef lz4_compress_t lz4_compress = NULL
cdef lz4_decompress_t lz4_decompress = NULL
cdef zstd_decompress_t zstd_decompress = NULL

def bind(
    uintptr_t compress,
    uintptr_t decompress,
    uintptr_t validate,
    uintptr_t lz4_c,
    uintptr_t lz4_d,
    uintptr_t zstd_d,
):
    """Receive the addresses of the C functions; each stays in place for the process's life."""
    global compress_ctx, decompress_ctx, cbuffer_validate
    global lz4_compress, lz4_decompress, zstd_decompress
    compress_ctx = <compress_ctx_t>compress
    decompress_ctx = <decompress_ctx_t>decompress
    cbuffer_validate = <validate_t>validate
    lz4_compress = <lz4_compress_t>lz4_c
    lz4_decompress = <lz4_decompress_t>lz4_d
    zstd_decompress = <zstd_decompress_t>zstd_d


cdef int64_t encode_by_c(
    const uint8_t* src, int64_t n, uint8_t* dst, int64_t room, const int64_t* params,
    uint8_t* scratch,
) noexcept nogil:
    """Compress as the filter does. Params: level, shuffle, typesize, blocksize, compressor."""
    return compress_ctx(
        <int>params[0], <int>params[1], params[2], n, src, dst, room, NAMES[params[4]], params[3], 1
    )


cdef int64_t encode_block(
    const uint8_t* s, uint8_t* d, int64_t room, int64_t n, int typesize, int nsplits, int accel,
    uint8_t* shuffled, void* state, uint8_t* shrinks, int limit, int64_t* saved,
) noexcept nogil:
    """Append one block's streams at `d`; return their length, or -1 where `room` does not do.

    Without a source (NULL) it is one of zeros, and all of its streams are compressed. With a `limit` every stream is tried, and marked in `shrinks` where it comes to `limit` bytes or
    less, what it lost being added to `saved`; without one (0) only the marked ones are.
    """
    cdef int64_t plane = n // nsplits, at = 0
    cdef int k, size
    cdef bint zeros = s == NULL
    if zeros:
        memset(shuffled, 0, n)
        s = shuffled
    elif typesize > 1:
        rh5_shuffle(s, shuffled, n, typesize)
        s = shuffled
    for k in range(nsplits):
        if at + 4 + plane > room:
            return -1
        size = 0
        if nsplits == 1 or limit or zeros or shrinks[k]:
            size = lz4_compress(
                state, <const char*>s + k * plane, <char*>d + at + 4, <int>plane, <int>plane - 1,
                accel,
            )
            if 0 < size <= limit:
                shrinks[k] = 1
                saved[0] += plane - size
        if size <= 0:
            memcpy(d + at + 4, s + k * plane, plane)
            size = <int>plane
        store32(d + at, size)
        at += 4 + size
    return at


cdef int64_t encode_lz4(
    const uint8_t* s, int64_t n, uint8_t* d, int64_t room, const int64_t* params,
    uint8_t* scratch,
) noexcept nogil:
    """Make a byte-shuffled LZ4 frame that spends no time on byte planes that hardly shrink.

    Params: level, typesize, blocksize, keep, gain, and `FILLED`: blocks behind these bytes are made
    of zeros. The middle, the last and the first full block of others are tried whole; a plane that
    comes to more than `keep` 32nds of its length in all three is stored as it is in every other.
    Where the others lose no more than `gain` 32nds of the three blocks, the frame of a chunk that
    is filled is a stored one. The scratch has room for a block and, behind it at a multiple of 64,
    for LZ4's state; `room` is the chunk and a header.
    """
    cdef int level = <int>params[0], typesize = <int>params[1]
    cdef int64_t blocksize = params[2], keep = params[3], gain = params[4]
    cdef uint8_t* shuffled = scratch
    cdef void* state = shuffled + (blocksize + 63) // 64 * 64
    cdef int64_t size = 0, b, length, saved = 0, filled = params[FILLED]
    cdef int64_t nblocks = (n + blocksize - 1) // blocksize, full = n // blocksize
    cdef int64_t whole = filled // blocksize, first_of_zeros = (filled + blocksize - 1) // blocksize
    cdef int64_t at = HEADER + 4 * nblocks, end = n + HEADER
    cdef uint8_t[MAX_SPLITS] shrinks
    cdef int accel = 10 - level if level < 9 else 1
    cdef int nsplits = streams(blocksize, typesize, True)
    cdef int limit = <int>(blocksize // nsplits * keep // 32)
    cdef bint selective = nsplits > 1 and whole > PROBES
    memset(shrinks, 0, MAX_SPLITS)
    if selective:
        # These two write where the frame's first block will stand, only to fill `shrinks`.
        encode_block(s + whole // 2 * blocksize, d + at, end - at, blocksize, typesize,
                     nsplits, accel, shuffled, state, shrinks, limit, &saved)
        encode_block(s + (whole - 1) * blocksize, d + at, end - at, blocksize, typesize,
                     nsplits, accel, shuffled, state, shrinks, limit, &saved)
    for b in range(nblocks):
        if at >= end:
            break
        store32(d + HEADER + 4 * b, <uint32_t>at)
        length = blocksize if b < full else n - b * blocksize
        if first_of_zeros < b < full:
            if at + size >= end:
                at = end
                break
            memcpy(d + at, d + at - size, size)
            at += size
            continue
        size = encode_block(
            s + b * blocksize if b < first_of_zeros else NULL, d + at, end - at, length, typesize,
            nsplits if b < full else 1, accel, shuffled, state, shrinks,
            limit if b == 0 or not selective else 0, &saved,
        )
        if size < 0:
            at = end
            break
        at += size
        if b == 0 and selective and filled == n and saved * 32 <= PROBES * blocksize * gain:
            at = end
            break
    d[0] = 2
    d[1] = 1
    d[2] = (SHUFFLED if typesize > 1 else 0) | (LZ4_FORMAT << 5) | (
        UNSPLIT if nsplits == 1 and typesize > 1 else 0
    )
    d[3] = <uint8_t>typesize
    if at >= end:
        d[2] |= STORED
        memcpy(d + HEADER, s, filled)
        memset(d + HEADER + filled, 0, n - filled)
        at = end
    store32(d + 4, <uint32_t>n)
    store32(d + 8, <uint32_t>blocksize)
    store32(d + 12, <uint32_t>at)
    return at


cdef bint decode_by_c(const uint8_t* s, int64_t nbytes, uint8_t* d, int64_t room) noexcept nogil:
    """Let c-blosc decompress a frame, aside where only its beginning is wanted."""
    cdef uint8_t* whole = d if room == nbytes else <uint8_t*>malloc(nbytes)
    cdef bint fine = whole != NULL and decompress_ctx(s, whole, nbytes, 1) == nbytes
    if whole != d:
        if fine:
            memcpy(d, whole, room)
        free(whole)
    return fine


cdef bint decode(
    const uint8_t* s, int64_t n, uint8_t* d, int64_t room, const int64_t* params
) noexcept nogil:
    """Decompress a frame of any compressor; only its beginning where there is room for no more."""
    cdef uint8_t[LARGEST_BLOCK] planes, last
    cdef size_t size = 0
    cdef int64_t nbytes = params[NBYTES], blocksize, nblocks, b, begin, length
    cdef uint8_t* to
    if n < HEADER or cbuffer_validate(s, n, &size) < 0 or <int64_t>size != nbytes or room > nbytes:
        return False
    if s[2] & STORED:
        if n != HEADER + nbytes:
            return False
        memcpy(d, s + HEADER, room)
        return True
    blocksize = load32(s + 8)
    if not frame_ok(s, n, n, nbytes) or blocksize > LARGEST_BLOCK:
        return decode_by_c(s, nbytes, d, room)
    for b in range((room + blocksize - 1) // blocksize):
        begin = load32(s + HEADER + 4 * b)
        length = blocksize
        if (b + 1) * blocksize > nbytes:
            length = nbytes - b * blocksize
        to = d + b * blocksize
        if b * blocksize + length > room:
            to = last
        if not decode_block(s, s + begin, n - begin, length, length == blocksize, planes, to):
            return False
        if to == last:
            memcpy(d + b * blocksize, last, room - b * blocksize)
    return True


def coders():
    """Return the addresses of `encode_lz4`, `encode_by_c` and `decode`."""
    return (
        <uintptr_t><encoder_t>encode_lz4,
        <uintptr_t><encoder_t>encode_by_c,
        <uintptr_t><decoder_t>decode,
    )


cdef bint frame_ok(const uint8_t* h, int64_t n, int64_t stored, int64_t nbytes) noexcept nogil:
    """Whether ``h[:n]`` begins a frame of `stored` bytes, holding `nbytes`, that we can decode."""
    cdef int64_t blocksize = load32(h + 8), nblocks, b, start
    cdef int kind = h[2] >> 5
    if h[0] != 2 or load32(h + 4) != nbytes or load32(h + 12) != stored:
        return False
    if h[2] & STORED:
        return stored == nbytes + HEADER
    if h[2] & BITSHUFFLED or not (kind == LZ4_FORMAT or kind == ZSTD_FORMAT):
        return False
    if blocksize < 1 or blocksize > nbytes or h[3] < 1:
        return False
    nblocks = (nbytes + blocksize - 1) // blocksize
    if n < HEADER + 4 * nblocks:
        return False
    for b in range(nblocks):
        start = load32(h + HEADER + 4 * b)
        if start < HEADER + 4 * nblocks or start >= stored:
            return False
    return True


cdef bint decode_block(
    const uint8_t* h, const uint8_t* s, int64_t room, int64_t n, bint whole, uint8_t* planes,
    uint8_t* d,
) noexcept nogil:
    """Decode the block whose streams stand in ``s[:room]`` to ``d[:n]``; False: damaged.

    Planes that are stored as they are get interleaved from where they lie.
    """
    cdef const uint8_t* lie[MAX_TYPESIZE]
    cdef int typesize = h[3], k, kind = h[2] >> 5
    cdef int nsplits = 1 if h[2] & UNSPLIT else streams(n, typesize, whole)
    cdef bint shuffled = h[2] & SHUFFLED and typesize > 1
    cdef int64_t plane = n // nsplits, at = 0, size, joined
    cdef uint8_t* to
    if plane * nsplits != n:
        return False
    for k in range(nsplits):
        if at + 4 > room:
            return False
        size = load32(s + at)
        at += 4
        if size < 1 or at + size > room:
            return False
        to = (planes if shuffled else d) + k * plane
        lie[k] = to
        if size == plane:
            if shuffled:
                lie[k] = s + at
            else:
                memcpy(to, s + at, plane)
        elif kind == LZ4_FORMAT:
            if lz4_decompress(<const char*>s + at, <char*>to, <int>size, <int>plane) != plane:
                return False
        elif zstd_decompress(to, plane, s + at, size) != <size_t>plane:
            return False
        at += size
    if shuffled:
        joined = n // typesize
        if nsplits == 1:  # the planes follow one another, and then what makes no whole item
            for k in range(typesize - 1, -1, -1):
                lie[k] = lie[0] + k * joined
            memcpy(d + joined * typesize, lie[0] + joined * typesize, n - joined * typesize)
        rh5_join(lie, d, joined, typesize)
    return True
