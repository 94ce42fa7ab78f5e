"""Blosc 1 frames: whole ones through c-blosc's context calls, blocks of them by our own loops.

The frame is the one that c-blosc's ``README_CHUNK_FORMAT.rst`` describes: a header of 16 bytes
(version, LZ version, flags, typesize; then nbytes, blocksize, cbytes as little-endian uint32), the
start of every block (int32), and for each block one stream a byte plane, or one for all of it:
int32 length, then the bytes, stored as they are where they would not shrink.

The functions called are those of the shared library that the HDF5 filter itself is in; `bind`
receives their addresses.
"""

from cpython.ref cimport Py_INCREF
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uintptr_t
from libc.string cimport memcpy, memset

cimport cython
cimport numpy as cnp

from raggedh5.kernels.coder cimport decoder_t, encoder_t
from raggedh5.kernels.pread cimport rh5_pread

cnp.import_array()

cdef extern from * nogil:
    """
    #include <stddef.h>
    #include <stdint.h>
    #include <string.h>

    #if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
    #define RH5_CLONES __attribute__((target_clones("avx2", "default")))
    #else
    #define RH5_CLONES
    #endif

    /* Constant strides let the compiler turn these loops into vector interleaves. */
    RH5_CLONES static void rh5_shuffle2(const uint8_t *restrict s, uint8_t *restrict d, size_t n) {
        uint8_t *restrict d0 = d, *restrict d1 = d + n;
        for (size_t i = 0; i < n; i++) { d0[i] = s[2 * i]; d1[i] = s[2 * i + 1]; }
    }
    RH5_CLONES static void rh5_shuffle4(const uint8_t *restrict s, uint8_t *restrict d, size_t n) {
        uint8_t *restrict d0 = d, *restrict d1 = d + n, *restrict d2 = d + 2 * n,
                *restrict d3 = d + 3 * n;
        for (size_t i = 0; i < n; i++) {
            uint32_t v;
            memcpy(&v, s + 4 * i, 4);
            d0[i] = (uint8_t)v; d1[i] = (uint8_t)(v >> 8);
            d2[i] = (uint8_t)(v >> 16); d3[i] = (uint8_t)(v >> 24);
        }
    }
    RH5_CLONES static void rh5_shuffle8(const uint8_t *restrict s, uint8_t *restrict d, size_t n) {
        for (size_t i = 0; i < n; i++) {
            uint64_t v;
            memcpy(&v, s + 8 * i, 8);
            d[i] = (uint8_t)v; d[n + i] = (uint8_t)(v >> 8);
            d[2 * n + i] = (uint8_t)(v >> 16); d[3 * n + i] = (uint8_t)(v >> 24);
            d[4 * n + i] = (uint8_t)(v >> 32); d[5 * n + i] = (uint8_t)(v >> 40);
            d[6 * n + i] = (uint8_t)(v >> 48); d[7 * n + i] = (uint8_t)(v >> 56);
        }
    }
    /* Interleave 16 bytes of each of t planes, t a power of two: every round of unpacking doubles
       the run of bytes that belong together. */
    #ifdef __SSE2__
    #include <emmintrin.h>
    #define RH5_STEP 16
    static inline void rh5_join_step(
        const uint8_t *const *p, uint8_t *d, size_t i, const int t
    ) {
        __m128i a[8], b[8];
        for (int k = 0; k < t; k++) a[k] = _mm_loadu_si128((const __m128i *)(p[k] + i));
        for (int half = t / 2; half; half /= 2) {
            for (int k = 0; k < t / 2; k++) {
                b[2 * k] = _mm_unpacklo_epi8(a[k], a[k + t / 2]);
                b[2 * k + 1] = _mm_unpackhi_epi8(a[k], a[k + t / 2]);
            }
            for (int k = 0; k < t; k++) a[k] = b[k];
        }
        for (int k = 0; k < t; k++) _mm_storeu_si128((__m128i *)(d + t * i) + k, a[k]);
    }
    #else
    #define RH5_STEP 1
    static inline void rh5_join_step(
        const uint8_t *const *p, uint8_t *d, size_t i, const int t
    ) {
        for (int k = 0; k < t; k++) d[t * i + k] = p[k][i];
    }
    #endif
    static inline void rh5_join_planes(
        const uint8_t *const *p, uint8_t *d, size_t n, const int t
    ) {
        size_t i = 0;
        for (; i + RH5_STEP <= n; i += RH5_STEP) rh5_join_step(p, d, i, t);
        for (; i < n; i++)
            for (int k = 0; k < t; k++) d[t * i + k] = p[k][i];
    }
    static void rh5_shuffle(const uint8_t *s, uint8_t *d, size_t bytes, size_t t) {
        size_t n = bytes / t, done = n * t;
        if (t == 4) rh5_shuffle4(s, d, n);
        else if (t == 8) rh5_shuffle8(s, d, n);
        else if (t == 2) rh5_shuffle2(s, d, n);
        else for (size_t k = 0; k < t; k++)
            for (size_t i = 0; i < n; i++) d[k * n + i] = s[i * t + k];
        memcpy(d + done, s + done, bytes - done);
    }
    /* Interleave t planes of n bytes, wherever each of them lies. */
    static void rh5_join(const uint8_t *const *p, uint8_t *d, size_t n, size_t t) {
        if (t == 4) rh5_join_planes(p, d, n, 4);
        else if (t == 8) rh5_join_planes(p, d, n, 8);
        else if (t == 2) rh5_join_planes(p, d, n, 2);
        else for (size_t k = 0; k < t; k++)
            for (size_t i = 0; i < n; i++) d[i * t + k] = p[k][i];
    }
    """
    void rh5_shuffle(const uint8_t*, uint8_t*, size_t, size_t)
    void rh5_join(const uint8_t**, uint8_t*, size_t, size_t)

