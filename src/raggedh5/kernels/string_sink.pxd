"""Where strings go one by one: a growing buffer of bytes with offsets, or dictionary codes."""

cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport realloc

from .hashtable cimport TABLE_FULL, HashTable, find_or_add, find_short
from .utf8 cimport codepoint, copy_bytes, short_size, store_short, transcode

cdef enum Fault:
    FINE = 0
    NOT_TEXT
    IS_NULL
    NOT_UTF8
    NOT_UNICODE
    TOO_MANY
    CHANGED
    NO_MEMORY
    NOT_READY

cdef struct Piece:
    int32_t *start
    int32_t *end

cdef struct SinkState:
    Py_ssize_t filled, room  # items
    Py_ssize_t row, item  # where the first fault is
    bint nullable
    bint elsewhere  # filled by a thread that may not touch Python's memory
    # A sink of bytes:
    uint8_t *data  # scratch memory in a sink of codes
    Py_ssize_t used, data_room
    int64_t *ends
    uint8_t *valid
    # A sink of codes:
    HashTable *table
    Piece *pieces
    Piece now


cdef inline bint grow(SinkState *s, Py_ssize_t size) noexcept nogil:
    """Make room for that many more bytes; False without memory."""
    cdef void *moved
    if s.used + size > s.data_room:
        moved = realloc(s.data, 2 * (s.used + size))
        if moved == NULL:
            return False
        s.data = <uint8_t *>moved
        s.data_room = 2 * (s.used + size)
    return True


cdef inline void put_code(SinkState *s, Py_ssize_t code) noexcept nogil:
    while s.now.start == s.now.end:
        s.now = s.pieces[0]
        s.pieces += 1
    s.now.start[0] = <int32_t>code
    s.now.start += 1
    s.filled += 1


cdef inline Fault put_known(SinkState *s, const uint8_t *p, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t code = find_or_add(s.table, p, size)
    if code < 0:
        return TOO_MANY if code == TABLE_FULL else NO_MEMORY
    put_code(s, code)
    return FINE


cdef inline void put_end(SinkState *s) noexcept nogil:
    s.ends[s.filled] = s.used
    s.filled += 1


cdef inline Fault put_null(SinkState *s) noexcept nogil:
    if not s.nullable:
        return IS_NULL
    # The caller counted the items, but a list may have grown since in another thread.
    if s.filled == s.room:
        return CHANGED
    if s.table != NULL:
        put_code(s, -1)
    else:
        s.valid[s.filled] = 0
        put_end(s)
    return FINE


cdef inline Fault put_utf8(SinkState *s, const uint8_t *p, Py_ssize_t size) noexcept nogil:
    if s.filled == s.room:
        return CHANGED
    if s.table != NULL:
        return put_known(s, p, size)
    if not grow(s, size):
        return NO_MEMORY
    copy_bytes(s.data + s.used, p, size)
    s.used += size
    put_end(s)
    return FINE


cdef inline Fault put_short(SinkState *s, uint64_t key) noexcept nogil:
    """Put up to 8 characters of ASCII, the first one in the lowest byte and zeros behind."""
    cdef int size = short_size(key)
    cdef Py_ssize_t code
    if s.filled == s.room:
        return CHANGED
    if not grow(s, 8):
        return NO_MEMORY
    store_short(s.data + s.used, key)
    if s.table != NULL:
        code = find_short(s.table, key, size, s.data)
        if code < 0:
            return TOO_MANY if code == TABLE_FULL else NO_MEMORY
        put_code(s, code)
    else:
        s.used += size
        put_end(s)
    return FINE


cdef inline Fault put_code_points(
    SinkState *s, const codepoint *p, Py_ssize_t count, Py_ssize_t most_bytes
) noexcept nogil:
    cdef Py_ssize_t size
    if s.filled == s.room:
        return CHANGED
    if not grow(s, count * most_bytes):
        return NO_MEMORY
    size = transcode(p, count, s.data + s.used)
    if size < 0:
        return NOT_UNICODE
    if s.table != NULL:
        return put_known(s, s.data, size)
    s.used += size
    put_end(s)
    return FINE


@cython.final
cdef class Table:
    cdef HashTable c


@cython.final
cdef class Sink:
    cdef SinkState c
    cdef Piece *pieces
    cdef object kept_alive
