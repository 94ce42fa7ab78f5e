"""Runs of items from one row of a padded array to flat pieces: what `compact` does for each row."""

from libc.string cimport memcpy

from raggedh5.kernels.scalars cimport check_t, convert_t

cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define raggedh5_prefetch(address) __builtin_prefetch(address)
    #else
    #define raggedh5_prefetch(address) ((void) (address))
    #endif
    """
    void prefetch "raggedh5_prefetch"(const char *address) noexcept nogil

# Rows lie apart, with padding between, so that the processor does not see the next one coming.
cdef enum:
    CACHE_LINE = 64
    PREFETCH_LEAST = 512
    PREFETCH_MOST = 4096
    PREFETCH_ROWS = 3

cdef struct Piece:
    char *data
    Py_ssize_t items

# How to copy a run of items, and where in the pieces it goes.
cdef struct Copy:
    convert_t convert
    check_t check
    Py_ssize_t scalars
    Py_ssize_t stride
    Py_ssize_t source_bytes
    Py_ssize_t target_bytes
    Piece *piece
    char *out
    Py_ssize_t left


cdef inline void next_piece(Copy *copy) noexcept nogil:
    while copy.left == 0:
        copy.piece += 1
        copy.out = copy.piece.data
        copy.left = copy.piece.items


cdef inline void rewind(Copy *copy, Piece *table) noexcept nogil:
    copy.piece = table
    copy.out = table.data
    copy.left = table.items


cdef inline bint finish(Copy *copy, Py_ssize_t items) noexcept nogil:
    """Look at what was just written, and step over it."""
    cdef bint bad = copy.check != NULL and copy.check(copy.out, items * copy.scalars)
    copy.out += items * copy.target_bytes
    copy.left -= items
    return bad


cdef inline bint copy_run(Copy *copy, const char *source, Py_ssize_t items) noexcept nogil:
    """Copy consecutive items of one row, on over the ends of pieces."""
    cdef bint bad = False
    cdef Py_ssize_t take, k
    while items > 0:
        next_piece(copy)
        take = min(items, copy.left)
        if copy.stride == copy.source_bytes:
            if copy.convert == NULL:
                memcpy(copy.out, source, <size_t> (take * copy.source_bytes))
            else:
                bad |= copy.convert(source, copy.out, take * copy.scalars)
        else:
            for k in range(take):
                if copy.convert == NULL:
                    memcpy(
                        copy.out + k * copy.source_bytes,
                        source + k * copy.stride,
                        <size_t> copy.source_bytes,
                    )
                else:
                    bad |= copy.convert(
                        source + k * copy.stride, copy.out + k * copy.target_bytes, copy.scalars
                    )
        bad |= finish(copy, take)
        source += take * copy.stride
        items -= take
    return bad


cdef inline Py_ssize_t select(
    char *out,
    const char *line,
    Py_ssize_t stride,
    const char *keep,
    Py_ssize_t keep_stride,
    Py_ssize_t item,
    Py_ssize_t width,
    Py_ssize_t take,
    const Py_ssize_t size,
) noexcept nogil:
    """Write every item, but step on only after those that are kept: no branch to mispredict."""
    cdef Py_ssize_t kept
    while take > 0 and item < width:
        memcpy(out, line + item * stride, <size_t> size)
        kept = keep[item * keep_stride] != 0
        out += kept * size
        take -= kept
        item += 1
    return item if take == 0 else -1


cdef inline bint copy_small(
    Copy *copy,
    const char *line,
    const char *keep,
    Py_ssize_t keep_stride,
    Py_ssize_t width,
    Py_ssize_t items,
) noexcept nogil:
    """Copy the kept ones among items of a few bytes, on over the ends of pieces."""
    cdef bint bad = False
    cdef Py_ssize_t item = 0
    cdef Py_ssize_t step = copy.stride
    cdef Py_ssize_t take, size
    while items > 0:
        next_piece(copy)
        take = min(items, copy.left)
        size = copy.source_bytes
        # The size as a constant, so that the copy is an instruction or two and no call.
        if size == 1:
            item = select(copy.out, line, step, keep, keep_stride, item, width, take, 1)
        elif size == 2:
            item = select(copy.out, line, step, keep, keep_stride, item, width, take, 2)
        elif size == 4:
            item = select(copy.out, line, step, keep, keep_stride, item, width, take, 4)
        elif size == 8:
            item = select(copy.out, line, step, keep, keep_stride, item, width, take, 8)
        elif size == 12:
            item = select(copy.out, line, step, keep, keep_stride, item, width, take, 12)
        elif size == 16:
            item = select(copy.out, line, step, keep, keep_stride, item, width, take, 16)
        else:
            item = select(copy.out, line, step, keep, keep_stride, item, width, take, 24)
        if item < 0:
            return True
        bad |= finish(copy, take)
        items -= take
    return bad


cdef inline bint copy_runs(
    Copy *copy,
    const char *line,
    const char *keep,
    Py_ssize_t keep_stride,
    Py_ssize_t width,
    Py_ssize_t items,
) noexcept nogil:
    """Copy the kept items, as many at once as follow each other."""
    cdef bint bad = False
    cdef Py_ssize_t stop = 0
    cdef Py_ssize_t start
    while items > 0:
        start = stop
        while start < width and keep[start * keep_stride] == 0:
            start += 1
        if start == width:
            return True
        stop = start + 1
        while stop < width and stop - start < items and keep[stop * keep_stride] != 0:
            stop += 1
        bad |= copy_run(copy, line + start * copy.stride, stop - start)
        items -= stop - start
    return bad


cdef inline void prefetch_row(const char *line, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t most = PREFETCH_MOST
    cdef Py_ssize_t k = 0
    size = min(size, most)
    while k < size:
        prefetch(line + k)
        k += CACHE_LINE
