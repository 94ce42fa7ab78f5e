"""Stored chunks out of a file: read, compared with their checksums and decoded in one go."""

from libc.stdint cimport int64_t, uint8_t, uint64_t, uintptr_t

cimport numpy as cnp

from raggedh5.kernels.coder cimport decoder_t
from raggedh5.kernels.hashing cimport digest_of
from raggedh5.kernels.pread cimport rh5_pread

cnp.import_array()


def decode(uintptr_t decoder, cnp.ndarray params, cnp.ndarray src, int64_t nsrc, cnp.ndarray dst):
    """Decode ``src[:nsrc]`` to all of `dst`; False where it is damaged."""
    cdef decoder_t call = <decoder_t>decoder
    cdef const int64_t* values = <const int64_t*>cnp.PyArray_DATA(params)
    cdef const uint8_t* s = <const uint8_t*>cnp.PyArray_DATA(src)
    cdef uint8_t* d = <uint8_t*>cnp.PyArray_DATA(dst)
    cdef int64_t room = cnp.PyArray_NBYTES(dst)
    cdef bint fine
    with nogil:
        fine = call(s, nsrc, d, room, values)
    return fine


def fetch(
    int fd,
    const int64_t[::1] address,
    const int64_t[::1] stored,
    const uint64_t[::1] digest,
    uintptr_t decoder,
    cnp.ndarray params,
    const int64_t[::1] place,
    int64_t nbytes,
    cnp.ndarray out,
    cnp.ndarray scratch,
):
    """Read chunks from a file, compare their checksums and decode them, in one go.

    Chunk i lies at address[i], stored[i] bytes long, has the checksum digest[i] (0: not to be
    compared) and goes to ``out[place[i]:][:nbytes]``, counted in bytes. The scratch has room for
    the largest of them.

    Returns -1, or the index of the first chunk that failed, with why: 1 the file ends before it,
    2 its checksum differs, 3 it does not decode.
    """
    cdef decoder_t call = <decoder_t>decoder
    cdef const int64_t* values = <const int64_t*>cnp.PyArray_DATA(params)
    cdef uint8_t* to = <uint8_t*>cnp.PyArray_DATA(out)
    cdef uint8_t* raw = <uint8_t*>cnp.PyArray_DATA(scratch)
    cdef int64_t i, bad = -1
    cdef int why = 0
    with nogil:
        for i in range(address.shape[0]):
            if rh5_pread(fd, raw, stored[i], address[i]) != stored[i]:
                why = 1
            elif digest[i] and digest_of(raw, stored[i]) != digest[i]:
                why = 2
            elif not call(raw, stored[i], to + place[i], nbytes, values):
                why = 3
            if why:
                bad = i
                break
    return bad, why
