"""The checksum of stored bytes, for kernels that never take the GIL."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

# Returns the checksum, which is never 0: that stands for none, as where nothing was bound.
cdef uint64_t digest_of(const uint8_t* data, int64_t n) noexcept nogil
