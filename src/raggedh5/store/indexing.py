"""What stands in the brackets behind an array: h5py's ways to index, read in parallel."""

from typing import Any

import numpy as np

from raggedh5.store.hyperslab import Hyperslab, hyperslab
from raggedh5.store.ranges import RangeReader

__all__ = ["read_selection"]


def read_selection(ranges: RangeReader, shape: tuple[int, ...], selection: Any) -> Any:
    """Read what h5py's brackets would, in parallel where it is made of slices and numbers.

    A list of rows on axis 0 may be in any order and repeat itself. `shape` is that of the dataset,
    as it is to be seen.
    """
    parts = selection if isinstance(selection, tuple) else (selection,)
    fields = [part for part in parts if isinstance(part, str)]
    if fields:
        values = read_selection(ranges, shape, tuple(p for p in parts if not isinstance(p, str)))
        return values[fields[0] if len(fields) == 1 else fields]
    reader = ranges.reader
    if not shape:
        values = reader.read()
        whole = isinstance(selection, tuple) and not selection
        return values if whole else np.asarray(values)[selection]
    mask = np.asarray(parts[0]) if len(parts) == 1 and np.ndim(parts[0]) > 1 else None
    if mask is not None and mask.dtype == np.bool_ and mask.shape == shape:
        return _masked(ranges, mask)
    part = hyperslab(selection, shape)
    if isinstance(part, Hyperslab):
        values = reader.read(part.box)
        return part.finish(values)
    rows = part
    if reader.dtype.subdtype is not None:  # its shape would come on top of that of `out`
        return reader.read()[rows]
    out = np.empty((len(rows), *shape[1:]), reader.dtype)
    ranges.copy(rows, rows + 1, out, np.arange(len(rows), dtype=np.int64))
    return out


def _masked(ranges: RangeReader, mask: np.ndarray[Any, Any]) -> Any:
    """Return the items of a mask over all axes, in one row; only the box around them is read."""
    places = np.nonzero(mask)
    if not len(places[0]):
        return np.empty(0, ranges.reader.dtype)
    box = tuple(slice(int(at.min()), int(at.max()) + 1) for at in places)
    return ranges.reader.read(box)[mask[box]]
