"""Copy ranges of flat values to padded rows, or one after the other to new flat values."""

cimport numpy as cnp
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

cnp.import_array()


def first_bad_range(
    cnp.ndarray starts, cnp.ndarray lengths, int64_t n_values, int64_t width
):
    """Return the first row whose range is not within the values or longer than `width`, or -1."""
    cdef const int64_t *start = <const int64_t *> cnp.PyArray_DATA(starts)
    cdef const int64_t *length = <const int64_t *> cnp.PyArray_DATA(lengths)
    cdef Py_ssize_t rows = cnp.PyArray_DIM(starts, 0)
    cdef Py_ssize_t row
    cdef Py_ssize_t bad = -1
    with nogil:
        for row in range(rows):
            if (
                start[row] < 0
                or length[row] < 0
                or length[row] > width
                or start[row] > n_values
                or length[row] > n_values - start[row]
            ):
                bad = row
                break
    return bad


cdef inline void _fill(
    char *out, Py_ssize_t size, const char *item, Py_ssize_t item_bytes, bint zero
) noexcept nogil:
    """Fill `size` bytes, a whole number of items, with copies of one item."""
    cdef Py_ssize_t done, take
    if zero:
        memset(out, 0, <size_t> size)
    elif size > 0:
        memcpy(out, item, <size_t> item_bytes)
        done = item_bytes
        while done < size:  # what is filled doubles every time
            take = min(done, size - done)
            memcpy(out + done, out, <size_t> take)
            done += take


def scatter_rows(
    cnp.ndarray values,
    cnp.ndarray starts,
    cnp.ndarray lengths,
    cnp.ndarray out,
    cnp.ndarray mask,
    cnp.ndarray fill,
):
    """Copy the range of each row to the begin of its padded row; fill the rest of it."""
    cdef const char *source = <const char *> cnp.PyArray_DATA(values)
    cdef const int64_t *start = <const int64_t *> cnp.PyArray_DATA(starts)
    cdef const int64_t *length = <const int64_t *> cnp.PyArray_DATA(lengths)
    cdef char *line = <char *> cnp.PyArray_DATA(out)
    cdef char *keep = <char *> cnp.PyArray_DATA(mask)
    cdef const char *item = <const char *> cnp.PyArray_DATA(fill)
    cdef Py_ssize_t item_bytes = cnp.PyArray_NBYTES(fill)
    cdef Py_ssize_t rows = cnp.PyArray_DIM(starts, 0)
    cdef Py_ssize_t width = cnp.PyArray_DIM(mask, 1)
    cdef Py_ssize_t row, k, used
    cdef bint zero = True
    with nogil:
        for k in range(item_bytes):
            zero &= item[k] == 0
        for row in range(rows):
            used = length[row] * item_bytes
            memcpy(line, source + start[row] * item_bytes, <size_t> used)
            _fill(line + used, width * item_bytes - used, item, item_bytes, zero)
            memset(keep, 1, <size_t> length[row])
            memset(keep + length[row], 0, <size_t> (width - length[row]))
            line += width * item_bytes
            keep += width


def gather_rows(cnp.ndarray values, cnp.ndarray starts, cnp.ndarray lengths, cnp.ndarray out):
    """Copy the range of each row to `out`, one after the other."""
    cdef const char *source = <const char *> cnp.PyArray_DATA(values)
    cdef const int64_t *start = <const int64_t *> cnp.PyArray_DATA(starts)
    cdef const int64_t *length = <const int64_t *> cnp.PyArray_DATA(lengths)
    cdef char *target = <char *> cnp.PyArray_DATA(out)
    cdef Py_ssize_t rows = cnp.PyArray_DIM(starts, 0)
    cdef Py_ssize_t item_bytes = cnp.PyArray_ITEMSIZE(values)
    cdef Py_ssize_t row, size
    cdef int axis
    for axis in range(1, cnp.PyArray_NDIM(values)):
        item_bytes *= cnp.PyArray_DIM(values, axis)
    with nogil:
        for row in range(rows):
            size = length[row] * item_bytes
            memcpy(target, source + start[row] * item_bytes, <size_t> size)
            target += size
