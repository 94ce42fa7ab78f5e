"""Naive references for the kernels: plain Python loops, right rather than fast."""

import math
from itertools import pairwise, product

import numpy as np


def offsets_from_mask(mask):
    """Return offsets, and whether every row keeps its first items only."""
    offsets, prefix = [0], True
    for row in mask.tolist():
        flags = [bool(flag) for flag in row]
        offsets.append(offsets[-1] + sum(flags))
        prefix = prefix and flags == sorted(flags, reverse=True)
    return offsets, prefix


def offsets_from_lengths(lengths, width):
    """Return offsets, and the first row that does not fit or -1."""
    offsets = [0]
    for row, length in enumerate(lengths):
        if not 0 <= length <= width or offsets[-1] + length > 2**63 - 1:
            return offsets, row
        offsets.append(offsets[-1] + length)
    return offsets, -1


def first_bad_offset(offsets, n_values):
    """Return the first row whose offsets cannot be followed, or -1."""
    if offsets[0] != 0:
        return 0
    for row, (start, stop) in enumerate(pairwise(offsets)):
        if stop < start or stop > n_values:
            return row
    return -1


def longest_row(offsets):
    """Return the most items of any row."""
    return max((b - a for a, b in pairwise(offsets)), default=0)


def kept_items(padded, mask, cells=None):
    """Return the kept items as a list of (row, item)."""
    rows = range(len(mask)) if cells is None else cells
    return [
        (row, padded[cell, item])
        for row, cell in enumerate(rows)
        for item in range(mask.shape[1])
        if mask[cell, item]
    ]


def first_row_out_of_range(items, low, high):
    """Return the first row with an integer outside low to high, or -1."""
    for row, item in items:
        if any(not low <= int(value) <= high for value in item.ravel()):
            return row
    return -1


def first_row_not_finite(items):
    """Return the first row with NaN or infinity, or -1."""
    for row, item in items:
        for value in item.ravel().tolist():
            if not (math.isfinite(value.real) and math.isfinite(value.imag)):
                return row
    return -1


def first_bad_range(starts, lengths, n_values, width):
    """Return the first row that is not within the values or too long, or -1."""
    for row, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        if start < 0 or not 0 <= length <= width or start + length > n_values:
            return row
    return -1


def scatter_rows(values, starts, lengths, width, fill):
    """Return padded rows and their mask, as lists of items."""
    padded, mask = [], []
    for start, length in zip(starts, lengths, strict=True):
        items = [values[start + k] for k in range(length)]
        padded.append(items + [fill] * (width - length))
        mask.append([k < length for k in range(width)])
    return padded, mask


def gather_rows(values, starts, lengths):
    """Return the items of ranges, one range after the other."""
    return [
        values[start + k]
        for start, length in zip(starts, lengths, strict=True)
        for k in range(length)
    ]


def shortest_image(displacement, matrix, pbc):
    """Return the square of the shortest image, among all that could be: integers go exactly."""
    axes = [axis for axis in range(3) if pbc[axis]]
    vectors = [matrix[axis] for axis in axes]
    gram = [[sum(a * b for a, b in zip(v, w, strict=True)) for w in vectors] for v in vectors]
    dot = [sum(a * b for a, b in zip(v, displacement, strict=True)) for v in vectors]
    square = sum(x * x for x in displacement)
    # With more vectors than this, an image is longer than the displacement itself.
    inverse = np.linalg.inv(np.array(gram, float).reshape(len(axes), len(axes)))
    most = [math.ceil(2 * math.sqrt(square * inverse[i, i]) + 1e-9) for i in range(len(axes))]
    return min(
        square
        + 2 * sum(n * d for n, d in zip(counts, dot, strict=True))
        + sum(n * m * gram[i][j] for i, n in enumerate(counts) for j, m in enumerate(counts))
        for counts in product(*(range(-n, n + 1) for n in most))
    )


def unwrapped_path(path, matrix, pbc, nearest):
    """Return a path of one species with each position next to the last finite one before it."""
    last, images, out = None, np.zeros(3, int), []
    for position in path:
        if not np.isfinite(position).all():
            out.append(np.full(3, np.nan))
            continue
        if last is not None:
            images = images + nearest(position - last)
        last = position
        out.append(position + images @ np.asarray(matrix))
    return np.array(out).reshape(-1, 3)
