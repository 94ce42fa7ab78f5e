"""What else works on Blosc frames calls these."""

from libc.stdint cimport int64_t, uint8_t

cdef bint frame_ok(
    const uint8_t* h, int64_t n, int64_t stored, int64_t nbytes
) noexcept nogil
cdef bint decode_block(
    const uint8_t* h, const uint8_t* s, int64_t room, int64_t n, bint whole, uint8_t* planes,
    uint8_t* d,
) noexcept nogil
