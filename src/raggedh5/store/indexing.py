"""What stands in the brackets behind an array: h5py's ways to index, read in parallel."""

from typing import Any

import numpy as np

from raggedh5.store.hyperslab import Hyperslab, hyperslab
from raggedh5.store.ranges import RangeReader

__all__ = ["read_selection"]


def read_selection(ranges: RangeReader, selection: Any) -> Any:
    """Read what h5py's brackets would, in parallel where it is made of slices and numbers.

    A list of rows on axis 0 may be in any order and repeat itself.
    """
    reader = ranges.reader
    shape = reader.shape
    if not shape:
        values = reader.read()
        whole = isinstance(selection, tuple) and not selection
        return values if whole else np.asarray(values)[selection]
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
