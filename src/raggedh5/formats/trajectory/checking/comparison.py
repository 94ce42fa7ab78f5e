"""What comparing two formats has found, as text and for JSON."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from raggedh5.formats.trajectory.checking.statistics import FieldStatistics

__all__ = ["ComparisonReport", "FieldComparison", "TrajectoryComparison"]


@dataclass(frozen=True)
class FieldComparison:
    """How one field compares.

    Attributes
    ----------
    field : str
        Its name.
    match : bool
        Whether both sides hold the same, within the tolerance.
    rows : tuple of int
        Rows that each side has; None where it lacks the field.
    identical : bool
        Whether every bit of every value is the same.
    tolerance : float
        Largest absolute difference that counted as none.
    largest_difference : float
        NaN where a number stands beside NaN or a frame beside none.
    frame, component : int or None
        Where the largest difference is; None where there is none.
    reason : str
        Why it does not match.
    statistics : tuple of FieldStatistics or None
        Of both sides, where they are wanted.
    """

    field: str
    match: bool
    rows: tuple[int | None, int | None]
    identical: bool = False
    tolerance: float = 0.0
    largest_difference: float = 0.0
    frame: int | None = None
    component: int | None = None
    reason: str = ""
    statistics: tuple[FieldStatistics, FieldStatistics] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the same for JSON, which has no NaN: None stands for it."""
        return {key: _without_nan(value) for key, value in asdict(self).items()}

    def to_text(self) -> str:
        """Return it as lines of text."""
        if not self.match:
            lines = [f"{self.field}: DIFFERS: {self.reason}"]
        elif self.identical:
            lines = [f"{self.field}: identical, {self.rows[0]:,} rows"]
        elif self.frame is None:
            lines = [f"{self.field}: equal, but not bit for bit, {self.rows[0]:,} rows"]
        else:
            lines = [
                f"{self.field}: equal within {self.tolerance:g}, {self.rows[0]:,} rows; largest "
                f"difference {self.largest_difference:.3g} (frame {self.frame}, component "
                f"{self.component})"
            ]
        for side, found in zip(("npy", "hdf5"), self.statistics or (), strict=False):
            text = (
                f"mean {found.mean:.10g}, variance {found.variance:.10g}, minimum "
                f"{found.minimum:.10g}, maximum {found.maximum:.10g}"
            )
            if found.not_finite:
                text += f", {found.not_finite:,} not finite"
            if found.mean_square_displacement is not None:
                text += f", mean-square displacement {found.mean_square_displacement:.10g}"
            lines.append(f"  {side:4} {text}")
        return "\n".join(lines)


@dataclass(frozen=True)
class TrajectoryComparison:
    """How one trajectory compares.

    Attributes
    ----------
    trajectory : str
        Its name.
    frames : tuple of int
        Frames that each side has.
    fields : tuple of FieldComparison
        Its fields; those that one side lacks, too.
    """

    trajectory: str
    frames: tuple[int, int]
    fields: tuple[FieldComparison, ...]

    @property
    def ok(self) -> bool:
        """Whether both sides hold the same."""
        return self.frames[0] == self.frames[1] and all(field.match for field in self.fields)

    def as_dict(self) -> dict[str, Any]:
        """Return the same for JSON."""
        return {
            "trajectory": self.trajectory,
            "ok": self.ok,
            "frames": list(self.frames),
            "fields": [field.as_dict() for field in self.fields],
        }

    def to_text(self) -> str:
        """Return it as lines of text."""
        said = "the same" if self.ok else "NOT the same"
        lines = [
            f"{self.trajectory}: {said}; npy {self.frames[0]:,} frames, hdf5 "
            f"{self.frames[1]:,} frames"
        ]
        for each in self.fields:
            lines += [f"  {line}" for line in each.to_text().splitlines()]
        return "\n".join(lines)


@dataclass(frozen=True)
class ComparisonReport:
    """How several trajectories compare.

    Attributes
    ----------
    trajectories : tuple of TrajectoryComparison
        Each of them.
    lacking : dict of str
        By name, those that were not compared, and why: one side lacks them, or some of them.
    """

    trajectories: tuple[TrajectoryComparison, ...]
    lacking: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether all of them are the same in both formats."""
        return not self.lacking and all(found.ok for found in self.trajectories)

    def as_dict(self) -> dict[str, Any]:
        """Return the same for JSON."""
        return {
            "ok": self.ok,
            "trajectories": [found.as_dict() for found in self.trajectories],
            "lacking": dict(self.lacking),
        }

    def to_text(self) -> str:
        """Return it as lines of text."""
        lacking = [f"{name}: not compared: {why}" for name, why in self.lacking.items()]
        return "\n".join([*(found.to_text() for found in self.trajectories), *lacking])


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
