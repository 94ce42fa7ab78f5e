"""Hostile numbers for what follows offsets, in any memory layout, and what may come of a call."""

import numpy as np
from hypothesis import strategies as st

import raggedh5 as rh5
import reference

EDGES = [-1, 1, 2**31, 2**32 + 1, 2**62, 2**63 - 1, 2**63 - 8, -(2**62), -(2**63), -(2**63) + 1]
LARGEST = 9

small = st.integers(0, LARGEST)
inners = st.sampled_from([(), (), (3,), (2, 2), (0,)])
anything = small | st.integers(-3, LARGEST + 3) | st.sampled_from(EDGES)


@st.composite
def offsets(draw, n):
    """Offsets for `n` values: right ones, those with one number changed, or any numbers."""
    right = [0, *sorted(draw(st.lists(st.integers(0, n), max_size=6)))]
    kind = draw(st.sampled_from(["right", "changed", "any"]))
    if kind == "changed":
        right[draw(st.integers(0, len(right) - 1))] = draw(anything)
    return draw(st.lists(anything, max_size=7)) if kind == "any" else right


@st.composite
def laid_out(draw, numbers):
    """These numbers as int64, anyhow in memory, and whether that is an array as documented."""
    array = np.array(numbers, np.int64)
    kind = draw(
        st.sampled_from(["plain"] * 4 + ["back", "gaps", "odd", "frozen", "swapped", "i4", "2-D"])
    )
    if kind == "back":
        array = array[::-1].copy()[::-1]
    elif kind == "gaps":
        array = np.repeat(array, 3)[::3]
    elif kind == "odd":  # not aligned
        room = np.zeros(array.nbytes + 1, np.uint8)
        room[1:] = array.view(np.uint8)
        array = room[1:].view(np.int64)
    elif kind == "frozen":
        array.flags.writeable = False
    elif kind == "swapped":
        array = array.astype(">i8")
    elif kind == "i4":
        array = array.astype("i4")
    elif kind == "2-D":
        array = array[:, None]
    return array, kind not in ("swapped", "i4", "2-D")


def outcome(call, right, documented=True):
    """Return what a call returns, None if it raises; it has to raise just where that is right."""
    try:
        found = call()
    except rh5.RaggedH5Error:
        assert not (right and documented)
        return None
    assert right or not documented
    return (found,) if right else None


def followed(numbers, n):
    """Whether these offsets can be followed into `n` values."""
    return bool(numbers) and reference.first_bad_offset(numbers, n) == -1