cdef extern from "numpy/arrayobject.h":
    object PyArray_Empty(int, cnp.npy_intp*, cnp.dtype, int)

ctypedef int (*compress_ctx_t)(
    int, int, size_t, size_t, const void*, void*, size_t, const char*, size_t, int
) noexcept nogil
ctypedef int (*decompress_ctx_t)(const void*, void*, size_t, int) noexcept nogil
ctypedef int (*validate_t)(const void*, size_t, size_t*) noexcept nogil
ctypedef int (*getitem_t)(const void*, int, int, void*) noexcept nogil
ctypedef int (*lz4_compress_t)(
    void*, const char*, char*, int, int, int
) noexcept nogil
ctypedef int (*lz4_decompress_t)(const char*, char*, int, int) noexcept nogil
ctypedef size_t (*zstd_decompress_t)(void*, size_t, const void*, size_t) noexcept nogil

cdef const char** NAMES = ["blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd"]

cdef compress_ctx_t compress_ctx = NULL
cdef decompress_ctx_t decompress_ctx = NULL
cdef validate_t cbuffer_validate = NULL
cdef getitem_t blosc_getitem = NULL
cdef lz4_compress_t lz4_compress = NULL
cdef lz4_decompress_t lz4_decompress = NULL
cdef zstd_decompress_t zstd_decompress = NULL

cdef enum:
    HEADER = 16
    SHUFFLED = 0x1
    STORED = 0x2
    BITSHUFFLED = 0x4
    UNSPLIT = 0x10
    MAX_SPLITS = 16  # MAX_SPLITS and MIN_BUFFERSIZE of c-blosc decide which blocks are split
    MIN_PLANE = 128
    LZ4_FORMAT = 1
    ZSTD_FORMAT = 4
    MAX_TYPESIZE = 255
    MAX_DIMS = 64  # NPY_MAXDIMS
    LARGEST_BLOCK = 1 << 16  # of those that are decoded here: twice that is wanted on the stack
    NBYTES = 5  # of the params: bytes of a chunk
    PROBES = 3  # blocks tried in full before planes that do not shrink are stored as they are


def bind(
    uintptr_t compress,
    uintptr_t decompress,
    uintptr_t validate,
    uintptr_t getitem,
    uintptr_t lz4_c,
    uintptr_t lz4_d,
    uintptr_t zstd_d,
):
    """Receive the addresses of the C functions; each stays in place for the process's life."""
    global compress_ctx, decompress_ctx, cbuffer_validate, blosc_getitem
    global lz4_compress, lz4_decompress, zstd_decompress
    compress_ctx = <compress_ctx_t>compress
    decompress_ctx = <decompress_ctx_t>decompress
    cbuffer_validate = <validate_t>validate
    blosc_getitem = <getitem_t>getitem
    lz4_compress = <lz4_compress_t>lz4_c
    lz4_decompress = <lz4_decompress_t>lz4_d
    zstd_decompress = <zstd_decompress_t>zstd_d


cdef inline uint32_t load32(const uint8_t* p) noexcept nogil:
    return p[0] | (<uint32_t>p[1] << 8) | (<uint32_t>p[2] << 16) | (<uint32_t>p[3] << 24)


cdef inline void store32(uint8_t* p, uint32_t v) noexcept nogil:
    p[0] = <uint8_t>v
    p[1] = <uint8_t>(v >> 8)
    p[2] = <uint8_t>(v >> 16)
    p[3] = <uint8_t>(v >> 24)


cdef int64_t encode_by_c(
    const uint8_t* src, int64_t n, uint8_t* dst, int64_t room, const int64_t* params,
    uint8_t* scratch,
) noexcept nogil:
    """Compress as the filter does. Params: level, shuffle, typesize, blocksize, compressor."""
    return compress_ctx(
        <int>params[0], <int>params[1], params[2], n, src, dst, room, NAMES[params[4]], params[3], 1
    )


