"""The columns of a batch into the chunks that are being filled, all of them at once.

What is quick about it: a column of numbers costs hardly a call or an object, and the columns are
shared out among threads that never take the GIL. They may read lists of strings all the same, while
the thread that shares them out holds it and waits: nobody else can change them. What is taken is
what only has to be copied, in the usual case every column; the rest is left to those who know more,
if only what is wrong with it.
"""

cimport cython
cimport numpy as cnp
from cpython.dict cimport PyDict_GetItem
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from cpython.object cimport PyObject
from cpython.pythread cimport (
    WAIT_LOCK,
    PyThread_acquire_lock,
    PyThread_allocate_lock,
    PyThread_free_lock,
    PyThread_release_lock,
    PyThread_type_lock,
)
from libc.stdint cimport int64_t, uint8_t

from raggedh5.kernels.coder cimport Team, Work
from raggedh5.kernels.compact cimport Kept, Padded, copy_kept, keep, prepare
from raggedh5.kernels.copy_runs cimport Copy, Piece
from raggedh5.kernels.strings cimport Putting

cnp.import_array()

cdef extern from *:
    bint PyArray_CheckExact(PyObject* item)
    PyObject** PySequence_Fast_ITEMS(object items)


cdef class Cursor:
    """Where the next items of a dataset go.

    Attributes
    ----------
    count : int
        Items of the dataset.
    length : int
        Items of a chunk.
    fill : int
        Items of the chunk that is being filled.
    view : ndarray (length, *inner) or None
        That chunk, C-contiguous; None where it has no memory yet.
    pending : int
        Items that were put behind these, but do not count yet.
    dirty : bool
        Whether the chunk has items that are not stored.

    A subclass has a method ``reserve(n)``, which returns the places of the next `n` items, a list
    of arrays (k, *inner), and makes new chunks for them where that is needed.
    """

    cdef public Py_ssize_t count, length, fill, pending
    cdef public cnp.ndarray view
    cdef public bint dirty


@cython.final
cdef class Lane:
    """A column of numbers.

    Parameters
    ----------
    name
        Of the column.
    cursor
        Where its items go.
    like
        An array (0, *inner) of the dtype that these have there.
    dtype
        What the batches must have, None for all that can be converted.
    finite
        Whether NaN and infinity are refused.
    """

    cdef readonly str name
    cdef Cursor cursor
    cdef cnp.ndarray like
    cdef cnp.dtype dtype
    cdef bint finite

    def __init__(
        self, str name, Cursor cursor, cnp.ndarray like not None, cnp.dtype dtype, bint finite
    ):
        self.name = name
        self.cursor = cursor
        self.like = like
        self.dtype = dtype
        self.finite = finite


cdef struct Job:
    Copy copy
    Padded padded
    Kept* kept
    Piece piece  # where there is but one
    Piece* pieces
    bint bad


