"""The copy that `compact` makes, in steps: for kernels that make many without the GIL."""

cimport numpy as cnp
from libc.stdint cimport int64_t

from raggedh5.kernels.copy_runs cimport Copy, Piece

# A padded array, items apart by Copy.stride.
cdef struct Padded:
    const char *data
    Py_ssize_t row_stride
    Py_ssize_t width

# What is kept of it: `raggedh5.core.kept.Kept`.
cdef struct Kept:
    const int64_t *offsets
    const int64_t *cells
    const char *mask
    Py_ssize_t mask_row
    Py_ssize_t mask_item
    Py_ssize_t rows

# Says how the items of an array are copied, whose first `depth` axes (2, or 1 where it has no
# padding) are not theirs; False where there is no loop for that.
cdef bint prepare(
    Copy *copy, Padded *padded, cnp.ndarray array, int depth, cnp.dtype target, bint finite
)

cdef void keep(Kept *kept, cnp.ndarray offsets, cnp.ndarray mask, cnp.ndarray cells)

# Copies to the pieces in `table`; returns the first bad row, -1 for none.
cdef Py_ssize_t copy_kept(Copy *copy, Piece *table, Padded *padded, Kept *kept) noexcept nogil
