"""Trajectories: frames of a simulation, as they come, in HDF5 and NumPy files."""

from raggedh5.formats.trajectory.checking.comparison import (
    ComparisonReport,
    FieldComparison,
    TrajectoryComparison,
)
from raggedh5.formats.trajectory.checking.statistics import FieldStatistics
from raggedh5.formats.trajectory.checking.validator import TrajectoryValidator
from raggedh5.formats.trajectory.config import (
    HDF5Options,
    PerformanceOptions,
    TrajectoryWriterConfig,
    ValidationOptions,
)
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.formats.trajectory.reading.field import TrajectoryField
from raggedh5.formats.trajectory.reading.ragged_field import RaggedField
from raggedh5.formats.trajectory.reading.reader import TrajectoryReader
from raggedh5.formats.trajectory.reading.trajectory import Trajectory
from raggedh5.formats.trajectory.recovery import (
    TrajectoryRecovery,
    recover_partial_trajectory,
    recover_trajectories,
)
from raggedh5.formats.trajectory.writing.format_writers import (
    HDF5TrajectoryWriter,
    NPYTrajectoryWriter,
)
from raggedh5.formats.trajectory.writing.manager import TrajectoryWriterManager
from raggedh5.formats.trajectory.writing.report import (
    FormatFailure,
    WritingReport,
    WritingStatistics,
)

__all__ = [
    "ComparisonReport",
    "FieldComparison",
    "FieldStatistics",
    "FormatFailure",
    "HDF5Options",
    "HDF5TrajectoryWriter",
    "NPYTrajectoryWriter",
    "PerformanceOptions",
    "RaggedField",
    "Trajectory",
    "TrajectoryComparison",
    "TrajectoryField",
    "TrajectoryMetadata",
    "TrajectoryReader",
    "TrajectoryRecovery",
    "TrajectoryValidator",
    "TrajectoryWriterConfig",
    "TrajectoryWriterManager",
    "ValidationOptions",
    "WritingReport",
    "WritingStatistics",
    "recover_partial_trajectory",
    "recover_trajectories",
]
