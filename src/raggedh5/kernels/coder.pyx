"""Threads that code chunks, and never take the GIL while they do.

Handing the GIL from thread to thread costs tens of microseconds each time, a chunk is coded in
fifty: so these threads wait on a lock of their own, run C, and leave what they have done for the
thread that asked to find.
"""

from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from cpython.pythread cimport (
    NOWAIT_LOCK,
    WAIT_LOCK,
    PyThread_acquire_lock,
    PyThread_allocate_lock,
    PyThread_free_lock,
    PyThread_release_lock,
    PyThread_type_lock,
)
from cpython.ref cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint64_t, uintptr_t

from collections import deque

cimport cython
cimport numpy as cnp

from raggedh5.kernels.hashing cimport digest_of

cnp.import_array()


cdef class Work:
    """One buffer to be coded, by a `Team` or by whoever calls `run`.

    Parameters
    ----------
    encoder
        Address of an encoder.
    src, dst
        uint8 arrays, C-contiguous.
    params
        int64 (7,), what the encoder wants to know.
    scratch
        Bytes of scratch memory that it needs.
    """

    def __cinit__(self, *args):
        self.done = PyThread_allocate_lock()
        if self.done == NULL:
            raise MemoryError

    def __init__(
        self, uintptr_t encoder, cnp.ndarray src, cnp.ndarray dst, cnp.ndarray params,
        int64_t scratch,
    ):
        cdef const int64_t* values = <const int64_t*>cnp.PyArray_DATA(params)
        cdef int i
        self.encoder = <encoder_t>encoder
        self.src = <const uint8_t*>cnp.PyArray_DATA(src)
        self.dst = <uint8_t*>cnp.PyArray_DATA(dst)
        self.n = cnp.PyArray_NBYTES(src)
        self.room = cnp.PyArray_NBYTES(dst)
        for i in range(PARAMS):
            self.params[i] = values[i]
        self.scratch = scratch
        self.keep = (src, dst)
        self.begin()

    def __dealloc__(self):
        if self.done != NULL:
            PyThread_free_lock(self.done)

    cdef void begin(self):
        self.seen = False
        PyThread_acquire_lock(self.done, WAIT_LOCK)

    cdef void finish(self) noexcept nogil:
        PyThread_release_lock(self.done)

    cdef void code(self, uint8_t* scratch) noexcept nogil:
        self.size = 0
        if scratch != NULL:
            self.size = self.encoder(
                self.src, self.n, self.dst, self.room, self.params, scratch
            )
        self.sum = digest_of(self.dst, self.size) if self.size > 0 else 0
        self.finish()

    cdef void code_here(self) noexcept nogil:
        """Code it with scratch memory of its own."""
        cdef uint8_t* memory = <uint8_t*>PyMem_RawMalloc(self.scratch)
        self.code(memory)
        PyMem_RawFree(memory)

    def run(self):
        """Code it here and now; return the length."""
        with nogil:
            self.code_here()
        return self.result()

    def ready(self):
        """Whether it is coded."""
        # Taking the lock is also what makes the other thread's writes visible here.
        if not self.seen and PyThread_acquire_lock(self.done, NOWAIT_LOCK):
            self.seen = True
        return self.seen

    def result(self):
        """Wait until it is coded; return the length, 0 or less where that failed."""
        if not self.seen:
            with nogil:
                PyThread_acquire_lock(self.done, WAIT_LOCK)
            self.seen = True
        return self.size

    def digest(self):
        """Return the checksum of what `result` has waited for, 0 where none could be had."""
        return self.sum


