from typing import Any

import numpy as np
import numpy.typing as npt

def compact(
    padded: npt.NDArray[Any],
    offsets: npt.NDArray[np.int64],
    mask: npt.NDArray[np.uint8] | None,
    cells: npt.NDArray[np.int64] | None,
    pieces: tuple[npt.NDArray[Any], ...],
    finite: bool,
) -> int: ...
