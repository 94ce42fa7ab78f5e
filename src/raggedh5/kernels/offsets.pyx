"""Offsets from masks and lengths, and the checks that make offsets safe to follow."""

cimport numpy as cnp
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint64_t
from libc.string cimport memchr, memcpy

cnp.import_array()

cdef uint64_t ONES = 0x0101010101010101
cdef uint64_t LOW_BITS = 0x7F7F7F7F7F7F7F7F
cdef uint64_t EVEN_BYTES = 0x00FF00FF00FF00FF
cdef uint64_t ADD_QUARTERS = 0x0001000100010001

cdef enum:
    WORD = 8
    MOST_WORDS = 255  # so many ones fit a byte


cdef int64_t _count_line(const char *line, Py_ssize_t width) noexcept nogil:
    """Count nonzero bytes, eight at a time: each lane of a word counts for itself."""
    cdef Py_ssize_t words = width // WORD, first = 0, last, i
    cdef uint64_t word, lanes
    cdef int64_t count = 0
    while first < words:
        last = min(first + MOST_WORDS, words)
        lanes = 0
        for i in range(first, last):
            memcpy(&word, line + WORD * i, WORD)
            lanes += ((((word & LOW_BITS) + LOW_BITS) | word) >> 7) & ONES
        lanes = (lanes & EVEN_BYTES) + ((lanes >> 8) & EVEN_BYTES)
        count += (lanes * ADD_QUARTERS) >> 48
        first = last
    for i in range(WORD * words, width):
        count += (<const uint8_t *> line)[i] != 0
    return count


cdef bint _count_rows(
    const char *mask,
    Py_ssize_t rows,
    Py_ssize_t width,
    Py_ssize_t row_stride,
    Py_ssize_t item_stride,
    int64_t *offsets,
) noexcept nogil:
    cdef bint every_prefix = True
    cdef int64_t total = 0
    cdef int64_t count
    cdef Py_ssize_t row, item
    cdef const char *line
    offsets[0] = 0
    for row in range(rows):
        line = mask + row * row_stride
        count = 0
        if item_stride == 1:
            count = _count_line(line, width)
            if every_prefix and count:
                every_prefix = memchr(line, 0, <size_t> count) == NULL
        else:
            for item in range(width):
                if line[item * item_stride] != 0:
                    every_prefix &= count == item
                    count += 1
        total += count
        offsets[row + 1] = total
    return every_prefix


def offsets_from_mask(cnp.ndarray mask, cnp.ndarray offsets):
    """Fill offsets by counting the nonzero bytes of each row; say whether every row is a prefix."""
    cdef const char *data = <const char *> cnp.PyArray_DATA(mask)
    cdef Py_ssize_t rows = cnp.PyArray_DIM(mask, 0)
    cdef Py_ssize_t width = cnp.PyArray_DIM(mask, 1)
    cdef Py_ssize_t row_stride = cnp.PyArray_STRIDE(mask, 0)
    cdef Py_ssize_t item_stride = cnp.PyArray_STRIDE(mask, 1)
    cdef int64_t *out = <int64_t *> cnp.PyArray_DATA(offsets)
    cdef bint every_prefix
    with nogil:
        every_prefix = _count_rows(data, rows, width, row_stride, item_stride, out)
    return every_prefix


def offsets_from_lengths(cnp.ndarray lengths, int64_t width, cnp.ndarray offsets):
    """Fill offsets with running totals; return the first row that does not fit, or -1.

    A row does not fit when its length is negative or more than `width`, or when the running total
    passes int64.
    """
    cdef const int64_t *count = <const int64_t *> cnp.PyArray_DATA(lengths)
    cdef int64_t *out = <int64_t *> cnp.PyArray_DATA(offsets)
    cdef Py_ssize_t rows = cnp.PyArray_DIM(lengths, 0)
    cdef Py_ssize_t row
    cdef Py_ssize_t bad = -1
    cdef int64_t total = 0
    with nogil:
        out[0] = 0
        for row in range(rows):
            if count[row] < 0 or count[row] > width or count[row] > INT64_MAX - total:
                bad = row
                break
            total += count[row]
            out[row + 1] = total
    return bad


def first_bad_offset(cnp.ndarray offsets, int64_t n_values):
    """Return the first row whose offsets cannot be followed, or -1 where all can.

    Row i is bad when it starts anywhere but at 0 (i = 0), ends before it starts, or ends past
    `n_values`.
    """
    cdef const int64_t *bounds = <const int64_t *> cnp.PyArray_DATA(offsets)
    cdef Py_ssize_t rows = cnp.PyArray_DIM(offsets, 0) - 1
    cdef Py_ssize_t row
    cdef Py_ssize_t bad = -1
    with nogil:
        if bounds[0] != 0:
            bad = 0
        else:
            for row in range(rows):
                if bounds[row + 1] < bounds[row] or bounds[row + 1] > n_values:
                    bad = row
                    break
    return bad


def longest_row(cnp.ndarray offsets):
    """Return the most items that any row owns, 0 where there is no row."""
    cdef const int64_t *bounds = <const int64_t *> cnp.PyArray_DATA(offsets)
    cdef Py_ssize_t rows = cnp.PyArray_DIM(offsets, 0) - 1
    cdef Py_ssize_t row
    cdef int64_t longest = 0
    with nogil:
        for row in range(rows):
            longest = max(longest, bounds[row + 1] - bounds[row])
    return longest
