from typing import Any

from numpy import int64, uint8, uint64
from numpy.typing import NDArray

def decode(
    decoder: int, params: NDArray[int64], src: NDArray[uint8], nsrc: int, dst: NDArray[uint8]
) -> bool: ...
def fetch(
    fd: int,
    address: NDArray[int64],
    stored: NDArray[int64],
    digest: NDArray[uint64],
    decoder: int,
    params: NDArray[int64],
    place: NDArray[int64],
    nbytes: int,
    out: NDArray[Any],
    scratch: NDArray[uint8],
) -> tuple[int, int]: ...
