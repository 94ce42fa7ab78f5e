from typing import Any, final

from numpy import int64, uint8
from numpy.typing import NDArray

def header_ok(head: NDArray[uint8], stored: int, nbytes: int) -> bool: ...
def first_bad_range(
    chunk: NDArray[int64],
    start: NDArray[int64],
    stop: NDArray[int64],
    place: NDArray[int64],
    ready: NDArray[uint8],
    length: int,
    room: int,
) -> int: ...

@final
class Blocks:
    def __init__(
        self,
        nbytes: int,
        address: NDArray[int64],
        stored: NDArray[int64],
        heads: NDArray[uint8],
        ready: NDArray[uint8],
        slots: NDArray[uint8],
        tags: NDArray[int64],
        work: NDArray[uint8],
    ) -> None: ...
    def read_ranges(
        self,
        fd: int,
        chunk: NDArray[int64],
        start: NDArray[int64],
        stop: NDArray[int64],
        place: NDArray[int64],
        scale: int,
        out: NDArray[Any],
    ) -> int: ...
    def items(self, fd: int, like: NDArray[Any], start: int, stop: int) -> NDArray[Any] | None: ...
