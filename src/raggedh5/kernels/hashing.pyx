"""XXH3 by the address of its function, in the library that a maintained package brings."""

from libc.stdint cimport int64_t, uint8_t, uint64_t, uintptr_t

ctypedef uint64_t (*hash_t)(const void*, size_t) noexcept nogil

cdef hash_t hash_bytes = NULL


def bind(uintptr_t xxh3):
    """Receive the address of ``XXH3_64bits``."""
    global hash_bytes
    hash_bytes = <hash_t>xxh3


cdef uint64_t digest_of(const uint8_t* data, int64_t n) noexcept nogil:
    """Return the checksum, which is never 0: that stands for none, as where nothing was bound."""
    cdef uint64_t value
    if hash_bytes == NULL:
        return 0
    value = hash_bytes(data, n)
    return value if value else 1
