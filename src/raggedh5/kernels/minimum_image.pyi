from typing import TypeAlias

import numpy as np
import numpy.typing as npt

_Floats: TypeAlias = npt.NDArray[np.float64]
_Counts: TypeAlias = npt.NDArray[np.int64]
_Arrays: TypeAlias = tuple[_Floats, _Floats, _Floats, _Counts, _Floats, _Counts]

def minimum_images(
    displacements: _Floats, arrays: _Arrays, near: float, out: _Floats, images: _Counts
) -> int: ...
def unwrap(
    frames: _Floats, arrays: _Arrays, near: float, last: _Floats, images: _Counts, out: _Floats
) -> int: ...
def wrap(
    positions: _Floats, lattice: _Floats, dual: _Floats, periodic: _Floats, out: _Floats
) -> int: ...
