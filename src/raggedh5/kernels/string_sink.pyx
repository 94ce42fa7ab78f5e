"""What strings are put into: a buffer of UTF-8 bytes with offsets, or dictionary codes.

The arguments are trusted: `raggedh5.core.strings` and `raggedh5.core.dictionary` check them.
"""

import numpy as np

cimport cython
cimport numpy as cnp
from cpython.ref cimport Py_INCREF
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy

from .hashtable cimport resize_slots

cnp.import_array()


@cython.final
cdef class Block:
    """Memory that an array lives in."""

    cdef void *memory

    def __dealloc__(self):
        free(self.memory)


@cython.final
cdef class Table:
    """Distinct strings numbered from 0 in order of appearance, at most limit of them."""

    def __cinit__(self, uint64_t seed, Py_ssize_t limit):
        self.c.seed = seed
        self.c.limit = limit
        self.c.offsets_room = 16
        self.c.offsets = <int64_t *>calloc(16, sizeof(int64_t))
        if self.c.offsets == NULL or resize_slots(&self.c, 64):
            raise MemoryError

    def __dealloc__(self):
        free(self.c.slots)
        free(self.c.pool)
        free(self.c.offsets)

    def __len__(self):
        return self.c.count

    def copy_from(self, Py_ssize_t first):
        """Return (uint8 bytes, int64 offsets from 0) of the strings from first on: copies."""
        cdef Py_ssize_t base = self.c.offsets[first]
        cdef Py_ssize_t size = self.c.offsets[self.c.count] - base
        cdef Py_ssize_t count = self.c.count - first
        cdef cnp.ndarray data = np.empty(size, np.uint8)
        cdef cnp.ndarray offsets = np.empty(count + 1, np.int64)
        if size:
            memcpy(cnp.PyArray_DATA(data), self.c.pool + base, size)
        memcpy(cnp.PyArray_DATA(offsets), self.c.offsets + first, (count + 1) * sizeof(int64_t))
        return data, offsets - base

    def rollback(self, Py_ssize_t count):
        """Forget all strings but the first count."""
        cdef Py_ssize_t grown = self.c.count
        if count < grown:
            self.c.count = count
            if resize_slots(&self.c, self.c.last + 1):
                self.c.count = grown
                raise MemoryError


@cython.final
cdef class Sink:
    """Where the items go; made by of_bytes or of_codes."""

    def __dealloc__(self):
        free(self.c.data)
        free(self.pieces)

    @staticmethod
    def of_bytes(int64_t[::1] offsets not None, uint8_t[::1] valid, Py_ssize_t guess):
        """Gather bytes, about guess of them, and offsets; valid holds 1s, set to 0 at nulls."""
        cdef Sink self = Sink.__new__(Sink)
        self.kept_alive = (offsets, valid)
        self.c.room = offsets.shape[0] - 1
        self.c.nullable = valid is not None
        if self.c.room:
            self.c.ends = &offsets[1]
            if valid is not None:
                self.c.valid = &valid[0]
        offsets[0] = 0
        if not grow(&self.c, guess):
            raise MemoryError
        return self

    @staticmethod
    def of_codes(Table table not None, list pieces not None, bint nullable):
        """Write codes into the int32 arrays of pieces, one after the other; -1 for a null."""
        cdef Sink self = Sink.__new__(Sink)
        cdef int32_t[::1] codes
        cdef Py_ssize_t i
        self.kept_alive = (table, pieces)
        self.c.table = &table.c
        self.c.nullable = nullable
        self.pieces = self.c.pieces = <Piece *>malloc((len(pieces) + 1) * sizeof(Piece))
        if self.pieces == NULL:
            raise MemoryError
        for i in range(len(pieces)):
            codes = pieces[i]
            self.c.room += codes.shape[0]
            self.pieces[i].start = &codes[0] if codes.shape[0] else NULL
            self.pieces[i].end = self.pieces[i].start + codes.shape[0]
        return self

    @property
    def filled(self):
        """The number of items put so far."""
        return self.c.filled

    def take_bytes(self):
        """Hand the bytes over as a uint8 array that owns them; the sink is empty afterwards."""
        cdef cnp.npy_intp size = self.c.used
        cdef void *tight
        cdef Block block
        if size == 0:
            return np.empty(0, np.uint8)
        tight = realloc(self.c.data, size)
        block = Block.__new__(Block)
        block.memory = tight if tight != NULL else self.c.data
        self.c.data = NULL
        self.c.used = self.c.data_room = 0
        array = cnp.PyArray_SimpleNewFromData(1, &size, cnp.NPY_UINT8, block.memory)
        Py_INCREF(block)
        cnp.PyArray_SetBaseObject(array, block)
        return array
