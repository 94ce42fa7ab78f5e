"""Copy the kept items of a padded array to flat pieces, converting and checking on the way."""

cimport numpy as cnp
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

from raggedh5.kernels.copy_runs cimport (
    PREFETCH_LEAST, PREFETCH_ROWS, Copy, Piece, copy_run, copy_runs, copy_small, prefetch_row,
    rewind,
)
from raggedh5.kernels.scalars cimport converter, finite_check, scalar_bytes

cdef extern from "numpy/arrayobject.h":
    bint PyDataType_REFCHK(cnp.dtype)

cnp.import_array()


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
            prefetch_row(
                line + ahead * row_stride,
                (offsets[row + ahead + 1] - offsets[row + ahead]) * copy.source_bytes,
            )
        if mask == NULL or items == width:
            if packed or not small:
                bad = copy_run(copy, line, items)
            else:
                bad = copy_small(copy, line, &one, 0, width, items)
        elif small:
            bad = copy_small(copy, line, mask + cell * mask_row, mask_item, width, items)
        else:
            bad = copy_runs(copy, line, mask + cell * mask_row, mask_item, width, items)
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
    rewind(&copy, table)
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
        if not whole or copy_run(&copy, data, rows * width):
            rewind(&copy, table)
            bad = _copy_rows(
                &copy, data, row_stride, rows, width, bounds, where, keep, mask_row, mask_item
            )
    free(table)
    return bad
