"""Images of positions in a lattice: the nearest one, the next one of a path, the one in the cell.

A lattice comes as arrays of 3 x 3: `lattice` with a vector in each row, a reduced basis of its
periodic vectors, the dual of that basis, and the counts of lattice vectors that make up each
reduced one; rows that are not needed are zero. What is left to try after rounding in a reduced
basis is in `neighbours`, the vectors, and in `steps`, the counts of reduced vectors in them.
"""

cimport numpy as cnp
from libc.math cimport NAN, fabs, floor, isfinite, rint
from libc.stdint cimport int64_t

cnp.import_array()

cdef double MOST_CELLS = 1099511627776.0  # 2**40: a quotient still has 12 bits behind the point
cdef double MOST_IMAGES = 9007199254740992.0  # 2**53: the integers that a double counts


cdef struct Basis:
    const double *lattice
    const double *reduced
    const double *dual
    const int64_t *transform
    const double *neighbours
    const int64_t *steps
    Py_ssize_t n_neighbours
    double near  # square of half the shortest lattice vector


cdef Basis _basis(tuple arrays, double near):
    cdef Basis basis
    cdef cnp.ndarray lattice, reduced, dual, transform, neighbours, steps
    lattice, reduced, dual, transform, neighbours, steps = arrays
    basis.lattice = <const double *> cnp.PyArray_DATA(lattice)
    basis.reduced = <const double *> cnp.PyArray_DATA(reduced)
    basis.dual = <const double *> cnp.PyArray_DATA(dual)
    basis.transform = <const int64_t *> cnp.PyArray_DATA(transform)
    basis.neighbours = <const double *> cnp.PyArray_DATA(neighbours)
    basis.steps = <const int64_t *> cnp.PyArray_DATA(steps)
    basis.n_neighbours = cnp.PyArray_DIM(neighbours, 0)
    basis.near = near
    return basis


cdef inline double _dot(const double *a, const double *b) noexcept nogil:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


cdef inline void _combine(const double *counts, const double *rows, double *out) noexcept nogil:
    cdef Py_ssize_t axis
    for axis in range(3):
        out[axis] = (
            counts[0] * rows[axis] + counts[1] * rows[3 + axis] + counts[2] * rows[6 + axis]
        )


cdef inline void _shift(
    const double *position, const double *counts, const double *rows, double *out
) noexcept nogil:
    """Write a position with counted rows added to it; with none, its very bits."""
    cdef double shift[3]
    cdef Py_ssize_t axis
    if counts[0] == 0 and counts[1] == 0 and counts[2] == 0:
        for axis in range(3):
            out[axis] = position[axis]
        return
    _combine(counts, rows, shift)
    for axis in range(3):
        out[axis] = position[axis] + shift[axis]


cdef inline bint _is_finite(const double *vector) noexcept nogil:
    return isfinite(vector[0]) and isfinite(vector[1]) and isfinite(vector[2])


cdef bint _nearest(const double *displacement, const Basis *basis, double *counts) noexcept nogil:
    """Count the reduced vectors to add for the shortest image; say whether they can be counted."""
    cdef double quotient
    cdef double rest[3]
    cdef double within[3]
    cdef double candidate[3]
    cdef double length, shortest
    cdef Py_ssize_t axis, k, best = -1
    counts[0] = counts[1] = counts[2] = 0
    if _dot(displacement, displacement) <= basis.near:
        return True
    for axis in range(3):
        quotient = _dot(displacement, basis.dual + 3 * axis)
        if not fabs(quotient) <= MOST_CELLS:
            return False
        counts[axis] = -rint(quotient)
        rest[axis] = quotient + counts[axis]
    if basis.n_neighbours:
        # Only what lies in the span of the periodic vectors is compared: the remainder, however
        # long, is the same for all images.
        _combine(rest, basis.reduced, within)
        shortest = _dot(within, within)
        if shortest > basis.near:
            for k in range(basis.n_neighbours):
                for axis in range(3):
                    candidate[axis] = within[axis] + basis.neighbours[3 * k + axis]
                length = _dot(candidate, candidate)
                if length < shortest:
                    shortest = length
                    best = k
            if best >= 0:
                for axis in range(3):
                    counts[axis] += basis.steps[3 * best + axis]
    return True


cdef bint _add_images(const double *counts, const Basis *basis, int64_t *images) noexcept nogil:
    """Add counts of reduced vectors to those of lattice vectors; say whether the sum is exact."""
    cdef double change, most, term
    cdef Py_ssize_t axis, k
    if counts[0] == 0 and counts[1] == 0 and counts[2] == 0:
        return True
    for axis in range(3):
        change = 0
        most = fabs(<double> images[axis])
        for k in range(3):
            term = counts[k] * basis.transform[3 * k + axis]
            change += term
            most += fabs(term)
        if most > MOST_IMAGES:
            return False
        images[axis] += <int64_t> change
    return True


cdef double _back_inside(
    const double *place, const double *direction, const double *vector
) noexcept nogil:
    """Count the vectors to add to a place that rounding left a trifle outside the cell."""
    cdef double fraction = _dot(place, direction)
    cdef double other[3]
    cdef Py_ssize_t axis
    if fraction < 0:
        return 1
    if fraction < 1:
        return 0
    # On the far side, or so near to it that the fraction was rounded up: then it stays.
    for axis in range(3):
        other[axis] = place[axis] - vector[axis]
    return -1 if _dot(other, direction) >= 0 else 0


