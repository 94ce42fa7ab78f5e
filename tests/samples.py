"""Ragged arrays of every kind that other libraries have to take and give back."""

import numpy as np

from raggedh5.core.ragged import Ragged

WORDS = Ragged.from_lists([["C", "Br"], [], ["N", None]])
NO_WORDS = Ragged(np.empty(0, object), [0, 0])
MISSING = Ragged(np.ma.MaskedArray([1, 2, 3], [False, True, False]), [0, 2, 3])
VECTORS = Ragged(
    np.ma.MaskedArray(np.ones((3, 2)), np.array([[False] * 2, [True] * 2, [False] * 2])), [0, 2, 3]
)
NESTED = Ragged.from_lists([[[1], [2, 3]], [], [[], [4]]], levels=2)
NESTED_WORDS = Ragged(WORDS, [0, 1, 3])


def listed(ragged):
    """Return its rows, with None for an item of which every part is missing."""
    return [[None if item == [None, None] else item for item in row] for row in ragged.to_list()]


def address(values):
    """Return where the memory of an array begins."""
    return values.__array_interface__["data"][0]
