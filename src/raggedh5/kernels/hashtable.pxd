"""Distinct strings, numbered in order of appearance: open addressing over their UTF-8 bytes.

A string of up to 8 bytes is its own key in the slot, so finding it reads one slot and nothing
else; a longer one keeps its hash there and is compared in the pool of bytes.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp

from .utf8 cimport copy_bytes, load8, load_short

cdef struct Slot:
    uint64_t key
    int32_t rank  # the code + 1, so that fresh zeroed slots are empty
    int32_t size  # 0 to 8; LONG for all longer strings

cdef struct HashTable:
    Slot *slots
    uint64_t last  # slots - 1, slots being a power of two
    uint64_t seed
    uint8_t *pool
    int64_t *offsets
    Py_ssize_t count
    Py_ssize_t limit
    Py_ssize_t pool_room
    Py_ssize_t offsets_room

cdef enum:
    LONG = 9
    TABLE_FULL = -2
    TABLE_NO_MEMORY = -3

cdef extern from *:
    """
    #define RH5_ODD_1 0x9E3779B97F4A7C15ULL
    #define RH5_ODD_2 0xD6E8FEB86659FD93ULL
    """
    const uint64_t ODD_1 "RH5_ODD_1"
    const uint64_t ODD_2 "RH5_ODD_2"


cdef inline uint64_t scramble(uint64_t h) noexcept nogil:
    h = (h ^ (h >> 32)) * ODD_2
    h = (h ^ (h >> 29)) * ODD_1
    return h ^ (h >> 32)


cdef inline uint64_t hash_long(const uint8_t *p, Py_ssize_t size, uint64_t seed) noexcept nogil:
    cdef uint64_t h = seed ^ <uint64_t>size * ODD_1
    cdef Py_ssize_t i = 0
    while i + 8 < size:
        h = (h ^ load8(p + i)) * ODD_2
        h ^= h >> 32
        i += 8
    return scramble(h ^ load8(p + size - 8))


cdef inline uint64_t key_of(const HashTable *t, const uint8_t *p, Py_ssize_t size) noexcept nogil:
    return load_short(p, size) if size < LONG else hash_long(p, size, t.seed)


cdef inline uint64_t home(const HashTable *t, uint64_t key, Py_ssize_t size) noexcept nogil:
    if size < LONG:
        key = scramble(key ^ t.seed ^ <uint64_t>size)
    return key & t.last


cdef inline int resize_slots(HashTable *t, uint64_t slots) noexcept nogil:
    """Lay out all strings afresh over that many slots; -1, and no change, without memory."""
    cdef Slot *fresh = <Slot *>calloc(slots, sizeof(Slot))
    cdef Py_ssize_t code, size
    cdef uint64_t key, at
    if fresh == NULL:
        return -1
    free(t.slots)
    t.slots = fresh
    t.last = slots - 1
    for code in range(t.count):
        size = t.offsets[code + 1] - t.offsets[code]
        key = key_of(t, t.pool + t.offsets[code], size)
        at = home(t, key, size)
        while fresh[at].rank:
            at = (at + 1) & t.last
        fresh[at].key = key
        fresh[at].rank = <int32_t>(code + 1)
        fresh[at].size = <int32_t>min(size, LONG)
    return 0


cdef inline int make_room(HashTable *t, Py_ssize_t size) noexcept nogil:
    """Make room for one more string of that size."""
    cdef void *moved
    cdef Py_ssize_t used = t.offsets[t.count]
    if used + size > t.pool_room:
        moved = realloc(t.pool, 2 * (used + size))
        if moved == NULL:
            return -1
        t.pool = <uint8_t *>moved
        t.pool_room = 2 * (used + size)
    if t.count + 2 > t.offsets_room:
        moved = realloc(t.offsets, 2 * (t.count + 2) * sizeof(int64_t))
        if moved == NULL:
            return -1
        t.offsets = <int64_t *>moved
        t.offsets_room = 2 * (t.count + 2)
    if 2 * <uint64_t>(t.count + 1) > t.last + 1:
        return resize_slots(t, 4 * (t.last + 1))
    return 0


cdef inline Py_ssize_t add(
    HashTable *t, const uint8_t *p, Py_ssize_t size, uint64_t key
) noexcept nogil:
    """Append a string that find_or_add has not found; return its code or a TABLE_ fault."""
    cdef uint64_t at
    if t.count >= t.limit:
        return TABLE_FULL
    if make_room(t, size):
        return TABLE_NO_MEMORY
    at = home(t, key, size)
    while t.slots[at].rank:
        at = (at + 1) & t.last
    copy_bytes(t.pool + t.offsets[t.count], p, size)
    t.offsets[t.count + 1] = t.offsets[t.count] + size
    t.count += 1
    t.slots[at].key = key
    t.slots[at].rank = <int32_t>t.count
    t.slots[at].size = <int32_t>min(size, LONG)
    return t.count - 1


cdef inline Py_ssize_t find_short(
    HashTable *t, uint64_t key, Py_ssize_t size, const uint8_t *p
) noexcept nogil:
    """Do what find_or_add does for a string of up to 8 bytes, which are the key as well."""
    cdef uint64_t at = home(t, key, size)
    cdef Slot *slot = t.slots + at
    while slot.rank:
        if slot.key == key and slot.size == size:
            return slot.rank - 1
        at = (at + 1) & t.last
        slot = t.slots + at
    return add(t, p, size, key)


cdef inline Py_ssize_t find_or_add(
    HashTable *t, const uint8_t *p, Py_ssize_t size
) noexcept nogil:
    """Return the code of a string, adding it if it is new; a TABLE_ fault if that fails."""
    cdef uint64_t key, at
    cdef Slot *slot
    cdef int64_t start
    if size < LONG:
        return find_short(t, load_short(p, size), size, p)
    key = hash_long(p, size, t.seed)
    at = home(t, key, size)
    slot = t.slots + at
    while slot.rank:
        if slot.key == key and slot.size == LONG:
            start = t.offsets[slot.rank - 1]
            if t.offsets[slot.rank] - start == size and memcmp(t.pool + start, p, size) == 0:
                return slot.rank - 1
        at = (at + 1) & t.last
        slot = t.slots + at
    return add(t, p, size, key)
