"""Copy the kept items of a padded array to flat pieces, converting and checking on the way."""

cimport numpy as cnp
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from raggedh5.kernels.scalars cimport (
    check_t, convert_t, converter, finite_check, scalar_bytes,
)

cdef extern from "numpy/arrayobject.h":
    bint PyDataType_REFCHK(cnp.dtype)

cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define raggedh5_prefetch(address) __builtin_prefetch(address)
    #else
    #define raggedh5_prefetch(address) ((void) (address))
    #endif
    """
    void prefetch "raggedh5_prefetch"(const char *address) noexcept nogil

cnp.import_array()

# Rows lie apart, with padding between, so that the processor does not see the next one coming.
cdef enum:
    CACHE_LINE = 64
    PREFETCH_LEAST = 512
    PREFETCH_MOST = 4096
    PREFETCH_ROWS = 3

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


cdef inline void _next_piece(Copy *copy) noexcept nogil:
    while copy.left == 0:
        copy.piece += 1
        copy.out = copy.piece.data
        copy.left = copy.piece.items


cdef inline void _rewind(Copy *copy, Piece *table) noexcept nogil:
    copy.piece = table
    copy.out = table.data
    copy.left = table.items


cdef inline bint _finish(Copy *copy, Py_ssize_t items) noexcept nogil:
    """Look at what was just written, and step over it."""
    cdef bint bad = copy.check != NULL and copy.check(copy.out, items * copy.scalars)
    copy.out += items * copy.target_bytes
    copy.left -= items
    return bad


cdef inline bint _copy_run(Copy *copy, const char *source, Py_ssize_t items) noexcept nogil:
    """Copy consecutive items of one row, on over the ends of pieces."""
    cdef bint bad = False
    cdef Py_ssize_t take, k
    while items > 0:
        _next_piece(copy)
        take = min(items, copy.left)
        if copy.stride == copy.source_bytes:
            if copy.convert == NULL:
                memcpy(copy.out, source, <size_t> (take * copy.source_bytes))
            else:
                bad |= copy.convert(source, copy.out, take * copy.scalars)
        else:
            for k in range(take):
                if copy.convert == NULL:
                    memcpy(
                        copy.out + k * copy.source_bytes,
                        source + k * copy.stride,
                        <size_t> copy.source_bytes,
                    )
                else:
                    bad |= copy.convert(
                        source + k * copy.stride, copy.out + k * copy.target_bytes, copy.scalars
                    )
        bad |= _finish(copy, take)
        source += take * copy.stride
        items -= take
    return bad


cdef inline Py_ssize_t _select(
    char *out,
    const char *line,
    Py_ssize_t stride,
    const char *keep,
    Py_ssize_t keep_stride,
    Py_ssize_t item,
    Py_ssize_t width,
    Py_ssize_t take,
    const Py_ssize_t size,
) noexcept nogil:
    """Write every item, but step on only after those that are kept: no branch to mispredict."""
    cdef Py_ssize_t kept
    while take > 0 and item < width:
        memcpy(out, line + item * stride, <size_t> size)
        kept = keep[item * keep_stride] != 0
        out += kept * size
        take -= kept
        item += 1
    return item if take == 0 else -1


cdef bint _copy_small(
    Copy *copy,
    const char *line,
    const char *keep,
    Py_ssize_t keep_stride,
    Py_ssize_t width,
    Py_ssize_t items,
) noexcept nogil:
    """Copy the kept ones among items of a few bytes, on over the ends of pieces."""
    cdef bint bad = False
    cdef Py_ssize_t item = 0
    cdef Py_ssize_t step = copy.stride
    cdef Py_ssize_t take, size
    while items > 0:
        _next_piece(copy)
        take = min(items, copy.left)
        size = copy.source_bytes
        # The size as a constant, so that the copy is an instruction or two and no call.
        if size == 1:
            item = _select(copy.out, line, step, keep, keep_stride, item, width, take, 1)
        elif size == 2:
            item = _select(copy.out, line, step, keep, keep_stride, item, width, take, 2)
        elif size == 4:
            item = _select(copy.out, line, step, keep, keep_stride, item, width, take, 4)
        elif size == 8:
            item = _select(copy.out, line, step, keep, keep_stride, item, width, take, 8)
        elif size == 12:
            item = _select(copy.out, line, step, keep, keep_stride, item, width, take, 12)
        elif size == 16:
            item = _select(copy.out, line, step, keep, keep_stride, item, width, take, 16)
        else:
            item = _select(copy.out, line, step, keep, keep_stride, item, width, take, 24)
        if item < 0:
            return True
        bad |= _finish(copy, take)
        items -= take
    return bad


cdef bint _copy_runs(
    Copy *copy,
    const char *line,
    const char *keep,
    Py_ssize_t keep_stride,
    Py_ssize_t width,
    Py_ssize_t items,
) noexcept nogil:
    """Copy the kept items, as many at once as follow each other."""
    cdef bint bad = False
    cdef Py_ssize_t stop = 0
    cdef Py_ssize_t start
    while items > 0:
        start = stop
        while start < width and keep[start * keep_stride] == 0:
            start += 1
        if start == width:
            return True
        stop = start + 1
        while stop < width and stop - start < items and keep[stop * keep_stride] != 0:
            stop += 1
        bad |= _copy_run(copy, line + start * copy.stride, stop - start)
        items -= stop - start
    return bad


cdef inline void _prefetch_row(const char *line, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t most = PREFETCH_MOST
    cdef Py_ssize_t k = 0
    size = min(size, most)
    while k < size:
        prefetch(line + k)
        k += CACHE_LINE


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
    # A mask is bounded by the width as well as by the count of its items: it is the caller's
    # memory, and might change under our feet. A row where they disagree counts as bad.
    cdef Py_ssize_t row, cell, items
    cdef Py_ssize_t ahead = 0
    cdef char one = 1
    cdef const char *line
    cdef bint bad
    cdef bint small = copy.convert == NULL and copy.source_bytes in (1, 2, 4, 8, 12, 16, 24)
    cdef bint packed = copy.stride == copy.source_bytes
    if cells == NULL and packed and row_stride >= PREFETCH_LEAST:
        ahead = PREFETCH_ROWS
    for row in range(rows):
        items = offsets[row + 1] - offsets[row]
        cell = row if cells == NULL else cells[row]
        line = padded + cell * row_stride
        if ahead != 0 and row + ahead < rows:
            _prefetch_row(
                line + ahead * row_stride,
                (offsets[row + ahead + 1] - offsets[row + ahead]) * copy.source_bytes,
            )
        if mask == NULL or items == width:
            if packed or not small:
                bad = _copy_run(copy, line, items)
            else:
                bad = _copy_small(copy, line, &one, 0, width, items)
        elif small:
            bad = _copy_small(copy, line, mask + cell * mask_row, mask_item, width, items)
        else:
            bad = _copy_runs(copy, line, mask + cell * mask_row, mask_item, width, items)
        if bad:
            return row
    return -1


cdef bint _inner_is_contiguous(cnp.ndarray padded) noexcept:
    cdef Py_ssize_t expected = cnp.PyArray_ITEMSIZE(padded)
    cdef int axis
    if cnp.PyArray_SIZE(padded) == 0:  # its strides mean nothing
        return True
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
    cdef Py_ssize_t width = cnp.PyArray_DIM(padded, 1)
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
    copy.source_bytes = inner * source.itemsize
    # The stride of an axis with one place means nothing.
    copy.stride = cnp.PyArray_STRIDE(padded, 1) if width > 1 else copy.source_bytes
    copy.target_bytes = inner * target.itemsize
    if source is target or cnp.PyArray_EquivTypes(source, target):
        if PyDataType_REFCHK(source):
            return -2
    else:
        if not (cnp.PyArray_ISNOTSWAPPED(padded) and cnp.PyArray_ISNOTSWAPPED(piece)):
            return -2
        copy.convert = converter(source, target)
        if copy.convert == NULL:
            return -2
    if finite and (target.kind == c"f" or target.kind == c"c"):
        copy.check = finite_check(target)
        if copy.check == NULL:
            return -2
        copy.scalars = copy.target_bytes // scalar_bytes(target)
    cdef Piece *table = <Piece *> malloc(<size_t> n * sizeof(Piece))
    if table == NULL:
        raise MemoryError
    for k in range(n):
        piece = <cnp.ndarray> pieces[k]
        table[k].data = <char *> cnp.PyArray_DATA(piece)
        table[k].items = cnp.PyArray_DIM(piece, 0)
    _rewind(&copy, table)
    cdef const char *data = <const char *> cnp.PyArray_DATA(padded)
    cdef Py_ssize_t rows = cnp.PyArray_DIM(offsets, 0) - 1
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
    cdef bint whole = (
        where == NULL
        and copy.stride == copy.source_bytes
        and (rows == 1 or row_stride == width * copy.stride)
        and bounds[rows] - bounds[0] == rows * width
    )
    with nogil:
        # Without padding all rows are one run; only to name a bad row they are gone through.
        if not whole or _copy_run(&copy, data, rows * width):
            _rewind(&copy, table)
            bad = _copy_rows(
                &copy, data, row_stride, rows, width, bounds, where, keep, mask_row, mask_item
            )
    free(table)
    return bad
