"""A thread in C that makes room in a file, ahead of those who write there.

It knows nothing of Python: whoever waits for it may hold the GIL, or any other lock, since it will
never ask for one. Fork leaves it behind, so that in the child there is nothing to wait for.
"""

from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from cpython.pythread cimport (
    WAIT_LOCK,
    PyThread_acquire_lock,
    PyThread_allocate_lock,
    PyThread_release_lock,
    PyThread_type_lock,
)
from libc.stdint cimport int64_t

cimport cython

cdef extern from *:
    """
    #if defined(__linux__)
    #include <errno.h>
    #include <fcntl.h>
    #include <unistd.h>
    #define RH5_MAKES_ROOM 1
    static int rh5_allocate(int fd, long long at, long long size)
    {
        int failed;
        do failed = fallocate(fd, 0, (off_t)at, (off_t)size); while (failed && errno == EINTR);
        return failed;
    }
    static void rh5_close(int fd) { close(fd); }
    static long rh5_process(void) { return (long)getpid(); }
    #else
    #define RH5_MAKES_ROOM 0
    static int rh5_allocate(int fd, long long at, long long size) { return -1; }
    static void rh5_close(int fd) { }
    static long rh5_process(void) { return 0; }
    #endif
    """
    bint RH5_MAKES_ROOM
    int rh5_allocate(int fd, long long at, long long size) nogil
    void rh5_close(int fd) nogil
    long rh5_process() nogil

cdef extern from "pythread.h":
    void PyThread_free_lock(PyThread_type_lock lock) nogil  # it frees raw memory
    unsigned long PyThread_start_new_thread(void (*function)(void*) noexcept nogil, void* argument)
    unsigned long PYTHREAD_INVALID_THREAD_ID

makes_room = bool(RH5_MAKES_ROOM)

cdef struct Task:
    PyThread_type_lock guard  # of all that follows
    PyThread_type_lock wake  # free when there is something to do
    PyThread_type_lock working  # held while the system is asked
    int descriptor
    int64_t at, stop, piece
    bint awake, refused, ends, closes


cdef void dispose(Task* task) noexcept nogil:
    if task.guard != NULL:
        PyThread_free_lock(task.guard)
    if task.wake != NULL:
        PyThread_free_lock(task.wake)
    if task.working != NULL:
        PyThread_free_lock(task.working)
    PyMem_RawFree(task)


cdef void serve(void* argument) noexcept nogil:
    """What the thread does, until it is told to end; the task is its own then."""
    cdef Task* task = <Task*>argument
    cdef int64_t at, size
    cdef bint failed
    while True:
        PyThread_acquire_lock(task.wake, WAIT_LOCK)
        PyThread_acquire_lock(task.guard, WAIT_LOCK)
        task.awake = False
        while task.at < task.stop and not task.refused and not task.ends:
            at = task.at
            size = min(task.piece, task.stop - at)
            task.at += size
            PyThread_acquire_lock(task.working, WAIT_LOCK)
            PyThread_release_lock(task.guard)
            failed = rh5_allocate(task.descriptor, at, size) != 0
            PyThread_release_lock(task.working)
            PyThread_acquire_lock(task.guard, WAIT_LOCK)
            if failed:
                task.refused = True
        if task.ends:
            break
        PyThread_release_lock(task.guard)
    PyThread_release_lock(task.guard)
    if task.closes:
        rh5_close(task.descriptor)
    dispose(task)


@cython.final
cdef class RoomMaker:
    """Makes room in one file, in a thread that is started by the first call of `make`.

    Parameters
    ----------
    descriptor
        The file, open for writing; it must stay so until `close`.
    piece
        Bytes that the system is asked for at once: nobody waits for longer than that takes.
    """

    cdef Task* task
    cdef bint started
    cdef long owner

    def __cinit__(self, *args):
        self.task = <Task*>PyMem_RawCalloc(1, sizeof(Task))
        if self.task == NULL:
            raise MemoryError
        self.task.guard = PyThread_allocate_lock()
        self.task.wake = PyThread_allocate_lock()
        self.task.working = PyThread_allocate_lock()
        if not (self.task.guard and self.task.wake and self.task.working):
            raise MemoryError
        PyThread_acquire_lock(self.task.wake, WAIT_LOCK)
        self.task.refused = not RH5_MAKES_ROOM
        self.owner = rh5_process()

    def __init__(self, int descriptor, int64_t piece):
        self.task.descriptor = descriptor
        self.task.piece = piece

    def __dealloc__(self):
        self.end(False)

    cdef bint usable(self) noexcept:
        return self.task != NULL and self.owner == rh5_process()

    cdef void rouse(self) noexcept nogil:
        """Let the thread look; `guard` is held."""
        if not self.task.awake:
            self.task.awake = True
            PyThread_release_lock(self.task.wake)

    def make(self, int64_t start, int64_t stop):
        """Have room made for bytes `start` to `stop`; False where it was not begun.

        It is not while other room is being made, nor after the system has refused some.
        """
        cdef bint free
        if not self.usable():
            return False
        PyThread_acquire_lock(self.task.guard, WAIT_LOCK)
        free = self.task.at >= self.task.stop and not self.task.refused
        if free and not self.started:
            free = PyThread_start_new_thread(serve, self.task) != PYTHREAD_INVALID_THREAD_ID
            self.started = free
        if free:
            self.task.at = start
            self.task.stop = stop
            self.rouse()
        PyThread_release_lock(self.task.guard)
        return free

    def wait(self):
        """Let be what has not been made yet, and return when the system has answered."""
        if not self.usable() or not self.started:
            return
        PyThread_acquire_lock(self.task.guard, WAIT_LOCK)
        self.task.stop = self.task.at
        PyThread_release_lock(self.task.guard)
        with nogil:
            PyThread_acquire_lock(self.task.working, WAIT_LOCK)
            PyThread_release_lock(self.task.working)

    def again(self):
        """Ask the system again, also if it has refused."""
        if self.usable():
            PyThread_acquire_lock(self.task.guard, WAIT_LOCK)
            self.task.refused = not RH5_MAKES_ROOM
            PyThread_release_lock(self.task.guard)

    def close(self, bint descriptor=False):
        """Wait, and let the thread end; it closes the descriptor if that is wanted.

        Returns
        -------
        bool
            Whether the thread will close it. Otherwise there is none, and the caller has to.
        """
        return self.end(descriptor)

    cdef bint end(self, bint closes) noexcept:
        cdef bint given = False
        if self.usable():
            if self.started:
                PyThread_acquire_lock(self.task.guard, WAIT_LOCK)
                self.task.stop = self.task.at
                PyThread_release_lock(self.task.guard)
                PyThread_acquire_lock(self.task.working, WAIT_LOCK)
                PyThread_release_lock(self.task.working)
                PyThread_acquire_lock(self.task.guard, WAIT_LOCK)
                self.task.ends = True
                self.task.closes = given = closes
                self.rouse()
                PyThread_release_lock(self.task.guard)
            else:
                dispose(self.task)
        # In the child of a fork the task is left as it is: a lock of it may be held for ever.
        self.task = NULL
        return given
