from collections.abc import Callable, Mapping
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

@final
class FrameBlock:
    names: tuple[str, ...]
    values: list[NDArray[Any]]
    numbers: list[NDArray[np.int64]]
    lengths: NDArray[np.int64]
    first: int
    count: int
    rows: int
    room: int
    def __init__(
        self,
        names: tuple[str, ...],
        values: list[NDArray[Any]],
        numbers: list[NDArray[np.int64]],
        flat: list[bool],
        ragged: list[bool],
        lengths: NDArray[np.int64],
    ) -> None: ...
    @property
    def counts(self) -> list[int]: ...
    def clear(self) -> None: ...

class FrameBuffer:
    block: FrameBlock | None
    number: int
    def __init__(
        self, number: int = 0, slowly: Callable[[Mapping[str, Any]], None] | None = None
    ) -> None: ...
    def __call__(self, frame: Mapping[str, Any]) -> None: ...
    def put(self, frame: Mapping[str, Any]) -> bool: ...
    def take(self) -> FrameBlock | None: ...
