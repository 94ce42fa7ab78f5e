"""What writes trajectories in one format."""

from collections.abc import Iterator
from typing import Protocol

from raggedh5.core.frames import FrameBatch
from raggedh5.formats.trajectory.reading.trajectory import Trajectory

__all__ = ["Store"]


class Store(Protocol):
    """The trajectories of a folder in one format, while they are written.

    Attributes
    ----------
    format : str
        ``"hdf5"`` or ``"npy"``.
    """

    format: str

    def begin(self, traj_id: str, resume: bool, estimated: int | None = None) -> int:
        """Begin a trajectory, or go on with one; return how many complete frames it has.

        Raises
        ------
        SchemaError
            If it is there already and not to be gone on with.
        WriteError
            If it cannot be written.
        """

    def write(self, traj_id: str, batch: FrameBatch) -> None:
        """Append frames, which follow those that there are.

        Their values stay as they are until `flush`, `finish` or `abandon` has returned.

        Raises
        ------
        WriteError
            If that is not possible; what was written since the last flush is lost then.
        """

    def flush(self, traj_id: str) -> None:
        """Return when what was written of a trajectory survives the end of the process.

        Raises
        ------
        WriteError
            As `write`.
        """

    def flushing(self, traj_id: str) -> Iterator[None]:
        """Flush what was written of a trajectory so far, step by step.

        More may be written between two steps, of this one and of others; it is for the next time.

        Raises
        ------
        WriteError
            As `write`.
        """

    def cut(self, traj_id: str, frames: int) -> None:
        """Drop what is behind the first so many frames."""

    def finish(self, traj_id: str, status: str = "completed") -> None:
        """Complete a trajectory."""

    def abandon(self, traj_id: str) -> None:
        """Give up a trajectory that cannot be written, as it was at the last flush."""

    def cancel(self, traj_id: str) -> None:
        """Forget a trajectory that was only just begun, and what was made of it."""

    def goes_with(self, traj_id: str, other: str) -> bool:
        """Whether a trajectory cannot be given up without the other."""

    def trajectory(self, traj_id: str) -> Trajectory:
        """Return what there is of a trajectory, to read; valid until it is written on."""

    def leave(self) -> None:
        """Let go of all files as they are, in a child of the process that writes them."""

    def close(self) -> None:
        """Complete and close everything; trajectories that were not completed are incomplete."""
