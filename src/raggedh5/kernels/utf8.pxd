"""Inline loops over code points and UTF-8 bytes; a header, so that callers inline them."""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

ctypedef fused codepoint:
    uint8_t
    uint16_t
    uint32_t

# Bytes that one code point of each storage kind may need.
cdef enum:
    MOST_BYTES_UCS1 = 2
    MOST_BYTES_UCS2 = 3
    MOST_BYTES_UCS4 = 4

cdef extern from *:
    """
    #define RH5_HIGH_BITS 0x8080808080808080ULL

    /* Bytes up to the highest one that is not zero. */
    #include <stdint.h>
    static inline int rh5_short_size(uint64_t key) {
    #ifdef __GNUC__
        return key ? 8 - (__builtin_clzll(key) >> 3) : 0;
    #else
        int size = 0;
        for (; key; key >>= 8) size++;
        return size;
    #endif
    }
    """
    int short_size "rh5_short_size"(uint64_t key) nogil
    const uint64_t HIGH_BITS "RH5_HIGH_BITS"


# Spelled as shifts, these are one load on little-endian machines and right on the others.
cdef inline uint64_t load4(const uint8_t *p) noexcept nogil:
    return (<uint64_t>p[0] | <uint64_t>p[1] << 8
            | <uint64_t>p[2] << 16 | <uint64_t>p[3] << 24)


cdef inline uint64_t load8(const uint8_t *p) noexcept nogil:
    return (<uint64_t>p[0] | <uint64_t>p[1] << 8
            | <uint64_t>p[2] << 16 | <uint64_t>p[3] << 24
            | <uint64_t>p[4] << 32 | <uint64_t>p[5] << 40
            | <uint64_t>p[6] << 48 | <uint64_t>p[7] << 56)


cdef inline uint64_t load_short(const uint8_t *p, Py_ssize_t size) noexcept nogil:
    """Read the 0 to 8 bytes at p, padded with zeros, touching no byte past them."""
    if size == 8:
        return load8(p)
    if size >= 4:
        return load4(p) | load4(p + size - 4) << (8 * (size - 4))
    if size > 0:
        return (<uint64_t>p[0] | <uint64_t>p[size >> 1] << (8 * (size >> 1))
                | <uint64_t>p[size - 1] << (8 * (size - 1)))
    return 0


cdef inline void store_short(uint8_t *out, uint64_t key) noexcept nogil:
    """Write what `load_short` has read, and zeros up to 8 bytes."""
    cdef int k
    for k in range(8):
        out[k] = <uint8_t>(key >> (8 * k))


cdef inline void copy_bytes(uint8_t *out, const uint8_t *source, Py_ssize_t size) noexcept nogil:
    """Copy like memcpy, without the cost of its call for the short strings that most are."""
    cdef uint64_t head8, tail8
    cdef uint32_t head4, tail4
    if size > 16:
        memcpy(out, source, size)
    elif size >= 8:
        memcpy(&head8, source, 8)
        memcpy(&tail8, source + size - 8, 8)
        memcpy(out, &head8, 8)
        memcpy(out + size - 8, &tail8, 8)
    elif size >= 4:
        memcpy(&head4, source, 4)
        memcpy(&tail4, source + size - 4, 4)
        memcpy(out, &head4, 4)
        memcpy(out + size - 4, &tail4, 4)
    elif size > 0:
        out[0] = source[0]
        out[size >> 1] = source[size >> 1]
        out[size - 1] = source[size - 1]


cdef inline Py_ssize_t transcode(
    const codepoint *source, Py_ssize_t count, uint8_t *out
) noexcept nogil:
    """Write code points as UTF-8; return the bytes written, or -1 at one that has no UTF-8."""
    cdef Py_ssize_t i = 0
    cdef uint8_t *start = out
    cdef uint32_t c
    while i < count:
        while i + 4 <= count and (
            source[i] | source[i + 1] | source[i + 2] | source[i + 3]
        ) < 0x80:
            out[0] = <uint8_t>source[i]
            out[1] = <uint8_t>source[i + 1]
            out[2] = <uint8_t>source[i + 2]
            out[3] = <uint8_t>source[i + 3]
            out += 4
            i += 4
        if i == count:
            break
        c = source[i]
        i += 1
        if c < 0x80:
            out[0] = <uint8_t>c
            out += 1
        elif c < 0x800:
            out[0] = <uint8_t>(0xC0 | c >> 6)
            out[1] = <uint8_t>(0x80 | c & 0x3F)
            out += 2
        elif c < 0x10000:
            if 0xD800 <= c < 0xE000:
                return -1
            out[0] = <uint8_t>(0xE0 | c >> 12)
            out[1] = <uint8_t>(0x80 | c >> 6 & 0x3F)
            out[2] = <uint8_t>(0x80 | c & 0x3F)
            out += 3
        elif c < 0x110000:
            out[0] = <uint8_t>(0xF0 | c >> 18)
            out[1] = <uint8_t>(0x80 | c >> 12 & 0x3F)
            out[2] = <uint8_t>(0x80 | c >> 6 & 0x3F)
            out[3] = <uint8_t>(0x80 | c & 0x3F)
            out += 4
        else:
            return -1
    return out - start


cdef inline bint is_ascii(const uint8_t *p, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t i = 0
    if size < 8:
        return not load_short(p, size) & HIGH_BITS
    while i + 8 <= size:
        if load8(p + i) & HIGH_BITS:
            return False
        i += 8
    return not load8(p + size - 8) & HIGH_BITS


cdef inline bint is_utf8(const uint8_t *p, Py_ssize_t size) noexcept nogil:
    """Tell whether the bytes are well-formed UTF-8: Unicode 16, table 3-7."""
    cdef Py_ssize_t i = 0
    cdef uint8_t lead, low, high
    cdef Py_ssize_t more, k
    if is_ascii(p, size):
        return True
    while i < size:
        lead = p[i]
        i += 1
        if lead < 0x80:
            continue
        low, high = 0x80, 0xBF
        if 0xC2 <= lead <= 0xDF:
            more = 1
        elif 0xE0 <= lead <= 0xEF:
            more = 2
            if lead == 0xE0:
                low = 0xA0
            elif lead == 0xED:
                high = 0x9F
        elif 0xF0 <= lead <= 0xF4:
            more = 3
            if lead == 0xF0:
                low = 0x90
            elif lead == 0xF4:
                high = 0x8F
        else:
            return False
        if i + more > size or not low <= p[i] <= high:
            return False
        for k in range(1, more):
            if p[i + k] & 0xC0 != 0x80:
                return False
        i += more
    return True
