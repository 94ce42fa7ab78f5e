"""What a pass over a file works with: its threads, and how far it is."""

from raggedh5.care.progress import Progress
from raggedh5.core.pipeline import Pool

__all__ = ["PIECE", "Work"]

PIECE = 1 << 25
"""Bytes that are read together."""


class Work:
    """The threads of a pass, and its progress.

    Parameters
    ----------
    pool
        Threads that share what there is to do with each piece.
    progress
        Told how far it is.
    total
        How much there is to do.
    """

    def __init__(self, pool: Pool, progress: Progress, total: int) -> None:
        self.pool = pool
        self._progress = progress
        self._total = total
        self._done = 0.0

    def advance(self, amount: float) -> None:
        """Say that so much more is done."""
        self._done = min(self._done + amount, self._total)
        self._progress(int(self._done), self._total)

    def finish(self) -> None:
        """Say that all is done."""
        self._progress(self._total, self._total)
