"""Whether text is JSON (RFC 8259, and the NaN and infinities that Python's json writes).

Nothing is built of it: bytes are looked at once. That they are UTF-8 is seen to elsewhere. The
offsets are trusted: `raggedh5.core.json_text` checks them.
"""

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL

cdef enum:
    DEPTH = 512  # lists and objects within each other: Python reads about 1,000
    DIGITS = 4300  # of an integer: Python reads no more
    VALUE = 0
    KEY = 1
    AFTER = 2

cdef uint8_t ORDINARY[256]  # what stands for itself in a string
cdef uint8_t SPACE[256]
cdef uint8_t HEX[256]

cdef void fill_tables() noexcept:
    cdef int c
    for c in range(256):
        ORDINARY[c] = c >= 0x20 and c != c'"' and c != c'\\'
        SPACE[c] = c == c' ' or c == c'\t' or c == c'\n' or c == c'\r'
        HEX[c] = (c'0' <= c <= c'9') or (c'a' <= c <= c'f') or (c'A' <= c <= c'F')

fill_tables()


def first_fault(str text not None):
    """Return the first byte of UTF-8 where text is no JSON, or -1."""
    cdef Py_ssize_t size = 0, count = 0
    cdef const char *data = PyUnicode_AsUTF8AndSize(text, &size)
    return scan(<const uint8_t *>data, size, NULL, 0, &count)


def outer_keys(str text not None, int64_t[:, ::1] spans not None):
    """Put where the keys of the outermost object lie into spans: their first byte, and behind it.

    Return how many there are, which may be more than there is room for, or -1 if it is no JSON.
    """
    cdef Py_ssize_t size = 0, count = 0, room = spans.shape[0]
    cdef const char *data = PyUnicode_AsUTF8AndSize(text, &size)
    cdef Py_ssize_t at = scan(
        <const uint8_t *>data, size, &spans[0, 0] if room else NULL, room, &count)
    return count if at < 0 else -1


def first_not_json(const uint8_t[::1] data not None, const int64_t[::1] offsets not None):
    """Return the first text of data that is no JSON, and where it is not; -1 for none."""
    cdef Py_ssize_t i, at = -1, first = -1, count = 0, items = offsets.shape[0] - 1
    cdef const uint8_t *start = &data[0] if data.shape[0] else NULL
    with nogil:
        for i in range(items):
            at = scan(start + offsets[i], offsets[i + 1] - offsets[i], NULL, 0, &count)
            if at >= 0:
                first = i
                break
    return first, at


cdef Py_ssize_t scan(
    const uint8_t *text, Py_ssize_t size, int64_t *keys, Py_ssize_t room, Py_ssize_t *count
) noexcept nogil:
    """Return the first byte that cannot be, or is missing, in JSON; -1 if all is well."""
    cdef uint8_t[DEPTH] opened
    cdef Py_ssize_t depth = 0, i = 0, start
    cdef int state = VALUE
    cdef uint8_t c
    while True:
        while i < size and SPACE[text[i]]:
            i += 1
        if i >= size:
            return -1 if state == AFTER and depth == 0 else size
        c = text[i]
        if state == AFTER:
            if depth == 0:
                return i
            if c == c',':
                state = KEY if opened[depth - 1] == c'{' else VALUE
            elif c == (c'}' if opened[depth - 1] == c'{' else c']'):
                depth -= 1
            else:
                return i
            i += 1
        elif state == KEY:
            start = i + 1
            if c != c'"' or not skip_string(text, size, &i):
                return i
            if depth == 1:
                if count[0] < room:
                    keys[2 * count[0]] = start
                    keys[2 * count[0] + 1] = i - 1
                count[0] += 1
            while i < size and SPACE[text[i]]:
                i += 1
            if i >= size or text[i] != c':':
                return i
            i += 1
            state = VALUE
        elif c == c'"':
            if not skip_string(text, size, &i):
                return i
            state = AFTER
        elif c == c'{' or c == c'[':
            if depth == DEPTH:
                return i
            opened[depth] = c
            depth += 1
            i += 1
            while i < size and SPACE[text[i]]:
                i += 1
            if i < size and text[i] == (c'}' if c == c'{' else c']'):
                depth -= 1
                i += 1
                state = AFTER
            else:
                state = KEY if c == c'{' else VALUE
        elif c == c't' and is_word(text, size, &i, b"true", 4):
            state = AFTER
        elif c == c'f' and is_word(text, size, &i, b"false", 5):
            state = AFTER
        elif c == c'n' and is_word(text, size, &i, b"null", 4):
            state = AFTER
        elif c == c'N' and is_word(text, size, &i, b"NaN", 3):
            state = AFTER
        elif c == c'I' and is_word(text, size, &i, b"Infinity", 8):
            state = AFTER
        elif c == c'-' and is_word(text, size, &i, b"-Infinity", 9):
            state = AFTER
        else:
            if not skip_number(text, size, &i):
                return i
            state = AFTER


cdef inline bint is_word(
    const uint8_t *text, Py_ssize_t size, Py_ssize_t *i, const char *word, Py_ssize_t length
) noexcept nogil:
    if size - i[0] < length or memcmp(text + i[0], word, length):
        return False
    i[0] += length
    return True


cdef inline bint skip_string(
    const uint8_t *text, Py_ssize_t size, Py_ssize_t *place
) noexcept nogil:
    """Go from one quotation mark behind the other; to what is wrong, if there is no such."""
    cdef Py_ssize_t i = place[0] + 1, j
    cdef uint8_t c
    while True:
        while i < size and ORDINARY[text[i]]:
            i += 1
        place[0] = i
        if i >= size:
            return False
        c = text[i]
        if c == c'"':
            place[0] = i + 1
            return True
        if c != c'\\' or i + 1 >= size:
            return False
        c = text[i + 1]
        if c == c'u':
            if size - i < 6:
                return False
            for j in range(i + 2, i + 6):
                if not HEX[text[j]]:
                    return False
            i += 6
        elif (c == c'"' or c == c'\\' or c == c'/' or c == c'b' or c == c'f' or c == c'n'
                or c == c'r' or c == c't'):
            i += 2
        else:
            return False


cdef inline bint is_digit(uint8_t c) noexcept nogil:
    return <uint8_t>(c - c'0') < 10


cdef inline bint skip_number(
    const uint8_t *text, Py_ssize_t size, Py_ssize_t *place
) noexcept nogil:
    cdef Py_ssize_t i = place[0], first
    cdef bint whole = True
    if text[i] == c'-':
        i += 1
    first = i
    while i < size and is_digit(text[i]):
        i += 1
    if i == first or (text[first] == c'0' and i > first + 1):
        return False
    cdef Py_ssize_t digits = i - first
    if i + 1 < size and text[i] == c'.' and is_digit(text[i + 1]):
        whole = False
        i += 2
        while i < size and is_digit(text[i]):
            i += 1
    if i < size and (text[i] == c'e' or text[i] == c'E'):
        first = i + 1
        if first < size and (text[first] == c'+' or text[first] == c'-'):
            first += 1
        if first < size and is_digit(text[first]):
            whole = False
            i = first
            while i < size and is_digit(text[i]):
                i += 1
    if whole and digits > DIGITS:
        return False
    place[0] = i
    return True
