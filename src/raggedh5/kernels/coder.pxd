"""What every encoder looks like, so that a thread without the GIL can call any of them."""

from libc.stdint cimport int64_t, uint8_t

# Codes src[:n] to dst[:room] and returns the length, 0 or less where that failed. What params
# mean, and how much scratch is needed, is the encoder's own affair.
ctypedef int64_t (*encoder_t)(
    const uint8_t* src, int64_t n, uint8_t* dst, int64_t room, const int64_t* params,
    uint8_t* scratch,
) noexcept nogil

# Decodes src[:n] to all of dst[:room]; False where these are not the bytes of such a chunk.
ctypedef bint (*decoder_t)(
    const uint8_t* src, int64_t n, uint8_t* dst, int64_t room, const int64_t* params
) noexcept nogil
