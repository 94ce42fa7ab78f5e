# distutils: define_macros = NPY_NO_DEPRECATED_API=NPY_2_0_API_VERSION NPY_TARGET_VERSION=NPY_2_0_API_VERSION
"""Strings of several lists joined item by item, without a Python string for each.

The arguments are trusted: `raggedh5.core.joined_strings` checks them.
"""

from cpython.list cimport PyList_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from .string_object cimport (
    PyUnicode_Check,
    PyUnicode_DATA,
    PyUnicode_GET_LENGTH,
    PyUnicode_IS_ASCII,
    PyUnicode_KIND,
    RH5_READY,
)
from .string_sink cimport (
    CHANGED,
    FINE,
    NO_MEMORY,
    NOT_TEXT,
    NOT_UNICODE,
    Fault,
    Sink,
    SinkState,
    grow,
    put_end,
)
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
    if RH5_READY(item):
        return NO_MEMORY
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


def put_joined(Sink sink not None, list columns not None, str separator not None):
    """Put the strings of lists, joined item by item, into a sink of bytes.

    Each of the columns is a list of as many rows, lists or tuples, as long as those of the others.
    Returns False, having put some, where an item is no str that UTF-8 can store.
    """
    cdef SinkState *s = &sink.c
    cdef Py_ssize_t count = PyList_GET_SIZE(columns)
    cdef PyObject ***items = <PyObject ***>PyMem_Malloc(count * sizeof(PyObject **))
    cdef Py_ssize_t i, j, k, size
    cdef Fault fault = FINE
    cdef object row
    if items == NULL:
        raise MemoryError
    try:
        for i in range(len(<list>columns[0])):
            size = PySequence_Fast_GET_SIZE((<list>columns[0])[i])
            if s.filled + size > s.room:
                fault = CHANGED
            for k in range(count):
                row = (<list>columns[k])[i]
                items[k] = PySequence_Fast_ITEMS(row)
                if PySequence_Fast_GET_SIZE(row) != size:
                    fault = CHANGED
            if fault != FINE:
                break
            for j in range(size):
                for k in range(count):
                    if k:
                        fault = add_text(s, <PyObject *>separator)
                    if fault == FINE:
                        fault = add_text(s, items[k][j])
                    if fault != FINE:
                        break
                if fault != FINE:
                    break
                put_end(s)
            if fault != FINE:
                break
    finally:
        PyMem_Free(items)
    if fault == NO_MEMORY:
        raise MemoryError
    return fault == FINE
