"""What every encoder looks like, so that a thread without the GIL can call any of them."""

from cpython.object cimport PyObject
from cpython.pythread cimport PyThread_type_lock
from libc.stdint cimport int64_t, uint8_t, uint64_t

# Codes src[:n] to dst[:room] and returns the length, 0 or less where that failed. What params
# mean, and how much scratch is needed, is the encoder's own affair.
ctypedef int64_t (*encoder_t)(
    const uint8_t* src, int64_t n, uint8_t* dst, int64_t room, const int64_t* params,
    uint8_t* scratch,
) noexcept nogil

# Decodes src[:n] to all of dst[:room]; False where these are not the bytes of such a chunk.
ctypedef bint (*decoder_t)(
    const uint8_t* src, int64_t n, uint8_t* dst, int64_t room, const int64_t* params
) noexcept nogil

cdef enum:
    PARAMS = 7


cdef class Work:
    cdef encoder_t encoder
    cdef const uint8_t* src
    cdef uint8_t* dst
    cdef int64_t n, room, scratch, size
    cdef uint64_t sum
    cdef int64_t[PARAMS] params
    cdef PyThread_type_lock done
    cdef bint seen
    cdef object keep

    # What is to be done; `scratch` is NULL without memory. Calls `finish` at its end.
    cdef void code(self, uint8_t* scratch) noexcept nogil
    cdef void code_here(self) noexcept nogil

    # For other kinds of work: to be called when it is there to be done, and when it is done.
    cdef void begin(self)
    cdef void finish(self) noexcept nogil


cdef class Team:
    cdef PyThread_type_lock guard
    cdef PyThread_type_lock wake
    cdef PyObject** queue
    cdef int64_t room, first, count, serving, coding
    cdef bint awake, stopped
    cdef object under_way

    cdef void rouse(self) noexcept nogil
    cdef PyObject* pop(self) noexcept nogil

    # Keeps work until it is done; what was kept before, and is done, is let go.
    cdef int keep(self, Work work) except -1

    # Queues work that is kept before all other; False where there is no room. Nothing of Python's
    # is touched but the reference counts of what is kept.
    cdef bint push(self, Work work) noexcept

    # Returns how many threads have nothing to do.
    cdef int64_t idle(self) noexcept

    # Takes back what nobody has begun, and returns how many times it was in the queue.
    cdef int64_t take_back(self, Work work) noexcept
