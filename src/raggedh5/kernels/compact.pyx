"""Copy the kept items of a padded array to flat pieces, converting and checking on the way."""

cimport numpy as cnp
from libc.stdint cimport (
    int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t,
)
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

cdef extern from "numpy/arrayobject.h":
    bint PyDataType_REFCHK(cnp.dtype)

cnp.import_array()

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

cdef struct Piece:
    char *data
    Py_ssize_t items

# How to copy a run of items, and where in the pieces it goes.
cdef struct Copy:
    convert_t convert
    check_t check
    Py_ssize_t scalars
    Py_ssize_t stride
    Py_ssize_t source_bytes
    Py_ssize_t target_bytes
    Piece *piece
    char *out
    Py_ssize_t left


cdef bint _integers(const source_t *x, target_t *y, Py_ssize_t n) noexcept nogil:
    cdef source_t lost = 0
    cdef Py_ssize_t k
    for k in range(n):
        y[k] = <target_t> x[k]
        lost |= (x[k] ^ <source_t> y[k]) | <source_t> ((x[k] < 0) != (y[k] < 0))
    return lost != 0


cdef convert_t _to_integer(source_t _, int kind, Py_ssize_t size) noexcept:
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
cdef bint _not_finite(const bits_t *x, Py_ssize_t n) noexcept nogil:
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


cdef bint _doubles_to_floats(const double *x, float *y, Py_ssize_t n) noexcept nogil:
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


