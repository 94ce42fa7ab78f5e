from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from raggedh5.kernels.string_sink import Sink

KINDS: tuple[str, ...]

class ItemError(Exception):
    row: int
    item: int
    kind: Literal["type", "null", "utf8", "unicode", "full", "changed"]
    def __init__(self, row: int, item: int, kind: str) -> None: ...

class Putting:
    begun: bool
    done: bool
    def __init__(
        self,
        sink: Sink,
        rows: list[Any],
        offsets: npt.NDArray[np.int64] | None,
        mask: npt.NDArray[np.uint8] | None,
        cells: npt.NDArray[np.int64] | None,
    ) -> None: ...
    def run(self) -> None: ...

def put_lists(
    sink: Sink,
    rows: list[Any],
    offsets: npt.NDArray[np.int64] | None,
    mask: npt.NDArray[np.uint8] | None,
    cells: npt.NDArray[np.int64] | None,
) -> None: ...
def put_array(
    sink: Sink,
    array: npt.NDArray[Any],
    offsets: npt.NDArray[np.int64] | None,
    mask: npt.NDArray[np.uint8] | None,
    cells: npt.NDArray[np.int64] | None,
) -> None: ...
