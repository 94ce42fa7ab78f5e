from typing import Any, final

from numpy import dtype
from numpy.typing import NDArray

from raggedh5.kernels.coder import Team, Work
from raggedh5.kernels.strings import Putting

class Cursor:
    count: int
    length: int
    fill: int
    pending: int
    view: NDArray[Any] | None
    dirty: bool

@final
class Lane:
    name: str
    def __init__(
        self,
        name: str,
        cursor: Cursor,
        like: NDArray[Any],
        dtype: dtype[Any] | None,
        finite: bool,
    ) -> None: ...

@final
class Packing(Work):
    nbytes: int
    others: list[str]
    def __init__(
        self,
        lanes: list[Lane],
        padded: dict[str, Any],
        flat: dict[str, Any],
        kept: Any,
    ) -> None: ...
    def add(self, putting: Putting) -> None: ...
    def share(self, team: Team | None) -> None: ...
    def bad(self) -> list[str]: ...

def overfull(cursors: list[Any]) -> list[Any]: ...
def advance(cursors: list[Any]) -> None: ...
