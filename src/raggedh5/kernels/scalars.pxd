"""Loops over scalars: convert them, look for what is not finite. Included by one kernel."""

cimport numpy as cnp
from libc.stdint cimport (
    int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t,
)

# Both return nonzero where a scalar does not pass: it lost its value, or it is not finite.
ctypedef bint (*convert_t)(const char *, char *, Py_ssize_t) noexcept nogil
ctypedef bint (*check_t)(const char *, Py_ssize_t) noexcept nogil

ctypedef fused source_t:
    int8_t
    int16_t
    int32_t
    int64_t
    uint8_t
    uint16_t
    uint32_t
    uint64_t

ctypedef fused target_t:
    int8_t
    int16_t
    int32_t
    int64_t
    uint8_t
    uint16_t
    uint32_t
    uint64_t

ctypedef fused bits_t:
    uint16_t
    uint32_t
    uint64_t


cdef inline bint _integers(const source_t *x, target_t *y, Py_ssize_t n) noexcept nogil:
    cdef source_t lost = 0
    cdef Py_ssize_t k
    for k in range(n):
        y[k] = <target_t> x[k]
        lost |= (x[k] ^ <source_t> y[k]) | <source_t> ((x[k] < 0) != (y[k] < 0))
    return lost != 0


cdef inline convert_t _to_integer(source_t _, int kind, Py_ssize_t size) noexcept:
    if kind == c"i":
        if size == 1:
            return <convert_t> _integers[source_t, int8_t]
        if size == 2:
            return <convert_t> _integers[source_t, int16_t]
        if size == 4:
            return <convert_t> _integers[source_t, int32_t]
        return <convert_t> _integers[source_t, int64_t]
    if size == 1:
        return <convert_t> _integers[source_t, uint8_t]
    if size == 2:
        return <convert_t> _integers[source_t, uint16_t]
    if size == 4:
        return <convert_t> _integers[source_t, uint32_t]
    return <convert_t> _integers[source_t, uint64_t]


# A float is infinite or NaN where its exponent is all ones: adding one to the lowest bit of the
# exponent then carries into the (cleared) sign bit. Integer arithmetic, so that it vectorises.
cdef inline bint _not_finite(const bits_t *x, Py_ssize_t n) noexcept nogil:
    cdef bits_t carried = 0
    cdef bits_t one
    cdef Py_ssize_t k
    if bits_t is uint16_t:
        one = 1 << 10
    elif bits_t is uint32_t:
        one = 1 << 23
    else:
        one = <uint64_t> 1 << 52
    cdef bits_t magnitude = <bits_t> (~(<bits_t> 0)) >> 1
    for k in range(n):
        carried |= <bits_t> ((x[k] & magnitude) + one)
    return carried > magnitude


cdef inline bint _doubles_to_floats(const double *x, float *y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(n):
        y[k] = <float> x[k]
    if not _not_finite[uint32_t](<const uint32_t *> y, n):
        return False
    for k in range(n):
        if _not_finite[uint32_t](<const uint32_t *> &y[k], 1):
            if not _not_finite[uint64_t](<const uint64_t *> &x[k], 1):
                return True
    return False


cdef inline bint _floats_to_doubles(const float *x, double *y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(n):
        y[k] = x[k]
    return False


cdef inline convert_t converter(cnp.dtype source, cnp.dtype target) noexcept:
    """Pick the loop that turns one dtype into the other; NULL where there is none."""
    cdef char kind = source.kind
    cdef Py_ssize_t size = source.itemsize
    if kind == c"f" and target.kind == c"f":
        if size == 8 and target.itemsize == 4:
            return <convert_t> _doubles_to_floats
        if size == 4 and target.itemsize == 8:
            return <convert_t> _floats_to_doubles
        return NULL
    if target.kind != c"i" and target.kind != c"u":
        return NULL
    if kind == c"b" or (kind == c"u" and size == 1):
        return _to_integer[uint8_t](0, target.kind, target.itemsize)
    if kind == c"u":
        if size == 2:
            return _to_integer[uint16_t](0, target.kind, target.itemsize)
        if size == 4:
            return _to_integer[uint32_t](0, target.kind, target.itemsize)
        return _to_integer[uint64_t](0, target.kind, target.itemsize)
    if kind == c"i":
        if size == 1:
            return _to_integer[int8_t](0, target.kind, target.itemsize)
        if size == 2:
            return _to_integer[int16_t](0, target.kind, target.itemsize)
        if size == 4:
            return _to_integer[int32_t](0, target.kind, target.itemsize)
        return _to_integer[int64_t](0, target.kind, target.itemsize)
    return NULL


cdef inline check_t finite_check(cnp.dtype dtype) noexcept:
    """Pick the loop that looks for NaN and infinity; NULL where there is none."""
    cdef Py_ssize_t size = scalar_bytes(dtype)
    if size == 2:
        return <check_t> _not_finite[uint16_t]
    if size == 4:
        return <check_t> _not_finite[uint32_t]
    if size == 8:
        return <check_t> _not_finite[uint64_t]
    return NULL


cdef inline Py_ssize_t scalar_bytes(cnp.dtype dtype) noexcept:
    """Bytes of a real number: half of a complex one."""
    return dtype.itemsize // 2 if dtype.kind == c"c" else dtype.itemsize
