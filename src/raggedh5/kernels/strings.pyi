from typing import Any, Literal

import numpy as np
import numpy.typing as npt

KINDS: tuple[str, ...]

class ItemError(Exception):
    row: int
    item: int
    kind: Literal["type", "null", "utf8", "unicode", "full", "changed"]
    def __init__(self, row: int, item: int, kind: str) -> None: ...

class Block: ...

class Table:
    def __init__(self, seed: int, limit: int) -> None: ...
    def __len__(self) -> int: ...
    def copy_from(self, first: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]: ...
    def rollback(self, count: int) -> None: ...

class Sink:
    @staticmethod
    def of_bytes(
        offsets: npt.NDArray[np.int64], valid: npt.NDArray[np.uint8] | None, guess: int
    ) -> Sink: ...
    @staticmethod
    def of_codes(table: Table, pieces: list[npt.NDArray[np.int32]], nullable: bool) -> Sink: ...
    @property
    def filled(self) -> int: ...
    def take_bytes(self) -> npt.NDArray[np.uint8]: ...

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
