"""A selection in brackets, as the smallest box that holds it and what is left to do in memory."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.rows import Rows, is_single, row_number, rows_of

__all__ = ["Hyperslab", "hyperslab"]


class Hyperslab(NamedTuple):
    """A box to read, and the NumPy selection to apply to it then."""

    box: tuple[slice, ...]
    rest: tuple[Any, ...]

    def finish(self, values: NDArray[Any]) -> Any:
        """Return the selection, given the values of the box: each axis by itself, as in HDF5."""
        if all(isinstance(part, slice) and part == slice(None) for part in self.rest):
            return values
        for axis, part in enumerate(self.rest):
            if isinstance(part, np.ndarray):
                values = values.take(part, axis)
        return values[
            tuple(slice(None) if isinstance(part, np.ndarray) else part for part in self.rest)
        ]


def hyperslab(selection: Any, shape: tuple[int, ...]) -> Hyperslab | Rows:
    """Work out a selection.

    Parameters
    ----------
    selection
        What stands in the brackets: integers, slices, Ellipsis, None excepted; or a list or bool
        array on one axis.
    shape
        Of the dataset.

    Returns
    -------
    Hyperslab or ndarray of int64
        Row numbers where the selection is a list on axis 0 alone.

    Raises
    ------
    IndexError
        If it does not fit the shape.
    TypeError
        If there are lists on several axes: whether they go together or across is a matter of
        taste, and h5py refuses them too.
    """
    parts = selection if isinstance(selection, tuple) else (selection,)
    parts = _without_ellipsis(parts, len(shape))
    if sum(not isinstance(part, slice) and np.ndim(part) > 0 for part in parts) > 1:
        raise TypeError("only one axis may be indexed by a list or a mask")
    box: list[slice] = []
    rest: list[Any] = []
    for axis, (part, n) in enumerate(zip(parts, shape, strict=True)):
        if is_single(part):
            number = row_number(part, n)
            box.append(slice(number, number + 1))
            rest.append(0)
            continue
        if isinstance(part, slice):
            start, stop, step = part.indices(n)
            if step < 0:
                raise IndexError("a slice of a file goes forward: its step is 1 or more")
            stop = max(start, stop)
            box.append(slice(start, stop))
            rest.append(slice(None) if step == 1 else slice(None, None, step))
            continue
        chosen = rows_of(part, n)
        rows = chosen if isinstance(chosen, np.ndarray) else np.arange(chosen.start, chosen.stop)
        if axis == 0 and all(isinstance(p, slice) and p == slice(None) for p in parts[1:]):
            return rows
        low = int(rows.min()) if len(rows) else 0
        box.append(slice(low, int(rows.max()) + 1 if len(rows) else 0))
        rest.append(rows - low)
    return Hyperslab(tuple(box), tuple(rest))


def _without_ellipsis(parts: tuple[Any, ...], axes: int) -> tuple[Any, ...]:
    dots = [i for i, part in enumerate(parts) if part is Ellipsis]
    if len(dots) > 1:
        raise IndexError("only one Ellipsis may stand in a selection")
    given = len(parts) - len(dots)
    if given > axes:
        raise IndexError(f"{given} indices for {axes} axes")
    at = dots[0] if dots else len(parts)
    filled = (slice(None),) * (axes - given)
    return (*parts[:at], *filled, *parts[at + len(dots) :])
