"""What was written, and what went wrong."""

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["FormatFailure", "WritingReport", "WritingStatistics"]


@dataclass
class WritingStatistics:
    """What writing has cost.

    Attributes
    ----------
    frames, nbytes : int
        Frames that were taken from the simulation, and bytes of their values.
    waits : int
        How often `write_frame` had to wait, because the disk could not follow.
    seconds_waited : float
        How long it waited in all.
    flushes : int
        How often what was written was made to last.
    seconds_writing : float
        How long packing, compressing and writing took.
    """

    frames: int = 0
    nbytes: int = 0
    waits: int = 0
    seconds_waited: float = 0.0
    flushes: int = 0
    seconds_writing: float = 0.0


@dataclass(frozen=True)
class FormatFailure:
    """A format that could not be written any more.

    Attributes
    ----------
    format : str
        ``"hdf5"`` or ``"npy"``.
    trajectory : str
        The trajectory; empty where files could not be closed, which hold all frames nevertheless.
    frame : int
        The first frame that it may lack.
    error : str
        What went wrong.
    backup : str
        Where the frames are that it lacks; empty where they are not kept.
    """

    format: str
    trajectory: str
    frame: int
    error: str
    backup: str = ""


@dataclass(frozen=True)
class WritingReport:
    """What a `TrajectoryWriterManager` has done.

    Attributes
    ----------
    trajectories : dict
        By name, how many frames each has.
    failures : tuple of FormatFailure
        What went wrong; empty where all went well.
    statistics : WritingStatistics
        What it has cost.
    """

    trajectories: dict[str, int]
    failures: tuple[FormatFailure, ...]
    statistics: WritingStatistics

    @property
    def ok(self) -> bool:
        """Whether every format has every frame."""
        return not self.failures

    def as_dict(self) -> dict[str, Any]:
        """Return the same for JSON."""
        return {"ok": self.ok, **asdict(self)}
