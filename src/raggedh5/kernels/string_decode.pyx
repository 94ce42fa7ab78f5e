# distutils: define_macros = NPY_NO_DEPRECATED_API=NPY_2_0_API_VERSION NPY_TARGET_VERSION=NPY_2_0_API_VERSION
"""UTF-8 bytes with offsets, or dictionary codes, back into strings.

The offsets and codes are trusted: `raggedh5.core.string_decode` checks them. The bytes are not.
"""

cimport numpy as cnp
from cpython.list cimport PyList_GET_ITEM, PyList_New, PyList_SET_ITEM
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int64_t, uint8_t

from .utf8 cimport is_utf8

cnp.import_array()

cdef const char *EMPTY = ""

cdef extern from "numpy/arrayobject.h":
    ctypedef struct npy_string_allocator:
        pass
    ctypedef struct npy_packed_static_string:
        pass
    ctypedef struct npy_static_string:
        size_t size
        const char *buf
    ctypedef struct PyArray_Descr:
        pass
    ctypedef struct PyArray_StringDTypeObject:
        pass
    npy_string_allocator *NpyString_acquire_allocator(
        const PyArray_StringDTypeObject *descr) nogil
    void NpyString_release_allocator(npy_string_allocator *allocator) nogil
    int NpyString_pack(
        npy_string_allocator *allocator,
        npy_packed_static_string *packed,
        const char *buf,
        size_t size) nogil
    int NpyString_pack_null(
        npy_string_allocator *allocator, npy_packed_static_string *packed) nogil
    int NpyString_load(
        npy_string_allocator *allocator,
        const npy_packed_static_string *packed,
        npy_static_string *unpacked) nogil
    void NpyString_acquire_allocators(
        size_t count, PyArray_Descr **descrs, npy_string_allocator **allocators) nogil
    void NpyString_release_allocators(size_t count, npy_string_allocator **allocators) nogil


def first_not_utf8(const uint8_t[::1] data not None, const int64_t[::1] offsets not None):
    """Return the first item of data that is not UTF-8 by itself, or -1."""
    cdef Py_ssize_t i, items = offsets.shape[0] - 1
    cdef Py_ssize_t first = -1
    if data.shape[0]:
        with nogil:
            for i in range(items):
                if not is_utf8(&data[0] + offsets[i], offsets[i + 1] - offsets[i]):
                    first = i
                    break
    return first


def to_list(const uint8_t[::1] data not None, const int64_t[::1] offsets not None):
    """Return the items as a list of str; UnicodeDecodeError at bytes that are not UTF-8."""
    cdef Py_ssize_t i, items = offsets.shape[0] - 1
    # NumPy and Python take a null pointer for an error, or for no string, even of length 0.
    cdef const char *p = EMPTY
    if data.shape[0]:
        p = <const char *>&data[0]
    cdef list texts = PyList_New(items)
    cdef object text
    for i in range(items):
        text = PyUnicode_DecodeUTF8(p + offsets[i], offsets[i + 1] - offsets[i], NULL)
        Py_INCREF(text)
        PyList_SET_ITEM(texts, i, text)
    return texts


def to_array(
    cnp.ndarray out not None, const uint8_t[::1] data not None, const int64_t[::1] offsets not None
):
    """Fill a contiguous StringDType array with the items, which are UTF-8."""
    cdef Py_ssize_t i, items = offsets.shape[0] - 1
    # NumPy and Python take a null pointer for an error, or for no string, even of length 0.
    cdef const char *p = EMPTY
    if data.shape[0]:
        p = <const char *>&data[0]
    cdef char *packed = <char *>cnp.PyArray_DATA(out)
    cdef Py_ssize_t step = cnp.PyArray_ITEMSIZE(out)
    cdef int failed = 0
    cdef object dtype = out.dtype
    cdef npy_string_allocator *allocator = NpyString_acquire_allocator(
        <PyArray_StringDTypeObject *><PyObject *>dtype)
    with nogil:
        for i in range(items):
            failed = NpyString_pack(
                allocator,
                <npy_packed_static_string *>(packed + i * step),
                p + offsets[i],
                offsets[i + 1] - offsets[i],
            )
            if failed:
                break
        # Before the GIL is asked for: whoever holds it may be waiting for the allocator.
        NpyString_release_allocator(allocator)
    if failed:
        raise MemoryError


def pick_list(list texts not None, const int64_t[::1] codes not None):
    """Return [texts[code] for code in codes], with None for -1."""
    cdef Py_ssize_t i, items = codes.shape[0]
    cdef list picked = PyList_New(items)
    cdef object text
    for i in range(items):
        text = None if codes[i] < 0 else <object>PyList_GET_ITEM(texts, codes[i])
        Py_INCREF(text)
        PyList_SET_ITEM(picked, i, text)
    return picked


def pick_array(
    cnp.ndarray out not None, cnp.ndarray texts not None, const int64_t[::1] codes not None
):
    """Fill a contiguous StringDType array with texts[code], or a null for -1, for all codes."""
    cdef Py_ssize_t i, items = codes.shape[0]
    cdef char *packed = <char *>cnp.PyArray_DATA(out)
    cdef Py_ssize_t step = cnp.PyArray_ITEMSIZE(out)
    cdef const char *source = <const char *>cnp.PyArray_DATA(texts)
    cdef Py_ssize_t source_step = cnp.PyArray_STRIDE(texts, 0)
    cdef npy_static_string text
    cdef npy_packed_static_string *place
    cdef int failed = 0
    cdef object out_dtype = out.dtype
    cdef object dtype = texts.dtype
    cdef PyArray_Descr *descrs[2]
    cdef npy_string_allocator *allocators[2]
    descrs[0] = <PyArray_Descr *><PyObject *>out_dtype
    descrs[1] = <PyArray_Descr *><PyObject *>dtype
    NpyString_acquire_allocators(2, descrs, allocators)
    with nogil:
        for i in range(items):
            place = <npy_packed_static_string *>(packed + i * step)
            if codes[i] < 0:
                failed = NpyString_pack_null(allocators[0], place)
            else:
                failed = NpyString_load(
                    allocators[1],
                    <const npy_packed_static_string *>(source + codes[i] * source_step),
                    &text,
                )
                if failed == 0:
                    failed = NpyString_pack(allocators[0], place, text.buf, text.size)
                elif failed == 1:
                    failed = NpyString_pack_null(allocators[0], place)
            if failed:
                break
        # Before the GIL is asked for: whoever holds it may be waiting for the allocators.
        NpyString_release_allocators(2, allocators)
    if failed:
        raise MemoryError
