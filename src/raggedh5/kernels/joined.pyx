# distutils: define_macros = NPY_NO_DEPRECATED_API=NPY_2_0_API_VERSION NPY_TARGET_VERSION=NPY_2_0_API_VERSION
"""Strings of several lists joined item by item, without a Python string for each.

The arguments are trusted: `raggedh5.core.joined_strings` checks them.
"""

cimport cython
from cpython.list cimport PyList_Check
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_Check
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from .string_object cimport (
    PyUnicode_Check,
    PyUnicode_DATA,
    PyUnicode_GET_LENGTH,
    PyUnicode_IS_ASCII,
    PyUnicode_KIND,
    RH5_IS_READY,
)
from .string_sink cimport (
    CHANGED,
    FINE,
    NO_MEMORY,
    NOT_READY,
    NOT_TEXT,
    NOT_UNICODE,
    Fault,
    Sink,
    SinkState,
    grow,
    put_end,
    put_known,
)
from .strings cimport Putting
from .utf8 cimport (
    MOST_BYTES_UCS1,
    MOST_BYTES_UCS2,
    MOST_BYTES_UCS4,
    codepoint,
    copy_bytes,
    transcode,
)

cdef extern from *:
    PyObject **PySequence_Fast_ITEMS(object items)
    Py_ssize_t PySequence_Fast_GET_SIZE(object items)


cdef inline Fault add_code_points(
    SinkState *s, const codepoint *p, Py_ssize_t count, Py_ssize_t most_bytes
) noexcept nogil:
    cdef Py_ssize_t size
    if not grow(s, count * most_bytes):
        return NO_MEMORY
    size = transcode(p, count, s.data + s.used)
    if size < 0:
        return NOT_UNICODE
    s.used += size
    return FINE


cdef inline Fault add_text(SinkState *s, PyObject *item) noexcept nogil:
    """Put the bytes of a str, but do not end the string that they belong to."""
    cdef Py_ssize_t size
    if not PyUnicode_Check(item):
        return NOT_TEXT
    if not RH5_IS_READY(item):
        return NOT_READY
    size = PyUnicode_GET_LENGTH(item)
    if PyUnicode_IS_ASCII(item):
        if not grow(s, size):
            return NO_MEMORY
        copy_bytes(s.data + s.used, <const uint8_t *>PyUnicode_DATA(item), size)
        s.used += size
        return FINE
    if PyUnicode_KIND(item) == 1:
        return add_code_points(s, <const uint8_t *>PyUnicode_DATA(item), size, MOST_BYTES_UCS1)
    if PyUnicode_KIND(item) == 2:
        return add_code_points(s, <const uint16_t *>PyUnicode_DATA(item), size, MOST_BYTES_UCS2)
    return add_code_points(s, <const uint32_t *>PyUnicode_DATA(item), size, MOST_BYTES_UCS4)


@cython.final
cdef class Joining(Putting):
    """Items that are the strings of several columns, joined.

    Parameters
    ----------
    sink
        Where they go.
    columns
        For each of them a list of rows, which are lists or tuples of str.
    separator
        What stands between two of them.
    """

    cdef str separator
    cdef Py_ssize_t parts
    cdef PyObject ***items  # of all parts of a row, one row behind the other
    cdef Py_ssize_t *sizes

    def __init__(self, Sink sink not None, list columns not None, str separator not None):
        self.sink = sink
        self.rows = columns
        self.separator = separator
        self.parts = len(columns)
        self.count = len(columns[0])
        PyMem_RawFree(self.items)
        PyMem_RawFree(self.sizes)
        self.items = <PyObject ***>PyMem_RawMalloc(
            (self.count * self.parts + 1) * sizeof(PyObject **))
        self.sizes = <Py_ssize_t *>PyMem_RawMalloc((self.count + 1) * sizeof(Py_ssize_t))
        if self.items == NULL or self.sizes == NULL:
            raise MemoryError

    def __dealloc__(self):
        PyMem_RawFree(self.items)
        PyMem_RawFree(self.sizes)

    cdef void find(self) noexcept:
        cdef PyObject *column
        cdef PyObject *row
        cdef Py_ssize_t i, k, total = 0
        self.begun = True
        self.fault = FINE
        for k in range(self.parts):
            column = PySequence_Fast_ITEMS(self.rows)[k]
            if PySequence_Fast_GET_SIZE(<object>column) < self.count:
                self.fault = CHANGED
                return
            for i in range(self.count):
                row = PySequence_Fast_ITEMS(<object>column)[i]
                if not PyList_Check(<object>row) and not PyTuple_Check(<object>row):
                    self.fault = CHANGED
                    return
                if k == 0:
                    self.sizes[i] = PySequence_Fast_GET_SIZE(<object>row)
                    total += self.sizes[i]
                elif PySequence_Fast_GET_SIZE(<object>row) != self.sizes[i]:
                    self.fault = CHANGED
                self.items[i * self.parts + k] = PySequence_Fast_ITEMS(<object>row)
        if total > self.sink.c.room - self.sink.c.filled:
            self.fault = CHANGED

    cdef void put(self) noexcept nogil:
        cdef SinkState *s = &self.sink.c
        cdef PyObject ***items
        cdef Py_ssize_t i, j, k
        cdef Fault fault = self.fault
        if fault != FINE:
            return
        for i in range(self.count):
            items = self.items + i * self.parts
            for j in range(self.sizes[i]):
                for k in range(self.parts):
                    if fault == FINE and k:
                        fault = add_text(s, <PyObject *>self.separator)
                    if fault == FINE:
                        fault = add_text(s, items[k][j])
                if fault == FINE and s.table != NULL:
                    fault = put_known(s, s.data, s.used)
                    s.used = 0
                elif fault == FINE:
                    put_end(s)
                if fault != FINE:
                    s.row, s.item = i, j
                    self.fault = fault
                    return
        self.done = True
