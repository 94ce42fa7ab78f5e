"""What a pass over a file works with: its threads, and how far it is."""

from types import TracebackType
from typing import Self

from raggedh5.care.progress import Progress
from raggedh5.core.pipeline import Pool

__all__ = ["PIECE", "Work"]

PIECE = 1 << 25
"""Bytes that are read together."""


class Work:
    """The threads of a pass, and its progress; a context manager that lets the threads end.

    Parameters
    ----------
    progress
        Told how far it is.
    total
        How much there is to do.
    threads
        Threads that share what there is to do with each piece; None: one for each core available.

    Attributes
    ----------
    pool
        These threads.
    """

    def __init__(self, progress: Progress, total: int, threads: int | None = None) -> None:
        self.pool = Pool(threads)
        self._progress = progress
        self._total = total
        self._done = 0.0

    def __enter__(self) -> Self:
        """Return the work itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the threads end; unless there was an error, all is done."""
        self.pool.close()
        if kind is None:
            self._progress(self._total, self._total)

    def advance(self, amount: float) -> None:
        """Say that so much more is done."""
        self._done = min(self._done + amount, self._total)
        self._progress(int(self._done), self._total)