@cython.final
cdef class Packing(Work):
    """The columns of a batch that only have to be copied.

    Parameters
    ----------
    lanes
        The columns of numbers.
    padded
        Values of any kind by column; arrays (rows, width, *inner) are taken.
    flat
        The same; arrays (items, *inner) are taken.
    kept
        The `raggedh5.core.kept.Kept` of the padded ones.

    Attributes
    ----------
    others : list of str
        The columns that are not taken.
    nbytes : int
        Bytes that are to be copied.
    """

    cdef Job* jobs
    cdef Py_ssize_t copied
    cdef readonly Py_ssize_t nbytes
    cdef readonly list others
    cdef list taken
    cdef Py_ssize_t items, width
    cdef Kept rows, every
    cdef int64_t[2] ends
    cdef list puttings
    cdef PyObject** strings
    cdef Py_ssize_t n_strings
    cdef PyThread_type_lock guard  # of what follows
    cdef Py_ssize_t turn, inside, gone
    cdef bint closed

    def __cinit__(self, list lanes, *args):
        self.jobs = <Job*>PyMem_RawMalloc((len(lanes) + 1) * sizeof(Job))
        self.guard = PyThread_allocate_lock()
        if self.jobs == NULL or self.guard == NULL:
            raise MemoryError

    def __init__(self, list lanes, dict padded, dict flat, kept):
        cdef Lane lane
        self.puttings = []
        self.taken = []
        self.others = []
        self.keep = [kept]
        self.items = self.ends[1] = kept.items
        self.every.rows = 1
        self.every.offsets = self.ends
        self.width = -1 if kept.width is None else kept.width
        keep(&self.rows, kept.offsets, kept.mask, None)
        for lane in lanes:
            if not (self.take(lane, padded, &self.rows, 2) or self.take(lane, flat, &self.every, 1)):
                self.others.append(lane.name)

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.copied):
            if self.jobs[i].pieces != &self.jobs[i].piece:
                PyMem_RawFree(self.jobs[i].pieces)
        PyMem_RawFree(self.jobs)
        if self.guard != NULL:
            PyThread_free_lock(self.guard)

    cdef bint take(self, Lane lane, dict data, Kept* kept, int depth) except -1:
        """Take a column if its values are an array that fits; `depth` axes are not of an item."""
        cdef PyObject* value = PyDict_GetItem(data, lane.name)
        cdef Job* job = &self.jobs[self.copied]
        if value == NULL or not PyArray_CheckExact(value):
            return False
        if not self.fits(lane, <cnp.ndarray>value, job, depth):
            return False
        self.keep.append(<object>value)
        self.place(lane.cursor, job)
        job.kept = kept
        job.bad = False
        self.taken.append(lane.name)
        self.nbytes += self.items * job.copy.target_bytes
        self.copied += 1
        return True

    cdef bint fits(self, Lane lane, cnp.ndarray array, Job* job, int depth):
        cdef cnp.ndarray like = lane.like
        cdef int axis
        if cnp.PyArray_NDIM(array) != cnp.PyArray_NDIM(like) - 1 + depth:
            return False
        if cnp.PyArray_DIM(array, 0) != (self.items if depth == 1 else self.rows.rows):
            return False
        if depth == 2 and cnp.PyArray_DIM(array, 1) != self.width:
            return False
        for axis in range(1, cnp.PyArray_NDIM(like)):
            if cnp.PyArray_DIM(array, axis + depth - 1) != cnp.PyArray_DIM(like, axis):
                return False
        if lane.dtype is not None and not cnp.PyArray_EquivTypes(
            <cnp.dtype>cnp.PyArray_DESCR(array), lane.dtype
        ):
            return False
        if not prepare(
            &job.copy, &job.padded, array, depth, <cnp.dtype>cnp.PyArray_DESCR(like), lane.finite
        ):
            return False
        return job.copy.target_bytes > 0  # without bytes there are no chunks

    cdef int place(self, Cursor cursor, Job* job) except -1:
        """Say where the items of a column go."""
        cdef cnp.ndarray piece = cursor.view
        cdef list pieces
        cdef Py_ssize_t i
        job.pieces = &job.piece
        if piece is not None and cursor.fill + self.items <= cursor.length:
            job.piece.data = <char*>cnp.PyArray_DATA(piece) + cursor.fill * job.copy.target_bytes
            job.piece.items = self.items
            cursor.pending = self.items
            self.keep.append(piece)
            return 0
        pieces = cursor.reserve(self.items)
        self.keep.append(pieces)
        job.pieces = <Piece*>PyMem_RawMalloc(len(pieces) * sizeof(Piece))
        if job.pieces == NULL:
            raise MemoryError
        for i in range(len(pieces)):
            piece = pieces[i]
            job.pieces[i].data = <char*>cnp.PyArray_DATA(piece)
            job.pieces[i].items = cnp.PyArray_DIM(piece, 0)
        return 0

    def run(self):
        """Do all of it here."""
        self.share(None)
        return 0

    def add(self, Putting putting not None):
        """Take a column of strings as well."""
        self.puttings.append(putting)

    def share(self, Team team):
        """Do all of it here, and in those threads of a team that have nothing else to do.

        If there are strings, the GIL is held all the while.
        """
        cdef Putting putting
        cdef Py_ssize_t helpers = 0
        cdef bint alone
        self.begin()
        if team is not None:
            helpers = min(self.copied + len(self.puttings) - 1, team.idle())
            if helpers > 0:
                team.keep(self)
        # From here to the end no code of Python runs, as even the end of some object might: another
        # thread would have its turn, and could change the lists.
        for putting in self.puttings:
            putting.find()
            putting.sink.c.elsewhere = True
        self.strings = PySequence_Fast_ITEMS(self.puttings)
        self.n_strings = len(self.puttings)
        while self.inside < helpers and team.push(self):
            self.inside += 1
        if self.n_strings:
            self.take_turns()
        else:
            with nogil:
                self.take_turns()
        alone = team is None or self.close(team.take_back(self))
        if alone:
            self.finish()
        # Otherwise the last one of the others finishes, after one column at most.
        if self.n_strings:
            PyThread_acquire_lock(self.done, WAIT_LOCK)
        else:
            with nogil:
                PyThread_acquire_lock(self.done, WAIT_LOCK)
        self.seen = True
        self.puttings = []  # the team may keep this for a while

    cdef bint close(self, Py_ssize_t absent) noexcept:
        """Let no more come; return whether all who have come have left."""
        cdef bint alone
        PyThread_acquire_lock(self.guard, WAIT_LOCK)
        self.inside -= absent + self.gone
        self.closed = True
        alone = self.inside == 0
        PyThread_release_lock(self.guard)
        return alone

    cdef void code(self, uint8_t* scratch) noexcept nogil:
        """What one that helps does; the last to leave finishes, if everybody else has."""
        cdef bint last = False
        self.take_turns()
        PyThread_acquire_lock(self.guard, WAIT_LOCK)
        if self.closed:
            self.inside -= 1
            last = self.inside == 0
        else:
            self.gone += 1
        PyThread_release_lock(self.guard)
        if last:
            self.finish()

    cdef void take_turns(self) noexcept nogil:
        """Do one column after the other, until each has been begun by somebody."""
        cdef Py_ssize_t turn
        cdef Job* job
        while True:
            PyThread_acquire_lock(self.guard, WAIT_LOCK)
            turn = self.turn
            self.turn += 1
            PyThread_release_lock(self.guard)
            if turn >= self.n_strings + self.copied:
                return
            if turn < self.n_strings:
                (<Putting>self.strings[turn]).put()
            else:
                job = &self.jobs[turn - self.n_strings]
                job.bad = copy_kept(&job.copy, job.pieces, &job.padded, job.kept) >= 0

    def bad(self):
        """Return the names of columns with a value that does not fit, after `share`."""
        cdef Py_ssize_t i
        self.keep = None
        return [self.taken[i] for i in range(self.copied) if self.jobs[i].bad]


def overfull(list cursors not None):
    """Return those among cursors whose chunk becomes full by what is pending."""
    cdef Cursor cursor
    return [cursor for cursor in cursors if cursor.fill + cursor.pending >= cursor.length]


def advance(list cursors not None):
    """Let count what is pending, where no chunk becomes full by it."""
    cdef Cursor cursor
    for cursor in cursors:
        if cursor.pending:
            cursor.fill += cursor.pending
            cursor.count += cursor.pending
            cursor.pending = 0
            cursor.dirty = True
