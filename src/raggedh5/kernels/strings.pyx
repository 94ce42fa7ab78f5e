# distutils: define_macros = NPY_NO_DEPRECATED_API=NPY_2_0_API_VERSION NPY_TARGET_VERSION=NPY_2_0_API_VERSION
"""Strings of every kind of source into UTF-8 bytes with offsets, or into dictionary codes.

A source (lists of str, object, U, S and StringDType arrays) is walked in row order and its kept
items are put into a `Sink`. The arguments are trusted: `raggedh5.core.string_source` checks them.
"""

cimport numpy as cnp
from cpython.list cimport PyList_Check, PyList_GET_SIZE
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_Check
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from .string_object cimport put_object
from .string_sink cimport (
    CHANGED,
    FINE,
    NO_MEMORY,
    NOT_UTF8,
    Fault,
    Sink,
    SinkState,
    put_code_points,
    put_null,
    put_short,
    put_utf8,
)
from .utf8 cimport HIGH_BITS, MOST_BYTES_UCS4, is_utf8, load_short

cnp.import_array()

cdef extern from *:
    PyObject **PySequence_Fast_ITEMS(object items)
    Py_ssize_t PySequence_Fast_GET_SIZE(object items)

cdef extern from "numpy/arrayobject.h":
    ctypedef struct npy_packed_static_string:
        pass
    ctypedef struct npy_static_string:
        size_t size
        const char *buf
    ctypedef struct PyArray_StringDTypeObject:
        pass
    npy_string_allocator *NpyString_acquire_allocator(
        const PyArray_StringDTypeObject *descr) nogil
    void NpyString_release_allocator(npy_string_allocator *allocator) nogil
    int NpyString_load(
        npy_string_allocator *allocator,
        const npy_packed_static_string *packed,
        npy_static_string *unpacked) nogil

KINDS = ("", "type", "null", "utf8", "unicode", "full", "changed", "memory", "ready")


class ItemError(Exception):
    """An item that cannot be stored: its row, its place in the row, and one of KINDS."""

    def __init__(self, row, item, kind):
        super().__init__(row, item, kind)
        self.row = row
        self.item = item
        self.kind = kind


cdef Fault put_row_of_objects(SinkState *s, Row r) noexcept nogil:
    cdef Py_ssize_t j
    cdef Fault fault
    for j in range(r.stop):
        if r.picks == NULL or r.picks[j * r.pick_step]:
            fault = put_object(s, (<PyObject **>(r.base + j * r.step))[0])
            if fault != FINE:
                s.item = j
                return fault
    return FINE


cdef Fault put_row_of_ucs4(SinkState *s, Row r) noexcept nogil:
    cdef Py_ssize_t j, k, count
    cdef const uint32_t *p
    cdef uint32_t every = 0x80
    cdef uint64_t key = 0
    cdef Fault fault
    for j in range(r.stop):
        if r.picks == NULL or r.picks[j * r.pick_step]:
            p = <const uint32_t *>(r.base + j * r.step)
            count = r.size // 4
            if count <= 8:
                # Most strings are a symbol or a short name: no loop over them guesses their length.
                key = every = 0
                for k in range(count):
                    every |= p[k]
                    key |= <uint64_t>p[k] << (8 * k)
            if count <= 8 and every < 0x80:
                fault = put_short(s, key)
            else:
                while count and p[count - 1] == 0:
                    count -= 1
                fault = put_code_points(s, p, count, MOST_BYTES_UCS4)
            if fault != FINE:
                s.item = j
                return fault
    return FINE


cdef Fault put_row_of_bytes(SinkState *s, Row r) noexcept nogil:
    cdef Py_ssize_t j, count
    cdef const uint8_t *p
    cdef uint64_t key
    cdef Fault fault
    for j in range(r.stop):
        if r.picks == NULL or r.picks[j * r.pick_step]:
            p = <const uint8_t *>(r.base + j * r.step)
            count = r.size
            key = load_short(p, count) if count <= 8 else HIGH_BITS
            if not key & HIGH_BITS:
                fault = put_short(s, key)
            else:
                while count and p[count - 1] == 0:
                    count -= 1
                fault = put_utf8(s, p, count) if is_utf8(p, count) else NOT_UTF8
            if fault != FINE:
                s.item = j
                return fault
    return FINE