cdef inline int streams(int64_t n, int typesize, bint whole) noexcept nogil:
    """How many streams a block of `n` bytes has; c-blosc's rule. The leftover block is not split."""
    return typesize if whole and typesize <= MAX_SPLITS and n // typesize >= MIN_PLANE else 1


cdef int64_t encode_block(
    const uint8_t* s, uint8_t* d, int64_t room, int64_t n, int typesize, int nsplits, int accel,
    uint8_t* shuffled, void* state, uint8_t* shrinks, int limit, int64_t* saved,
) noexcept nogil:
    """Append one block's streams at `d`; return their length, or -1 where `room` does not do.

    With a `limit` every stream is tried, and marked in `shrinks` where it comes to `limit` bytes or
    less, what it lost being added to `saved`; without one (0) only the marked ones are.
    """
    cdef int64_t plane = n // nsplits, at = 0
    cdef int k, size
    if typesize > 1:
        rh5_shuffle(s, shuffled, n, typesize)
        s = shuffled
    for k in range(nsplits):
        if at + 4 + plane > room:
            return -1
        size = 0
        if nsplits == 1 or limit or shrinks[k]:
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

    Params: level, typesize, blocksize, keep, gain. The middle, the last and the first full block
    are tried whole; a plane that comes to more than `keep` 32nds of its length in all three is
    stored as it is in every other. Where the others lose no more than `gain` 32nds of the three
    blocks, the frame is a stored one. The scratch has room for a block and, behind it at a multiple
    of 64, for LZ4's state; `room` is the chunk and a header.
    """
    cdef int level = <int>params[0], typesize = <int>params[1]
    cdef int64_t blocksize = params[2], keep = params[3], gain = params[4]
    cdef uint8_t* shuffled = scratch
    cdef void* state = shuffled + (blocksize + 63) // 64 * 64
    cdef int64_t size, b, length, saved = 0
    cdef int64_t nblocks = (n + blocksize - 1) // blocksize, full = n // blocksize
    cdef int64_t at = HEADER + 4 * nblocks, end = n + HEADER
    cdef uint8_t[MAX_SPLITS] shrinks
    cdef int accel = 10 - level if level < 9 else 1
    cdef int nsplits = streams(blocksize, typesize, True)
    cdef int limit = <int>(blocksize // nsplits * keep // 32)
    cdef bint selective = nsplits > 1 and full > PROBES
    memset(shrinks, 0, MAX_SPLITS)
    if selective:
        # These two write where the frame's first block will stand, only to fill `shrinks`.
        encode_block(s + full // 2 * blocksize, d + at, end - at, blocksize, typesize,
                     nsplits, accel, shuffled, state, shrinks, limit, &saved)
        encode_block(s + (full - 1) * blocksize, d + at, end - at, blocksize, typesize,
                     nsplits, accel, shuffled, state, shrinks, limit, &saved)
    for b in range(nblocks):
        if at >= end:
            break
        store32(d + HEADER + 4 * b, <uint32_t>at)
        length = blocksize if b < full else n - b * blocksize
        size = encode_block(
            s + b * blocksize, d + at, end - at, length, typesize,
            nsplits if b < full else 1, accel, shuffled, state, shrinks,
            limit if b == 0 or not selective else 0, &saved,
        )
        if size < 0:
            at = end
            break
        at += size
        if b == 0 and selective and saved * 32 <= PROBES * blocksize * gain:
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
        memcpy(d + HEADER, s, n)
        at = end
    store32(d + 4, <uint32_t>n)
    store32(d + 8, <uint32_t>blocksize)
    store32(d + 12, <uint32_t>at)
    return at


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
        if room == nbytes:
            return decompress_ctx(s, d, room, 1) == room
        return room % s[3] == 0 and blosc_getitem(s, 0, <int>(room // s[3]), d) == room
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


def header_ok(const uint8_t[::1] head, int64_t stored, int64_t nbytes):
    """Whether `head` begins a frame of `stored` bytes that holds `nbytes` and `Blocks` knows.

    `head` is the header and, unless the frame is a stored one, all block starts.
    """
    return frame_ok(&head[0], head.shape[0], stored, nbytes)


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


@cython.final
cdef class Blocks:
    """Byte ranges out of the frames of one dataset, through a direct-mapped cache of blocks.

    Parameters
    ----------
    nbytes
        Bytes of a decoded chunk.
    address, stored
        Where each chunk's frame lies in the file, and its length; int64 (chunks,).
    heads
        How each frame begins: header and block starts; uint8 (chunks, H). Only chunks whose head
        `header_ok` has approved may be asked for.
    ready
        Nonzero for those, uint8 (chunks,).
    slots
        The cache, uint8 (S, largest block).
    """

    cdef const int64_t[::1] address
    cdef const int64_t[::1] stored
    cdef const uint8_t[:, ::1] heads
    cdef const uint8_t[::1] ready
    cdef uint8_t[:, ::1] slots
    cdef int64_t[::1] tags
    cdef uint8_t[::1] work
    cdef int64_t nbytes

    def __init__(
        self,
        int64_t nbytes,
        const int64_t[::1] address,
        const int64_t[::1] stored,
        const uint8_t[:, ::1] heads,
        const uint8_t[::1] ready,
        uint8_t[:, ::1] slots,
        int64_t[::1] tags,
        uint8_t[::1] work,
    ):
        self.nbytes = nbytes
        self.address = address
        self.stored = stored
        self.heads = heads
        self.ready = ready
        self.slots = slots
        self.tags = tags
        self.work = work

    cdef bint copy(
        self, int fd, int64_t c, int64_t start, int64_t stop, uint8_t* to
    ) noexcept nogil:
        """Copy bytes start:stop of chunk `c`; False where the file does not give them."""
        cdef const uint8_t* h = &self.heads[c, 0]
        cdef int64_t b, blocksize, length, nblocks, room, tag, slot, lo, hi, begin
        cdef int64_t half = self.work.shape[0] // 2
        cdef bint failed
        if stop <= start:
            return True
        if h[2] & STORED:
            length = stop - start
            return rh5_pread(fd, to, length, self.address[c] + HEADER + start) == length
        blocksize = load32(h + 8)
        nblocks = (self.nbytes + blocksize - 1) // blocksize
        for b in range(start // blocksize, (stop - 1) // blocksize + 1):
            tag = c << 32 | b
            slot = (c * nblocks + b) % self.slots.shape[0]
            length = blocksize
            if (b + 1) * blocksize > self.nbytes:
                length = self.nbytes - b * blocksize
            if self.tags[slot] != tag:
                begin = load32(h + HEADER + 4 * b)
                room = length + 4 * MAX_SPLITS
                if room > self.stored[c] - begin:
                    room = self.stored[c] - begin
                self.tags[slot] = -1
                failed = rh5_pread(fd, &self.work[0], room, self.address[c] + begin) != room
                if failed or not decode_block(
                    h, &self.work[0], room, length, length == blocksize, &self.work[half],
                    &self.slots[slot, 0],
                ):
                    return False
                self.tags[slot] = tag
            lo = start - b * blocksize
            hi = stop - b * blocksize
            if lo < 0:
                lo = 0
            if hi > length:
                hi = length
            memcpy(to + b * blocksize + lo - start, &self.slots[slot, lo], hi - lo)
        return True

    def read_ranges(
        self,
        int fd,
        const int64_t[::1] chunk,
        const int64_t[::1] start,
        const int64_t[::1] stop,
        const int64_t[::1] place,
        int64_t scale,
        cnp.ndarray out,
    ):
        """Copy range i, items start[i]:stop[i] of chunk[i], to item place[i] of `out`.

        An item has `scale` bytes. Returns -1, or the first range that cannot be read.
        """
        cdef uint8_t* to = <uint8_t*>cnp.PyArray_DATA(out)
        cdef int64_t i, n = chunk.shape[0], bad = -1
        with nogil:
            for i in range(n):
                if not self.copy(
                    fd, chunk[i], start[i] * scale, stop[i] * scale, to + place[i] * scale
                ):
                    bad = i
                    break
        return bad

    def items(self, int fd, cnp.ndarray like, int64_t start, int64_t stop):
        """Return the items start:stop of the dataset, of the dtype and inner shape of `like`.

        None unless they lie in one chunk that is ready, and for those that are damaged.
        """
        cdef cnp.npy_intp[MAX_DIMS] dims
        cdef cnp.dtype dtype = <cnp.dtype>cnp.PyArray_DESCR(like)
        cdef int64_t size = cnp.PyArray_ITEMSIZE(like), length, c, first
        cdef int axis, ndim = cnp.PyArray_NDIM(like)
        cdef cnp.ndarray out
        cdef uint8_t* to
        cdef bint fine
        dims[0] = stop - start
        for axis in range(1, ndim):
            dims[axis] = cnp.PyArray_DIM(like, axis)
            size *= dims[axis]
        if start < 0 or stop <= start or size == 0:
            return None
        length = self.nbytes // size
        c = start // length
        if c >= self.ready.shape[0] or not self.ready[c] or stop > (c + 1) * length:
            return None
        Py_INCREF(dtype)  # which the call takes over
        out = PyArray_Empty(ndim, dims, dtype, 0)
        to = <uint8_t*>cnp.PyArray_DATA(out)
        first = (start - c * length) * size
        with nogil:
            fine = self.copy(fd, c, first, first + dims[0] * size, to)
        return out if fine else None
