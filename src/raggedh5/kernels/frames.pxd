"""The layout of a Blosc 1 frame, as c-blosc's ``README_CHUNK_FORMAT.rst`` describes it.

A header of 16 bytes (version, LZ version, flags, typesize; then nbytes, blocksize, cbytes as
little-endian uint32), the start of every block (int32), and for each block one stream a byte plane,
or one for all of it: int32 length, then the bytes, stored as they are where they would not shrink.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t

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
    LARGEST_BLOCK = 1 << 15  # of those that are decoded here: twice that is wanted on the stack
    NBYTES = 5  # of the params: bytes of a chunk
    FILLED = 6  # of the params: bytes of it behind which there are zeros, whatever the source has
    PROBES = 3  # blocks tried in full before planes that do not shrink are stored as they are


cdef inline uint32_t load32(const uint8_t* p) noexcept nogil:
    return p[0] | (<uint32_t>p[1] << 8) | (<uint32_t>p[2] << 16) | (<uint32_t>p[3] << 24)


cdef inline void store32(uint8_t* p, uint32_t v) noexcept nogil:
    p[0] = <uint8_t>v
    p[1] = <uint8_t>(v >> 8)
    p[2] = <uint8_t>(v >> 16)
    p[3] = <uint8_t>(v >> 24)


cdef inline int streams(int64_t n, int typesize, bint whole) noexcept nogil:
    """How many streams a block of `n` bytes has; c-blosc's rule. The leftover block is not split."""
    return typesize if whole and typesize <= MAX_SPLITS and n // typesize >= MIN_PLANE else 1