cdef Fault put_row_of_strings(SinkState *s, Row r) noexcept nogil:
    cdef Py_ssize_t j
    cdef npy_static_string text
    cdef const npy_packed_static_string *packed
    cdef int loaded
    cdef Fault fault
    for j in range(r.stop):
        if r.picks == NULL or r.picks[j * r.pick_step]:
            packed = <const npy_packed_static_string *>(r.base + j * r.step)
            loaded = NpyString_load(r.allocator, packed, &text)
            if loaded == 0:
                fault = put_utf8(s, <const uint8_t *>text.buf, text.size)
            else:
                fault = put_null(s) if loaded == 1 else NO_MEMORY
            if fault != FINE:
                s.item = j
                return fault
    return FINE


cdef object check(SinkState *s, Fault fault):
    if fault == NO_MEMORY:
        raise MemoryError
    if fault != FINE:
        raise ItemError(s.row, s.item, KINDS[<int>fault])


cdef class Putting:
    """Kept items of lists or tuples of str, bytes or None that go into a sink, in row order.

    Row i is rows[cells[i]], or rows[i] without cells. Its kept items j are those with mask set
    at the same place; without a mask the first offsets[i + 1] - offsets[i], or all without both.

    Attributes
    ----------
    begun, done : bool
        Whether somebody began it, and whether it was done, without a fault.
    """

    def __init__(
        self,
        Sink sink not None,
        list rows not None,
        const int64_t[::1] offsets,
        const uint8_t[:, :] mask,
        const int64_t[::1] cells,
    ):
        self.sink = sink
        self.rows = rows
        self.kept = offsets, mask, cells
        self.count = len(rows) if offsets is None else offsets.shape[0] - 1
        self.offsets = self.cells = NULL
        self.mask = NULL
        self.width = self.mask_row = self.mask_item = 0
        if offsets is not None:
            self.offsets = &offsets[0]
        if cells is not None and cells.shape[0]:
            self.cells = &cells[0]
        if mask is not None:
            self.width = mask.shape[1]
            self.mask_row, self.mask_item = mask.strides[0], mask.strides[1]
            if mask.shape[0] and mask.shape[1]:
                self.mask = &mask[0, 0]
        PyMem_RawFree(self.table)
        self.table = <Row *>PyMem_RawMalloc((self.count + 1) * sizeof(Row))
        if self.table == NULL:
            raise MemoryError

    def __dealloc__(self):
        PyMem_RawFree(self.table)

    cdef void find(self) noexcept:
        cdef Py_ssize_t i, at
        cdef PyObject *row
        cdef Row *r
        self.begun = True
        self.fault = FINE
        self.sink.c.row = 0
        for i in range(self.count):
            r = &self.table[i]
            at = i if self.cells == NULL else self.cells[i]
            if at >= PyList_GET_SIZE(self.rows):
                self.fault = CHANGED
                return
            row = PySequence_Fast_ITEMS(self.rows)[at]
            if not PyList_Check(<object>row) and not PyTuple_Check(<object>row):
                self.fault = CHANGED
                self.sink.c.row = i
                return
            r.stop = PySequence_Fast_GET_SIZE(<object>row)
            r.step = sizeof(PyObject *)
            r.picks = NULL
            r.pick_step = 0
            if r.stop == 0:
                continue
            r.base = <const char *>PySequence_Fast_ITEMS(<object>row)
            if self.kept[1] is not None:
                r.stop = min(r.stop, self.width)
                r.pick_step = self.mask_item
                if r.stop:
                    r.picks = self.mask + at * self.mask_row
            elif self.offsets != NULL:
                r.stop = min(r.stop, self.offsets[i + 1] - self.offsets[i])

    cdef void put(self) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.count):
            if self.fault != FINE:
                return
            self.sink.c.row = i
            self.fault = put_row_of_objects(&self.sink.c, self.table[i])
        self.done = self.fault == FINE

    def run(self):
        """Do it here and now.

        Raises
        ------
        ItemError
            For the first item that cannot be stored.
        """
        self.find()
        self.put()
        check(&self.sink.c, self.fault)


