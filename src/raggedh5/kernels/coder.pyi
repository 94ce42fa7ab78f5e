from typing import Any, final

from numpy import int64, uint8, uint64
from numpy.typing import NDArray

def bind(xxh3: int) -> None: ...
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

@final
class Work:
    def __init__(
        self,
        encoder: int,
        src: NDArray[uint8],
        dst: NDArray[uint8],
        params: NDArray[int64],
        scratch: int,
    ) -> None: ...
    def run(self) -> int: ...
    def ready(self) -> bool: ...
    def result(self) -> int: ...
    def digest(self) -> int: ...

@final
class Team:
    def __init__(self, room: int) -> None: ...
    def put(self, work: Work) -> bool: ...
    def help(self) -> bool: ...
    def stop(self) -> None: ...
    def serve(self) -> None: ...
