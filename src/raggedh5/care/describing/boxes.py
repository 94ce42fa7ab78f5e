"""Dense arrays in pieces: which boxes to read one after the other."""

import itertools
import math
from collections.abc import Iterator

__all__ = ["boxes"]


def boxes(
    shape: tuple[int, ...], chunks: tuple[int, ...] | None, itemsize: int, nbytes: int
) -> Iterator[tuple[slice, ...]]:
    """Cut an array into boxes of up to `nbytes` bytes, along its chunks where it has any.

    Parameters
    ----------
    shape, itemsize
        Of the array.
    chunks
        Shape of a chunk: one that is larger than a box is to be makes a box by itself.
    nbytes
        Bytes of a box.

    Examples
    --------
    >>> list(boxes((5, 2), (2, 2), 1, 8))
    [(slice(0, 4, None), slice(0, 2, None)), (slice(4, 5, None), slice(0, 2, None))]
    >>> len(list(boxes((2, 1000), None, 8, 800)))
    20
    """
    if math.prod(shape) == 0:
        return
    least = chunks or (1,) * len(shape)
    box = [min(chunk, n) for chunk, n in zip(least, shape, strict=True)]
    # The last axes lie closest together: they are taken whole first.
    for axis in reversed(range(len(shape))):
        rest = math.prod(box[:axis]) * math.prod(box[axis + 1 :]) * itemsize
        room = max(nbytes // max(rest, 1), 1)
        box[axis] = min(max(room // least[axis], 1) * least[axis], shape[axis])
    ranges = [range(0, n, step) for n, step in zip(shape, box, strict=True)]
    for corner in itertools.product(*ranges):
        yield tuple(
            slice(at, min(at + step, n)) for at, step, n in zip(corner, box, shape, strict=True)
        )
