"""Frames of a simulation, copied field by field into rows that lie one behind the other.

What is quick about it: a frame costs one call, and a field one look into a dict and one copy. All
of it happens with the GIL held and without a line of Python, so that a frame is there as a whole or
not at all, whatever other threads do; what does not fit is left to those who know more.

The arguments are trusted: `raggedh5.core.frames` checks them.
"""

cimport cython
cimport numpy as cnp
from cpython.dict cimport PyDict_CheckExact, PyDict_Next, PyDict_Size
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_CheckExact, PyUnicode_Compare
from libc.stdint cimport int64_t
from libc.string cimport memcpy

cnp.import_array()

cdef extern from *:
    bint PyArray_CheckExact(PyObject *item)


cdef enum:
    MOST_AXES = 8


cdef struct Field:
    char *values
    int64_t *frames
    int typenum
    bint native_double
    bint flat
    bint ragged
    int ndim
    Py_ssize_t shape[MOST_AXES]
    Py_ssize_t row_bytes  # of a row; of an item, where rows have any number of them
    Py_ssize_t room
    Py_ssize_t count


cdef struct Source:
    Field *field
    const char *data
    Py_ssize_t rows
    double number


@cython.final
cdef class FrameBlock:
    """Room for some frames.

    Parameters
    ----------
    names : tuple of str
        Fields of at most 8 axes.
    values : list of ndarray
        Where the rows of each go, C-contiguous: shape (room, *shape), or (items, *inner) where rows
        have any number of items.
    numbers : list of ndarray of int64, shape (room,)
        Where the number of the frame of each row goes.
    flat : list of bool
        Whether rows of a field are vectors of three, which are stored as one axis, and may come as
        two.
    ragged : list of bool
        Whether rows of a field have any number of items.
    lengths : ndarray of int64, shape (room,)
        Where the number of items of each row of these goes; they all have the same.

    Attributes
    ----------
    first : int
        Number of the first frame, where there is one.
    count : int
        Frames.
    rows : int
        Those of them that have ragged fields.
    """

    cdef readonly tuple names
    cdef readonly list values, numbers
    cdef readonly object lengths
    cdef readonly Py_ssize_t count, rows, room
    cdef readonly int64_t first
    cdef Py_ssize_t n_fields, n_ragged
    cdef Field *fields
    cdef Source *sources
    cdef int64_t *items

    def __init__(self, tuple names, list values, list numbers, list flat, list ragged, lengths):
        cdef Py_ssize_t i, axis
        cdef cnp.ndarray array
        cdef Field *field
        self.names, self.values, self.numbers, self.lengths = names, values, numbers, lengths
        self.n_fields = len(names)
        self.n_ragged = self.count = self.rows = 0
        PyMem_Free(self.fields)
        PyMem_Free(self.sources)
        self.fields = <Field *>PyMem_Malloc((self.n_fields + 1) * sizeof(Field))
        self.sources = <Source *>PyMem_Malloc((self.n_fields + 1) * sizeof(Source))
        if self.fields == NULL or self.sources == NULL:
            raise MemoryError
        array = lengths
        self.room = array.shape[0]
        self.items = <int64_t *>cnp.PyArray_DATA(array)
        for i in range(self.n_fields):
            field = &self.fields[i]
            array = values[i]
            field.values = <char *>cnp.PyArray_DATA(array)
            field.typenum = cnp.PyArray_TYPE(array)
            field.ndim = cnp.PyArray_NDIM(array) - 1
            field.row_bytes = cnp.PyArray_ITEMSIZE(array)
            for axis in range(field.ndim):
                field.shape[axis] = cnp.PyArray_DIM(array, axis + 1)
                field.row_bytes *= field.shape[axis]
            field.flat = flat[i]
            field.ragged = ragged[i]
            field.native_double = (
                field.typenum == cnp.NPY_DOUBLE and field.ndim == 0 and not field.ragged
            )
            field.room = cnp.PyArray_DIM(array, 0)
            field.count = 0
            self.n_ragged += field.ragged
            array = numbers[i]
            field.frames = <int64_t *>cnp.PyArray_DATA(array)

    def __dealloc__(self):
        PyMem_Free(self.fields)
        PyMem_Free(self.sources)

    @property
    def counts(self):
        """Rows of each field; of ragged ones, items."""
        cdef Py_ssize_t i
        return [self.fields[i].count for i in range(self.n_fields)]

    def clear(self):
        """Forget the frames, so that others can go where they are."""
        cdef Py_ssize_t i
        for i in range(self.n_fields):
            self.fields[i].count = 0
        self.count = self.rows = 0

    cdef Py_ssize_t find(self, PyObject *key, Py_ssize_t expected) noexcept:
        """Return the number of a field, -1 where there is none; mostly it is the expected one."""
        cdef Py_ssize_t i
        if expected < self.n_fields and <PyObject *>self.names[expected] == key:
            return expected
        for i in range(self.n_fields):
            if <PyObject *>self.names[i] == key:
                return i
        if not PyUnicode_CheckExact(<object>key):
            return -1
        for i in range(self.n_fields):
            if PyUnicode_Compare(self.names[i], <object>key) == 0:
                return i
        return -1

    cdef bint look(self, PyObject *value, Field *field, Source *source) noexcept:
        """Find the bytes of a value; False where it is not quite what the field has."""
        cdef cnp.ndarray array
        cdef int axis, ndim, first = 1 if field.ragged else 0
        source.field = field
        source.rows = 1
        if PyFloat_Check(<object>value):
            source.number = PyFloat_AS_DOUBLE(<object>value)
            source.data = <const char *>&source.number
            return field.native_double and field.count < field.room
        if not PyArray_CheckExact(value):
            return False
        array = <cnp.ndarray>value
        ndim = cnp.PyArray_NDIM(array)
        if cnp.PyArray_TYPE(array) != field.typenum or not cnp.PyArray_ISCARRAY_RO(array):
            return False
        source.data = <const char *>cnp.PyArray_DATA(array)
        if field.ragged:
            if ndim == 0:
                return False
            source.rows = cnp.PyArray_DIM(array, 0)
        if field.count + source.rows > field.room:
            return False
        if ndim == field.ndim + first:
            for axis in range(field.ndim):
                if cnp.PyArray_DIM(array, axis + first) != field.shape[axis]:
                    return False
            return True
        return (
            field.flat and ndim == 2 and field.ndim == 1 and cnp.PyArray_DIM(array, 1) == 3
            and 3 * cnp.PyArray_DIM(array, 0) == field.shape[0]
        )

    cdef bint put(self, object frame, int64_t number) noexcept:
        """Copy a frame; False, and nothing is copied, where that takes more than copying."""
        cdef Py_ssize_t position = 0, at = 0, i = -1, n_ragged = 0, items = -1
        cdef PyObject *key
        cdef PyObject *value
        cdef Source *source
        cdef Field *field
        if not PyDict_CheckExact(frame) or self.count >= self.room:
            return False
        if not 0 < PyDict_Size(frame) <= self.n_fields:
            return False
        while PyDict_Next(frame, &position, &key, &value):
            i = self.find(key, i + 1)
            if i < 0 or not self.look(value, &self.fields[i], &self.sources[at]):
                return False
            if self.fields[i].ragged:
                if items >= 0 and self.sources[at].rows != items:
                    return False
                items = self.sources[at].rows
                n_ragged += 1
            at += 1
        if n_ragged and n_ragged != self.n_ragged:
            return False
        if self.count == 0:
            self.first = number
        for i in range(at):
            source = &self.sources[i]
            field = source.field
            memcpy(
                field.values + field.count * field.row_bytes,
                source.data,
                source.rows * field.row_bytes,
            )
            if field.ragged:
                field.frames[self.rows] = number
            else:
                field.frames[field.count] = number
            field.count += source.rows
        if n_ragged:
            self.items[self.rows] = items
            self.rows += 1
        self.count += 1
        return True


cdef class FrameBuffer:
    """What the frames of one trajectory go to, one block after the other.

    Parameters
    ----------
    number
        Number of the first frame.
    slowly
        Called with a frame that does not go in as it is.

    Attributes
    ----------
    block : FrameBlock or None
        The one that is being filled.
    number : int
        Number of the next frame.
    """

    cdef public FrameBlock block
    cdef public int64_t number

    cdef object slowly

    def __init__(self, number=0, slowly=None):
        self.number = number
        self.slowly = slowly

    def __call__(self, frame):
        """Copy a frame, one way or the other."""
        if self.block is None or not self.block.put(frame, self.number):
            self.slowly(frame)
        else:
            self.number += 1

    def put(self, frame):
        """Copy a frame.

        Returns
        -------
        bool
            False, and nothing has happened, where there is no room, or the frame needs a closer
            look.
        """
        if self.block is None or not self.block.put(frame, self.number):
            return False
        self.number += 1
        return True

    def take(self):
        """Return the block, and have none: nobody adds to it any more."""
        cdef FrameBlock block = self.block
        self.block = None
        return block
