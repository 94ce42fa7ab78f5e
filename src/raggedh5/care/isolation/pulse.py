"""What long work in a child process says of itself while it goes on."""

from raggedh5.care.progress import Progress, silent

__all__ = ["Pulse"]


class Pulse:
    """Progress, and where the work is.

    Parameters
    ----------
    progress
        Called with what is done and what there is to do.
    """

    def __init__(self, progress: Progress = silent) -> None:
        self._progress = progress

    def __call__(self, done: int, total: int) -> None:
        """Say how far the work is; it is taken for hung where this stays away for long."""
        self._progress(done, total)

    def at(self, path: str) -> None:
        """Say what is worked on next: should HDF5 crash there, it is known where."""