def put_lists(Sink sink, list rows, offsets, mask, cells):
    """Put kept items of lists or tuples of str, bytes or None into a sink: see `Putting`."""
    Putting(sink, rows, offsets, mask, cells).run()


# A padded array, and what is kept of it, as in put_lists.
cdef struct Padded:
    char kind
    const char *base
    Py_ssize_t row_step
    Py_ssize_t rows
    const int64_t *offsets
    const int64_t *cells
    const uint8_t *mask
    Py_ssize_t mask_step


cdef Fault put_padded(SinkState *s, Padded a, Row r) noexcept nogil:
    cdef Py_ssize_t i, at
    cdef Fault fault
    for i in range(a.rows):
        s.row = i
        at = i if a.cells == NULL else a.cells[i]
        r.base = a.base + at * a.row_step
        if a.mask != NULL:
            r.picks = a.mask + at * a.mask_step
        elif a.offsets != NULL:
            r.stop = a.offsets[i + 1] - a.offsets[i]
        if a.kind == b"O":
            fault = put_row_of_objects(s, r)
        elif a.kind == b"U":
            fault = put_row_of_ucs4(s, r)
        elif a.kind == b"S":
            fault = put_row_of_bytes(s, r)
        else:
            fault = put_row_of_strings(s, r)
        if fault != FINE:
            return fault
    return FINE


def put_array(
    Sink sink not None,
    cnp.ndarray array not None,
    const int64_t[::1] offsets,
    const uint8_t[:, :] mask,
    const int64_t[::1] cells,
):
    """Put kept items of an array (padded rows, width) into the sink; which, see put_lists.

    The array is of kind O, U, S or T, aligned and in native byte order, with any strides. For
    all but O the GIL is free meanwhile.
    """
    cdef object dtype = array.dtype
    cdef SinkState *s = &sink.c
    cdef Padded a
    cdef Row r
    cdef Fault fault
    a.kind = ord(dtype.kind)
    a.base = <const char *>cnp.PyArray_DATA(array)
    a.row_step = cnp.PyArray_STRIDE(array, 0)
    a.rows = cnp.PyArray_DIM(array, 0) if offsets is None else offsets.shape[0] - 1
    if cnp.PyArray_SIZE(array) == 0 or a.rows == 0:
        return
    a.offsets = a.cells = NULL
    a.mask = r.picks = NULL
    a.mask_step = r.pick_step = 0
    r.allocator = NULL
    r.step = cnp.PyArray_STRIDE(array, 1)
    r.size = cnp.PyArray_ITEMSIZE(array)
    r.stop = cnp.PyArray_DIM(array, 1)
    if offsets is not None:
        a.offsets = &offsets[0]
    if cells is not None:
        a.cells = &cells[0]
    if mask is not None:
        a.mask = &mask[0, 0]
        a.mask_step = mask.strides[0]
        r.pick_step = mask.strides[1]
    if a.kind == b"O":
        fault = put_padded(s, a, r)
    else:
        if a.kind == b"T":
            r.allocator = NpyString_acquire_allocator(
                <PyArray_StringDTypeObject *><PyObject *>dtype)
        with nogil:
            fault = put_padded(s, a, r)
            # Before the GIL is asked for: whoever holds it may be waiting for the allocator.
            if r.allocator != NULL:
                NpyString_release_allocator(r.allocator)
    check(s, fault)
