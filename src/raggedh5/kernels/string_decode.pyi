from typing import TypeVar

import numpy as np
import numpy.typing as npt

_T = TypeVar("_T")

def first_not_utf8(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> int: ...
def to_list(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> list[str]: ...
def to_array(
    out: np.ndarray[tuple[int], np.dtypes.StringDType],
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
) -> None: ...
def pick_list(texts: list[_T], codes: npt.NDArray[np.int64]) -> list[_T | None]: ...
def pick_array(
    out: np.ndarray[tuple[int], np.dtypes.StringDType],
    texts: np.ndarray[tuple[int], np.dtypes.StringDType],
    codes: npt.NDArray[np.int64],
) -> None: ...
