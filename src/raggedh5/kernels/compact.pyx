"""Copy the kept items of a padded array to flat pieces, converting and checking on the way."""

cimport numpy as cnp
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

from raggedh5.kernels.copy_runs cimport (
    PREFETCH_LEAST, PREFETCH_ROWS, copy_run, copy_runs, copy_small, prefetch_row, rewind,
)
from raggedh5.kernels.scalars cimport converter, finite_check, scalar_bytes

cdef extern from "numpy/arrayobject.h":
    bint PyDataType_REFCHK(cnp.dtype)
    bint is_native "PyDataType_ISNOTSWAPPED"(cnp.dtype)

cnp.import_array()


cdef Py_ssize_t _copy_rows(Copy *copy, Padded *padded, Kept *kept) noexcept nogil:
    # A mask is bounded by the width as well as by the count of its items: it is the caller's
    # memory, and might change under our feet. A row where they disagree counts as bad.
    cdef Py_ssize_t row, cell, items
    cdef Py_ssize_t ahead = 0
    cdef Py_ssize_t width = padded.width
    cdef char one = 1
    cdef const char *line
    cdef const char *keep
    cdef bint bad
    cdef bint small = copy.convert == NULL and copy.source_bytes in (1, 2, 4, 8, 12, 16, 24)
    cdef bint packed = copy.stride == copy.source_bytes
    if kept.cells == NULL and packed and padded.row_stride >= PREFETCH_LEAST:
        ahead = PREFETCH_ROWS
    for row in range(kept.rows):
        items = kept.offsets[row + 1] - kept.offsets[row]
        cell = row if kept.cells == NULL else kept.cells[row]
        line = padded.data + cell * padded.row_stride
        if ahead != 0 and row + ahead < kept.rows:
            prefetch_row(
                line + ahead * padded.row_stride,
                (kept.offsets[row + ahead + 1] - kept.offsets[row + ahead]) * copy.source_bytes,
            )
        if kept.mask == NULL or items == width:
            if packed or not small:
                bad = copy_run(copy, line, items)
            else:
                bad = copy_small(copy, line, &one, 0, width, items)
        else:
            keep = kept.mask + cell * kept.mask_row
            if small:
                bad = copy_small(copy, line, keep, kept.mask_item, width, items)
            else:
                bad = copy_runs(copy, line, keep, kept.mask_item, width, items)
        if bad:
            return row
    return -1


cdef bint _inner_is_contiguous(cnp.ndarray array, int depth) noexcept:
    cdef Py_ssize_t expected = cnp.PyArray_ITEMSIZE(array)
    cdef int axis
    if cnp.PyArray_SIZE(array) == 0:  # its strides mean nothing
        return True
    for axis in range(cnp.PyArray_NDIM(array) - 1, depth - 1, -1):
        if cnp.PyArray_DIM(array, axis) != 1 and cnp.PyArray_STRIDE(array, axis) != expected:
            return False
        expected *= cnp.PyArray_DIM(array, axis)
    return True


cdef bint prepare(
    Copy *copy, Padded *padded, cnp.ndarray array, int depth, cnp.dtype target, bint finite
):
    cdef cnp.dtype source = <cnp.dtype> cnp.PyArray_DESCR(array)
    cdef Py_ssize_t inner = 1
    cdef int axis
    if not _inner_is_contiguous(array, depth) or not cnp.PyArray_ISALIGNED(array):
        return False
    for axis in range(depth, cnp.PyArray_NDIM(array)):
        inner *= cnp.PyArray_DIM(array, axis)
    copy.convert = NULL
    copy.check = NULL
    copy.scalars = inner
    copy.source_bytes = inner * source.itemsize
    copy.target_bytes = inner * target.itemsize
    if source is target or cnp.PyArray_EquivTypes(source, target):
        if PyDataType_REFCHK(source):
            return False
    else:
        if not (cnp.PyArray_ISNOTSWAPPED(array) and is_native(target)):
            return False
        copy.convert = converter(source, target)
        if copy.convert == NULL:
            return False
    if finite and (target.kind == c"f" or target.kind == c"c"):
        copy.check = finite_check(target)
        if copy.check == NULL:
            return False
        copy.scalars = copy.target_bytes // scalar_bytes(target)
    padded.data = <const char *> cnp.PyArray_DATA(array)
    padded.width = cnp.PyArray_DIM(array, depth - 1)
    padded.row_stride = cnp.PyArray_STRIDE(array, 0) if depth > 1 else 0
    # The stride of an axis with one place means nothing.
    copy.stride = copy.source_bytes
    if padded.width > 1:
        copy.stride = cnp.PyArray_STRIDE(array, depth - 1)
    return True


cdef void keep(Kept *kept, cnp.ndarray offsets, cnp.ndarray mask, cnp.ndarray cells):
    kept.rows = cnp.PyArray_DIM(offsets, 0) - 1
    kept.offsets = <const int64_t *> cnp.PyArray_DATA(offsets)
    kept.cells = NULL
    kept.mask = NULL
    kept.mask_row = kept.mask_item = 0
    if cells is not None:
        kept.cells = <const int64_t *> cnp.PyArray_DATA(cells)
    if mask is not None:
        kept.mask = <const char *> cnp.PyArray_DATA(mask)
        kept.mask_row = cnp.PyArray_STRIDE(mask, 0)
        kept.mask_item = cnp.PyArray_STRIDE(mask, 1)


cdef Py_ssize_t copy_kept(Copy *copy, Piece *table, Padded *padded, Kept *kept) noexcept nogil:
    cdef Py_ssize_t places = kept.rows * padded.width
    cdef bint whole = (
        kept.cells == NULL
        and copy.stride == copy.source_bytes
        and (kept.rows == 1 or padded.row_stride == padded.width * copy.stride)
        and kept.offsets[kept.rows] - kept.offsets[0] == places
    )
    rewind(copy, table)
    # Without padding all rows are one run; only to name a bad row they are gone through.
    if whole and not copy_run(copy, padded.data, places):
        return -1
    rewind(copy, table)
    return _copy_rows(copy, padded, kept)


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
    cdef Copy copy
    cdef Padded array
    cdef Kept kept
    cdef Py_ssize_t n = len(pieces)
    cdef Py_ssize_t k
    cdef Py_ssize_t bad
    if n == 0:
        return -1
    piece = <cnp.ndarray> pieces[0]
    if not prepare(&copy, &array, padded, 2, <cnp.dtype> cnp.PyArray_DESCR(piece), finite):
        return -2
    keep(&kept, offsets, mask, cells)
    cdef Piece *table = <Piece *> malloc(<size_t> n * sizeof(Piece))
    if table == NULL:
        raise MemoryError
    for k in range(n):
        piece = <cnp.ndarray> pieces[k]
        table[k].data = <char *> cnp.PyArray_DATA(piece)
        table[k].items = cnp.PyArray_DIM(piece, 0)
    with nogil:
        bad = copy_kept(&copy, table, &array, &kept)
    free(table)
    return bad
