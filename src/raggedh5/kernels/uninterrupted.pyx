"""Calls from C that handlers of signals do not cut off.

Python runs the handlers of signals, and raises what they raise, in the middle of Python code. Where
that was called by a C library which cannot do with half a write, the call is made once more, and
what the handler raised is raised again a little later: at the latest when the library is done, and
its caller is Python. Here is the C around such Python code, in which no handler runs.
"""

from cpython.ref cimport PyObject, Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t

cimport cython

cdef extern from "Python.h":
    int Py_AddPendingCall(int (*function)(void*) except -1, void* argument)

cdef enum:
    MOST_TRIES = 100
    END = 2  # os.SEEK_END


cdef int raise_again(void* argument) except -1:
    error = <object>argument
    Py_DECREF(error)
    raise error


@cython.final
cdef class Uninterrupted:
    """A file object for C libraries, on top of one that is told where to read and write.

    Parameters
    ----------
    file
        Has ``read_at(address, buffer)``, ``write_at(address, buffer)``, ``truncate(size)`` and
        ``end``. To call one of them twice must be the same as to call it once.
    refusal
        Type of the errors that are its own, and passed on.
    """

    cdef object file, refusal
    cdef int64_t at

    def __init__(self, file, refusal):
        self.file = file
        self.refusal = refusal
        self.at = 0

    cdef object whole(self, object method, tuple arguments):
        """Call a method until it has come to its end."""
        cdef int left = MOST_TRIES
        raised = None
        while True:
            try:
                result = method(*arguments)
                break
            except self.refusal:
                raise
            except BaseException as error:
                left -= 1
                if left == 0 or getattr(error, "errno", None) is not None:  # the system's
                    raise
                raised = error
        if raised is not None:
            Py_INCREF(raised)
            if Py_AddPendingCall(raise_again, <void*><PyObject*>raised) != 0:  # very many wait
                Py_DECREF(raised)
        return result

    def readable(self):
        """Return True."""
        return True

    def writable(self):
        """Return True."""
        return True

    def seekable(self):
        """Return True."""
        return True

    def seek(self, int64_t offset, int whence=0):
        """Go to a place, and return it."""
        if whence == END:
            offset += self.whole(getattr, (self.file, "end"))
        elif whence:
            offset += self.at
        self.at = offset
        return offset

    def tell(self):
        """Return the current place."""
        return self.at

    def readinto(self, buffer):
        """Read from the current place, and return how much."""
        size = self.whole(self.file.read_at, (self.at, buffer))
        self.at += size
        return size

    def read(self, size=-1):
        """Read from the current place, and return it."""
        if size < 0:
            size = max(self.whole(getattr, (self.file, "end")) - self.at, 0)
        buffer = bytearray(size)
        got = self.readinto(buffer)
        return bytes(buffer[:got])

    def write(self, buffer):
        """Write to the current place, and return how much."""
        size = self.whole(self.file.write_at, (self.at, buffer))
        self.at += size
        return size

    def truncate(self, size=None):
        """Say how long the file is to be."""
        if size is None:
            size = self.at
        self.whole(self.file.truncate, (size,))
        return size

    def flush(self):
        """Do nothing: the file has its own time."""
