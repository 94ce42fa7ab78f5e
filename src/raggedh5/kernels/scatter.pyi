from typing import Any

import numpy as np
import numpy.typing as npt

def first_bad_range(
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    n_values: int,
    width: int,
) -> int: ...
def scatter_rows(
    values: npt.NDArray[Any],
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    out: npt.NDArray[Any],
    mask: npt.NDArray[np.bool_],
    fill: npt.NDArray[Any],
) -> None: ...
def gather_rows(
    values: npt.NDArray[Any],
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    out: npt.NDArray[Any],
) -> None: ...
