"""One Python object into a sink of strings: str of any storage kind, bytes, None."""

from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint16_t, uint32_t

from .string_sink cimport (
    NO_MEMORY,
    NOT_READY,
    NOT_TEXT,
    NOT_UTF8,
    Fault,
    SinkState,
    put_code_points,
    put_null,
    put_utf8,
)
from .utf8 cimport MOST_BYTES_UCS1, MOST_BYTES_UCS2, MOST_BYTES_UCS4, is_utf8

cdef extern from *:
    """
    #if PY_VERSION_HEX >= 0x030C0000
    #define RH5_READY(text) 0
    #define RH5_IS_READY(text) 1
    #else
    #define RH5_READY(text) PyUnicode_READY(text)
    #define RH5_IS_READY(text) PyUnicode_IS_READY(text)
    #endif
    """
    int RH5_READY(PyObject *text) nogil
    bint RH5_IS_READY(PyObject *text) nogil
    bint PyUnicode_Check(PyObject *item) nogil
    bint PyUnicode_IS_ASCII(PyObject *text) nogil
    Py_ssize_t PyUnicode_GET_LENGTH(PyObject *text) nogil
    int PyUnicode_KIND(PyObject *text) nogil
    void *PyUnicode_DATA(PyObject *text) nogil
    bint PyBytes_Check(PyObject *item) nogil
    char *PyBytes_AS_STRING(PyObject *item) nogil
    Py_ssize_t PyBytes_GET_SIZE(PyObject *item) nogil
    PyObject *Py_None



cdef inline Fault put_object(SinkState *s, PyObject *item) noexcept nogil:
    """Put an object that is str, bytes or None; the GIL is held, though this does not ask for it."""
    cdef Py_ssize_t size
    if item == NULL or item == Py_None:
        return put_null(s)
    if PyUnicode_Check(item):
        if not RH5_IS_READY(item):  # as old extensions make them
            if s.elsewhere:
                return NOT_READY
            if RH5_READY(item):
                return NO_MEMORY
        size = PyUnicode_GET_LENGTH(item)
        if PyUnicode_IS_ASCII(item):
            return put_utf8(s, <const uint8_t *>PyUnicode_DATA(item), size)
        if PyUnicode_KIND(item) == 1:
            return put_code_points(
                s, <const uint8_t *>PyUnicode_DATA(item), size, MOST_BYTES_UCS1)
        if PyUnicode_KIND(item) == 2:
            return put_code_points(
                s, <const uint16_t *>PyUnicode_DATA(item), size, MOST_BYTES_UCS2)
        return put_code_points(s, <const uint32_t *>PyUnicode_DATA(item), size, MOST_BYTES_UCS4)
    if PyBytes_Check(item):
        size = PyBytes_GET_SIZE(item)
        if not is_utf8(<const uint8_t *>PyBytes_AS_STRING(item), size):
            return NOT_UTF8
        return put_utf8(s, <const uint8_t *>PyBytes_AS_STRING(item), size)
    return NOT_TEXT