cdef bint _floats_to_doubles(const float *x, double *y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(n):
        y[k] = x[k]
    return False


cdef convert_t _converter(cnp.dtype source, cnp.dtype target) noexcept:
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


cdef bint _set_check(cnp.dtype target, Copy *copy) noexcept:
    """Choose the loop that looks for NaN and infinity; False where there is none."""
    cdef Py_ssize_t size = target.itemsize
    if target.kind == c"c":
        size //= 2
    elif target.kind != c"f":
        return True
    if size == 2:
        copy.check = <check_t> _not_finite[uint16_t]
    elif size == 4:
        copy.check = <check_t> _not_finite[uint32_t]
    elif size == 8:
        copy.check = <check_t> _not_finite[uint64_t]
    else:
        return False
    copy.scalars = copy.target_bytes // size
    return True


cdef inline bint _copy_run(Copy *copy, const char *source, Py_ssize_t items) noexcept nogil:
    """Copy consecutive items of one row, on over the ends of pieces."""
    cdef bint bad = False
    cdef Py_ssize_t take, k
    while items > 0:
        while copy.left == 0:
            copy.piece += 1
            copy.out = copy.piece.data
            copy.left = copy.piece.items
        take = min(items, copy.left)
        if copy.stride == copy.source_bytes:
            if copy.convert == NULL:
                memcpy(copy.out, source, <size_t> (take * copy.source_bytes))
            else:
                bad |= copy.convert(source, copy.out, take * copy.scalars)
        elif copy.convert == NULL:
            for k in range(take):
                memcpy(
                    copy.out + k * copy.source_bytes,
                    source + k * copy.stride,
                    <size_t> copy.source_bytes,
                )
        else:
            for k in range(take):
                bad |= copy.convert(
                    source + k * copy.stride, copy.out + k * copy.target_bytes, copy.scalars
                )
        if copy.check != NULL:
            bad |= copy.check(copy.out, take * copy.scalars)
        source += take * copy.stride
        copy.out += take * copy.target_bytes
        copy.left -= take
        items -= take
    return bad


cdef Py_ssize_t _copy_rows(
    Copy *copy,
    const char *padded,
    Py_ssize_t row_stride,
    Py_ssize_t rows,
    Py_ssize_t width,
    const int64_t *offsets,
    const int64_t *cells,
    const char *mask,
    Py_ssize_t mask_row,
    Py_ssize_t mask_item,
) noexcept nogil:
    cdef Py_ssize_t row, cell, left, start, stop
    cdef const char *line
    cdef bint bad
    for row in range(rows):
        left = offsets[row + 1] - offsets[row]
        cell = row if cells == NULL else cells[row]
        line = padded + cell * row_stride
        if mask == NULL or left == width:
            bad = _copy_run(copy, line, left)
        else:
            bad = False
            stop = 0
            # Bounded by the width as well as by the count: the mask is the caller's memory, and
            # might change under our feet.
            while left > 0:
                start = stop
                while start < width and mask[cell * mask_row + start * mask_item] == 0:
                    start += 1
                if start == width:
                    return row
                stop = start + 1
                while (
                    stop < width
                    and stop - start < left
                    and mask[cell * mask_row + stop * mask_item] != 0
                ):
                    stop += 1
                bad |= _copy_run(copy, line + start * copy.stride, stop - start)
                left -= stop - start
        if bad:
            return row
    return -1


cdef bint _inner_is_contiguous(cnp.ndarray padded) noexcept:
    cdef Py_ssize_t expected = cnp.PyArray_ITEMSIZE(padded)
    cdef int axis
    for axis in range(cnp.PyArray_NDIM(padded) - 1, 1, -1):
        if cnp.PyArray_DIM(padded, axis) != 1 and cnp.PyArray_STRIDE(padded, axis) != expected:
            return False
        expected *= cnp.PyArray_DIM(padded, axis)
    return True


def compact(
    cnp.ndarray padded,
    cnp.ndarray offsets,
    cnp.ndarray mask,
    cnp.ndarray cells,
    tuple pieces,
    bint finite,
):
    """Copy the kept items of each row to the pieces, one after the other.

    Returns the first row with a scalar that its new dtype cannot hold or, where `finite`, that is
    not finite; -1 where all went well; -2, with nothing copied, where there is no loop for these
    dtypes or for the strides of the inner axes.
    """
    cdef cnp.ndarray piece
    cdef cnp.dtype source = <cnp.dtype> cnp.PyArray_DESCR(padded)
    cdef cnp.dtype target
    cdef Copy copy
    cdef Py_ssize_t n = len(pieces)
    cdef Py_ssize_t inner = 1
    cdef Py_ssize_t k
    cdef Py_ssize_t bad = -1
    cdef int axis
    if n == 0:
        return -1
    piece = <cnp.ndarray> pieces[0]
    target = <cnp.dtype> cnp.PyArray_DESCR(piece)
    if not _inner_is_contiguous(padded) or not cnp.PyArray_ISALIGNED(padded):
        return -2
    for axis in range(2, cnp.PyArray_NDIM(padded)):
        inner *= cnp.PyArray_DIM(padded, axis)
    copy.convert = NULL
    copy.check = NULL
    copy.scalars = inner
    copy.stride = cnp.PyArray_STRIDE(padded, 1)
    copy.source_bytes = inner * source.itemsize
    copy.target_bytes = inner * target.itemsize
    if source is target or cnp.PyArray_EquivTypes(source, target):
        if PyDataType_REFCHK(source):
            return -2
    else:
        if not (cnp.PyArray_ISNOTSWAPPED(padded) and cnp.PyArray_ISNOTSWAPPED(piece)):
            return -2
        copy.convert = _converter(source, target)
        if copy.convert == NULL:
            return -2
    if finite and not _set_check(target, &copy):
        return -2
    cdef Piece *table = <Piece *> malloc(<size_t> n * sizeof(Piece))
    if table == NULL:
        raise MemoryError
    for k in range(n):
        piece = <cnp.ndarray> pieces[k]
        table[k].data = <char *> cnp.PyArray_DATA(piece)
        table[k].items = cnp.PyArray_DIM(piece, 0)
    copy.piece = table
    copy.out = table[0].data
    copy.left = table[0].items
    cdef const char *data = <const char *> cnp.PyArray_DATA(padded)
    cdef Py_ssize_t rows = cnp.PyArray_DIM(offsets, 0) - 1
    cdef Py_ssize_t width = cnp.PyArray_DIM(padded, 1)
    cdef Py_ssize_t row_stride = cnp.PyArray_STRIDE(padded, 0)
    cdef const int64_t *bounds = <const int64_t *> cnp.PyArray_DATA(offsets)
    cdef const int64_t *where = NULL
    cdef const char *keep = NULL
    cdef Py_ssize_t mask_row = 0
    cdef Py_ssize_t mask_item = 0
    if cells is not None:
        where = <const int64_t *> cnp.PyArray_DATA(cells)
    if mask is not None:
        keep = <const char *> cnp.PyArray_DATA(mask)
        mask_row = cnp.PyArray_STRIDE(mask, 0)
        mask_item = cnp.PyArray_STRIDE(mask, 1)
    with nogil:
        bad = _copy_rows(
            &copy, data, row_stride, rows, width, bounds, where, keep, mask_row, mask_item
        )
    free(table)
    return bad