@cython.final
cdef class Team:
    """A queue of `Work` and of the threads that call `serve`.

    Parameters
    ----------
    room
        How many may be queued. There is a reference to each until it is done.
    """

    def __cinit__(self, *args):
        self.under_way = deque()
        self.guard = PyThread_allocate_lock()
        self.wake = PyThread_allocate_lock()
        if not (self.guard and self.wake):
            raise MemoryError
        PyThread_acquire_lock(self.wake, WAIT_LOCK)

    def __init__(self, int64_t room):
        self.queue = <PyObject**>PyMem_RawMalloc(room * sizeof(PyObject*))
        if self.queue == NULL:
            raise MemoryError
        self.room = room
        self.first = self.count = 0
        self.awake = self.stopped = False

    def __dealloc__(self):
        if self.guard != NULL:
            PyThread_free_lock(self.guard)
        if self.wake != NULL:
            PyThread_free_lock(self.wake)
        PyMem_RawFree(self.queue)

    cdef void rouse(self) noexcept nogil:
        """Let one thread look at the queue; `guard` is held."""
        if not self.awake:
            self.awake = True
            PyThread_release_lock(self.wake)

    cdef int keep(self, Work work) except -1:
        while self.under_way and self.under_way[0].ready():
            self.under_way.popleft()
        self.under_way.append(work)
        return 0

    cdef bint push(self, Work work) noexcept:
        cdef bint fits
        PyThread_acquire_lock(self.guard, WAIT_LOCK)
        fits = self.count < self.room
        if fits:
            self.first = (self.first + self.room - 1) % self.room
            self.queue[self.first] = <PyObject*>work
            self.count += 1
            self.rouse()
        PyThread_release_lock(self.guard)
        return fits

    def put(self, Work work):
        """Queue work; False where there is no room."""
        cdef bint fits
        # Here and not by the caller: in between, the handler of a signal may raise an exception.
        self.keep(work)
        PyThread_acquire_lock(self.guard, WAIT_LOCK)
        fits = self.count < self.room
        if fits:
            self.queue[(self.first + self.count) % self.room] = <PyObject*>work
            self.count += 1
            self.rouse()
        PyThread_release_lock(self.guard)
        if not fits:
            self.under_way.pop()
        return fits

    cdef int64_t idle(self) noexcept:
        cdef int64_t found
        PyThread_acquire_lock(self.guard, WAIT_LOCK)
        found = self.serving - self.coding - self.count
        PyThread_release_lock(self.guard)
        return max(found, 0)

    cdef int64_t take_back(self, Work work) noexcept:
        cdef PyObject* one
        cdef int64_t i, left = 0, taken
        PyThread_acquire_lock(self.guard, WAIT_LOCK)
        for i in range(self.count):
            one = self.queue[(self.first + i) % self.room]
            if one != <PyObject*>work:
                self.queue[(self.first + left) % self.room] = one
                left += 1
        taken = self.count - left
        self.count = left
        PyThread_release_lock(self.guard)
        return taken

    def wait(self):
        """Wait until everything is coded."""
        while self.under_way:
            self.under_way[0].result()
            self.under_way.popleft()

    def help(self):
        """Code the first of the queue here and now; False where there is none."""
        cdef PyObject* work
        PyThread_acquire_lock(self.guard, WAIT_LOCK)
        work = self.pop()
        PyThread_release_lock(self.guard)
        if work == NULL:
            return False
        with nogil:
            (<Work>work).code_here()
        return True

    def stop(self):
        """Let the threads return once the queue is empty."""
        PyThread_acquire_lock(self.guard, WAIT_LOCK)
        self.stopped = True
        self.rouse()
        PyThread_release_lock(self.guard)

    cdef PyObject* pop(self) noexcept nogil:
        """Take the first of the queue, NULL where it is empty; `guard` is held."""
        cdef PyObject* work
        if self.count == 0:
            return NULL
        work = self.queue[self.first]
        self.first = (self.first + 1) % self.room
        self.count -= 1
        return work

    def serve(self):
        """Code what is queued until `stop`: what each thread of the team does."""
        cdef uint8_t* scratch = NULL
        cdef int64_t held = 0
        cdef PyObject* work
        cdef bint go_on = True
        with nogil:
            PyThread_acquire_lock(self.guard, WAIT_LOCK)
            self.serving += 1
            PyThread_release_lock(self.guard)
            while go_on:
                PyThread_acquire_lock(self.wake, WAIT_LOCK)
                PyThread_acquire_lock(self.guard, WAIT_LOCK)
                self.awake = False
                while True:
                    work = self.pop()
                    if self.count or self.stopped:
                        self.rouse()
                    if work == NULL:
                        go_on = not self.stopped
                        break
                    self.coding += 1
                    PyThread_release_lock(self.guard)
                    if scratch == NULL or (<Work>work).scratch > held:
                        PyMem_RawFree(scratch)
                        held = (<Work>work).scratch
                        scratch = <uint8_t*>PyMem_RawMalloc(held)
                    (<Work>work).code(scratch)
                    PyThread_acquire_lock(self.guard, WAIT_LOCK)
                    self.coding -= 1
                if not go_on:
                    self.serving -= 1
                PyThread_release_lock(self.guard)
            PyMem_RawFree(scratch)
