"""Writing to a file by position, as work for a `Team`: for whichever thread has nothing else to do.
"""

from libc.stdint cimport int64_t, uint8_t, uintptr_t

from raggedh5.kernels.coder cimport encoder_t

cdef extern from * nogil:
    """
    #include <stddef.h>
    #ifdef _WIN32
    #define RH5_WRITES_LATE 0
    static long long rh5_pwrite(int fd, const void *from, size_t n, long long at) { return -1; }
    #else
    #include <errno.h>
    #include <unistd.h>
    #define RH5_WRITES_LATE 1
    static long long rh5_pwrite(int fd, const void *from, size_t n, long long at) {
        size_t done = 0;
        while (done < n) {
            const char *left = (const char *)from + done;
            ssize_t w = pwrite(fd, left, n - done, (off_t)(at + (long long)done));
            if (w < 0 && errno == EINTR) continue;
            if (w < 0) return -(long long)errno;
            if (w == 0) return -(long long)ENOSPC;
            done += (size_t)w;
        }
        return 0;
    }
    #endif
    """
    bint RH5_WRITES_LATE
    int64_t rh5_pwrite(int fd, const void* data, size_t n, int64_t at)

writes_late = bool(RH5_WRITES_LATE)


cdef int64_t write_out(
    const uint8_t* s, int64_t n, uint8_t* d, int64_t room, const int64_t* params,
    uint8_t* scratch,
) noexcept nogil:
    """Write s[:n] to the descriptor params[0], from byte params[1] on; return 0, or -errno."""
    return rh5_pwrite(<int>params[0], s, <size_t>n, params[1])


def writer():
    """Return the address of the function that writes, in the place of an encoder."""
    cdef encoder_t function = write_out
    return <uintptr_t>function
