"""Reading from a file by position, whole or not at all."""

from libc.stdint cimport int64_t

cdef extern from * nogil:
    """
    #include <stddef.h>
    #ifdef _WIN32
    static long long rh5_pread(int fd, void *to, size_t n, long long at) { return -1; }
    #else
    #include <errno.h>
    #include <unistd.h>
    static long long rh5_pread(int fd, void *to, size_t n, long long at) {
        size_t got = 0;
        while (got < n) {
            ssize_t r = pread(fd, (char *)to + got, n - got, (off_t)(at + (long long)got));
            if (r < 0 && errno == EINTR) continue;
            if (r <= 0) break;
            got += (size_t)r;
        }
        return (long long)got;
    }
    #endif
    """
    int64_t rh5_pread(int fd, void* to, size_t n, int64_t at)
