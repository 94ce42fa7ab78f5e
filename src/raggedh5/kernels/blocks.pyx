"""Byte ranges out of Blosc frames in a file, whose blocks are fetched and decoded one by one."""

from cpython.ref cimport Py_INCREF
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcpy

cimport cython
cimport numpy as cnp

from raggedh5.kernels.blosc cimport decode_block, frame_ok
from raggedh5.kernels.frames cimport HEADER, MAX_SPLITS, STORED, load32
from raggedh5.kernels.pread cimport rh5_pread

cnp.import_array()

cdef extern from "numpy/arrayobject.h":
    object PyArray_Empty(int, cnp.npy_intp*, cnp.dtype, int)

cdef enum:
    MAX_DIMS = 64  # NPY_MAXDIMS


def header_ok(const uint8_t[::1] head, int64_t stored, int64_t nbytes):
    """Whether `head` begins a frame of `stored` bytes that holds `nbytes` and `Blocks` knows.

    `head` is the header and, unless the frame is a stored one, all block starts.
    """
    return frame_ok(&head[0], head.shape[0], stored, nbytes)


def first_bad_range(
    const int64_t[::1] chunk,
    const int64_t[::1] start,
    const int64_t[::1] stop,
    const int64_t[::1] place,
    const uint8_t[::1] ready,
    int64_t length,
    int64_t room,
):
    """Return the first range that is not within a chunk that is ready, or has no place, or -1.

    Chunks have `length` items each, and there is room for `room` items.
    """
    cdef int64_t i, n = chunk.shape[0], bad = -1
    with nogil:
        for i in range(n):
            if (
                chunk[i] < 0
                or chunk[i] >= ready.shape[0]
                or not ready[chunk[i]]
                or start[i] < 0
                or stop[i] < start[i]
                or stop[i] > length
                or place[i] < 0
                or stop[i] - start[i] > room - place[i]
            ):
                bad = i
                break
    return bad


@cython.final
cdef class Blocks:
    """Byte ranges out of the frames of one dataset, through a direct-mapped cache of blocks.

    Parameters
    ----------
    nbytes
        Bytes of a decoded chunk.
    address, stored
        Where each chunk's frame lies in the file, and its length; int64 (chunks,).
    heads
        How each frame begins: header and block starts; uint8 (chunks, H). Only chunks whose head
        `header_ok` has approved may be asked for.
    ready
        Nonzero for those, uint8 (chunks,).
    slots
        The cache, uint8 (S, largest block).
    """

    cdef const int64_t[::1] address
    cdef const int64_t[::1] stored
    cdef const uint8_t[:, ::1] heads
    cdef const uint8_t[::1] ready
    cdef uint8_t[:, ::1] slots
    cdef int64_t[::1] tags
    cdef uint8_t[::1] work
    cdef int64_t nbytes

    def __init__(
        self,
        int64_t nbytes,
        const int64_t[::1] address,
        const int64_t[::1] stored,
        const uint8_t[:, ::1] heads,
        const uint8_t[::1] ready,
        uint8_t[:, ::1] slots,
        int64_t[::1] tags,
        uint8_t[::1] work,
    ):
        self.nbytes = nbytes
        self.address = address
        self.stored = stored
        self.heads = heads
        self.ready = ready
        self.slots = slots
        self.tags = tags
        self.work = work

    cdef bint copy(
        self, int fd, int64_t c, int64_t start, int64_t stop, uint8_t* to
    ) noexcept nogil:
        """Copy bytes start:stop of chunk `c`; False where the file does not give them."""
        cdef const uint8_t* h = &self.heads[c, 0]
        cdef int64_t b, blocksize, length, nblocks, room, tag, slot, lo, hi, begin
        cdef int64_t half = self.work.shape[0] // 2
        cdef bint failed
        if stop <= start:
            return True
        if h[2] & STORED:
            length = stop - start
            return rh5_pread(fd, to, length, self.address[c] + HEADER + start) == length
        blocksize = load32(h + 8)
        nblocks = (self.nbytes + blocksize - 1) // blocksize
        for b in range(start // blocksize, (stop - 1) // blocksize + 1):
            tag = c << 32 | b
            slot = (c * nblocks + b) % self.slots.shape[0]
            length = blocksize
            if (b + 1) * blocksize > self.nbytes:
                length = self.nbytes - b * blocksize
            if self.tags[slot] != tag:
                begin = load32(h + HEADER + 4 * b)
                room = length + 4 * MAX_SPLITS
                if room > self.stored[c] - begin:
                    room = self.stored[c] - begin
                self.tags[slot] = -1
                failed = rh5_pread(fd, &self.work[0], room, self.address[c] + begin) != room
                if failed or not decode_block(
                    h, &self.work[0], room, length, length == blocksize, &self.work[half],
                    &self.slots[slot, 0],
                ):
                    return False
                self.tags[slot] = tag
            lo = start - b * blocksize
            hi = stop - b * blocksize
            if lo < 0:
                lo = 0
            if hi > length:
                hi = length
            memcpy(to + b * blocksize + lo - start, &self.slots[slot, lo], hi - lo)
        return True

    def read_ranges(
        self,
        int fd,
        const int64_t[::1] chunk,
        const int64_t[::1] start,
        const int64_t[::1] stop,
        const int64_t[::1] place,
        int64_t scale,
        cnp.ndarray out,
    ):
        """Copy range i, items start[i]:stop[i] of chunk[i], to item place[i] of `out`.

        An item has `scale` bytes. Returns -1, or the first range that cannot be read.
        """
        cdef uint8_t* to = <uint8_t*>cnp.PyArray_DATA(out)
        cdef int64_t i, n = chunk.shape[0], bad = -1
        with nogil:
            for i in range(n):
                if not self.copy(
                    fd, chunk[i], start[i] * scale, stop[i] * scale, to + place[i] * scale
                ):
                    bad = i
                    break
        return bad

    def items(self, int fd, cnp.ndarray like, int64_t start, int64_t stop):
        """Return the items start:stop of the dataset, of the dtype and inner shape of `like`.

        None unless they lie in one chunk that is ready, and for those that are damaged.
        """
        cdef cnp.npy_intp[MAX_DIMS] dims
        cdef cnp.dtype dtype = <cnp.dtype>cnp.PyArray_DESCR(like)
        cdef int64_t size = cnp.PyArray_ITEMSIZE(like), length, c, first
        cdef int axis, ndim = cnp.PyArray_NDIM(like)
        cdef cnp.ndarray out
        cdef uint8_t* to
        cdef bint fine
        dims[0] = stop - start
        for axis in range(1, ndim):
            dims[axis] = cnp.PyArray_DIM(like, axis)
            size *= dims[axis]
        if start < 0 or stop <= start or size == 0 or size > self.nbytes:
            return None
        length = self.nbytes // size
        c = start // length
        if c >= self.ready.shape[0] or not self.ready[c] or stop > (c + 1) * length:
            return None
        Py_INCREF(dtype)  # which the call takes over
        out = PyArray_Empty(ndim, dims, dtype, 0)
        to = <uint8_t*>cnp.PyArray_DATA(out)
        first = (start - c * length) * size
        with nogil:
            fine = self.copy(fd, c, first, first + dims[0] * size, to)
        return out if fine else None