def minimum_images(
    cnp.ndarray displacements, tuple arrays, double near, cnp.ndarray out, cnp.ndarray images
):
    """Fill `out` with the shortest images of displacements, `images` with what was added to them.

    Return the first displacement that spans more cells than can be counted, or -1.
    """
    cdef Basis basis = _basis(arrays, near)
    cdef const double *vectors = <const double *> cnp.PyArray_DATA(displacements)
    cdef double *nearest = <double *> cnp.PyArray_DATA(out)
    cdef int64_t *added = <int64_t *> cnp.PyArray_DATA(images)
    cdef Py_ssize_t rows = cnp.PyArray_DIM(displacements, 0)
    cdef Py_ssize_t row, axis, bad = -1
    cdef double counts[3]
    with nogil:
        for row in range(rows):
            for axis in range(3):
                added[3 * row + axis] = 0
            if not _is_finite(vectors + 3 * row):
                for axis in range(3):
                    nearest[3 * row + axis] = NAN
                continue
            if not (
                _nearest(vectors + 3 * row, &basis, counts)
                and _add_images(counts, &basis, added + 3 * row)
            ):
                bad = row
                break
            _shift(vectors + 3 * row, counts, basis.reduced, nearest + 3 * row)
    return bad


def unwrap(
    cnp.ndarray frames,
    tuple arrays,
    double near,
    cnp.ndarray last,
    cnp.ndarray images,
    cnp.ndarray out,
):
    """Fill `out` with the frames of a path, each species next to where it was before.

    `last` holds the last finite position of each species (NaN where there was none), `images` the
    lattice vectors added to it; both go on with the frames. Return the first position, counted
    through all frames, that is more cells away than can be counted, or -1.
    """
    cdef Basis basis = _basis(arrays, near)
    cdef const double *wrapped = <const double *> cnp.PyArray_DATA(frames)
    cdef double *before = <double *> cnp.PyArray_DATA(last)
    cdef int64_t *added = <int64_t *> cnp.PyArray_DATA(images)
    cdef double *unwrapped = <double *> cnp.PyArray_DATA(out)
    cdef Py_ssize_t n_frames = cnp.PyArray_DIM(frames, 0)
    cdef Py_ssize_t n_species = cnp.PyArray_DIM(frames, 1)
    cdef Py_ssize_t row, axis, species = -3, bad = -1
    cdef const double *position
    cdef double displacement[3]
    cdef double counts[3]
    with nogil:
        for row in range(n_frames * n_species):
            species += 3
            if species == 3 * n_species:
                species = 0
            position = wrapped + 3 * row
            if not _is_finite(position):
                for axis in range(3):
                    unwrapped[3 * row + axis] = NAN
                continue
            if _is_finite(before + species):
                for axis in range(3):
                    displacement[axis] = position[axis] - before[species + axis]
                if not (
                    _nearest(displacement, &basis, counts)
                    and _add_images(counts, &basis, added + species)
                ):
                    bad = row
                    break
            for axis in range(3):
                before[species + axis] = position[axis]
                counts[axis] = <double> added[species + axis]
            _shift(position, counts, basis.lattice, unwrapped + 3 * row)
    return bad


def wrap(
    cnp.ndarray positions,
    cnp.ndarray lattice,
    cnp.ndarray dual,
    cnp.ndarray periodic,
    cnp.ndarray out,
):
    """Fill `out` with the images of positions whose fractional coordinates are in [0, 1).

    `dual` gives the fractional coordinates, `periodic` says (as float64, 1 or 0) along which
    vectors there are images. Return the first position that is more cells away than can be
    counted, or -1.
    """
    cdef const double *vectors = <const double *> cnp.PyArray_DATA(lattice)
    cdef const double *inverse = <const double *> cnp.PyArray_DATA(dual)
    cdef const double *moves = <const double *> cnp.PyArray_DATA(periodic)
    cdef const double *places = <const double *> cnp.PyArray_DATA(positions)
    cdef double *wrapped = <double *> cnp.PyArray_DATA(out)
    cdef Py_ssize_t rows = cnp.PyArray_DIM(positions, 0)
    cdef Py_ssize_t row, axis, bad = -1
    cdef double fraction
    cdef double counts[3]
    with nogil:
        for row in range(rows):
            if not _is_finite(places + 3 * row):
                for axis in range(3):
                    wrapped[3 * row + axis] = NAN
                continue
            for axis in range(3):
                fraction = _dot(places + 3 * row, inverse + 3 * axis)
                counts[axis] = -floor(fraction) * moves[axis]
                if not fabs(counts[axis]) <= MOST_CELLS:
                    bad = row
            if bad >= 0:
                break
            _shift(places + 3 * row, counts, vectors, wrapped + 3 * row)
            for axis in range(3):
                counts[axis] = moves[axis] * _back_inside(
                    wrapped + 3 * row, inverse + 3 * axis, vectors + 3 * axis
                )
            _shift(wrapped + 3 * row, counts, vectors, wrapped + 3 * row)
    return bad
