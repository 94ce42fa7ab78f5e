"""What every contender does."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from bench.flat import Batch, Table, differences


class Rival:
    """One way to store ragged batches.

    A timed `write` opens, appends every batch and closes; a timed `read_all` opens and returns
    every column as a NumPy array, text as one of `numpy.dtypes.StringDType`.
    """

    name: ClassVar[str]
    suffix: ClassVar[str] = ".h5"
    what: str
    # How many times fewer batches it is given, where a whole run would take minutes. Rates are in
    # bytes a second, so they stay comparable.
    fewer: ClassVar[int] = 1

    def write(self, path: Path, batches: list[Batch]) -> None:
        raise NotImplementedError

    def read_all(self, path: Path) -> dict[str, Table]:
        raise NotImplementedError

    def differences(self, path: Path, wanted: dict[str, Table]) -> list[str]:
        """Return where the file differs from what was written, by an ordinary reader."""
        return differences(self.read_all(path), wanted)

    def valid_equal(self, path: Path, wanted: dict[str, Table]) -> bool:
        return not self.differences(path, wanted)

    def open(self, path: Path, table: str) -> Any:
        """Return what `random_rows` and `one_row` read from, with the offsets in memory."""
        raise NotImplementedError

    def random_rows(self, handle: Any, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return the columns of those rows, padded, and the mask as "mask"."""
        raise NotImplementedError

    def one_row(self, handle: Any, row: int) -> dict[str, np.ndarray]:
        """Return the values of one row in every column."""
        raise NotImplementedError
