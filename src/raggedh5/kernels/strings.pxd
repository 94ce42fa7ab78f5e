"""Lists of strings as something to be done, by this thread or for it."""

from libc.stdint cimport int64_t, uint8_t

from .string_sink cimport Fault, Sink

cdef extern from "numpy/arrayobject.h":
    ctypedef struct npy_string_allocator:
        pass

# One row of a source. Its kept items are the j below stop with picks[j * pick_step] set, or all of
# them where picks is NULL.
cdef struct Row:
    const char *base
    Py_ssize_t step
    Py_ssize_t size  # bytes an item, of U and S
    Py_ssize_t stop
    const uint8_t *picks
    Py_ssize_t pick_step
    npy_string_allocator *allocator  # of StringDType


cdef class Putting:
    cdef Sink sink
    cdef list rows
    cdef object kept
    cdef const int64_t *offsets
    cdef const int64_t *cells
    cdef const uint8_t *mask
    cdef Py_ssize_t mask_row, mask_item, width
    cdef Row *table
    cdef Py_ssize_t count
    cdef Fault fault
    cdef readonly bint begun, done

    # Looks up where the strings are: from here to the end of `put` the GIL is to be held, by
    # whoever called this, so that no list changes. Nothing is made, and nothing comes to its end.
    cdef void find(self) noexcept
    cdef void put(self) noexcept nogil
