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
from raggedh5.formats.trajectory.exchange.ase_bridge import to_ase, write_extxyz
from raggedh5.formats.trajectory.exchange.conversion import ConversionReport, convert_trajectory
from raggedh5.formats.trajectory.exchange.copying import CopiedTrajectories, copy_trajectories
from raggedh5.formats.trajectory.exchange.from_ase import from_ase, read_extxyz
from raggedh5.formats.trajectory.exchange.h5md import write_h5md
from raggedh5.formats.trajectory.exchange.lone_arrays import trajectory_of_arrays
from raggedh5.formats.trajectory.exchange.mdtraj_hdf5 import write_mdtraj
from raggedh5.formats.trajectory.exchange.source import LoneArrays
from raggedh5.formats.trajectory.exchange.units import in_units_of_the_layout
from raggedh5.formats.trajectory.geometry.displacement import (
    MeanSquareDisplacement,
    displacement_from_start,
    mean_square_displacement,
)
from raggedh5.formats.trajectory.geometry.unwrapping import Unwrapper, wrap
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.formats.trajectory.plotting import plot_displacement, plot_field
from raggedh5.formats.trajectory.reading.field import TrajectoryField
from raggedh5.formats.trajectory.reading.ragged_field import RaggedField
from raggedh5.formats.trajectory.reading.reader import TrajectoryReader
from raggedh5.formats.trajectory.reading.trajectory import Trajectory
from raggedh5.formats.trajectory.recovery import (
    TrajectoryRecovery,
    recover_partial_trajectory,
    recover_trajectories,
)
from raggedh5.formats.trajectory.rewriting.unwrap import UnwrapReport, unwrap
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
    "ConversionReport",
    "CopiedTrajectories",
    "FieldComparison",
    "FieldStatistics",
    "FormatFailure",
    "HDF5Options",
    "HDF5TrajectoryWriter",
    "LoneArrays",
    "MeanSquareDisplacement",
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
    "UnwrapReport",
    "Unwrapper",
    "ValidationOptions",
    "WritingReport",
    "WritingStatistics",
    "convert_trajectory",
    "copy_trajectories",
    "displacement_from_start",
    "from_ase",
    "in_units_of_the_layout",
    "mean_square_displacement",
    "plot_displacement",
    "plot_field",
    "read_extxyz",
    "recover_partial_trajectory",
    "recover_trajectories",
    "to_ase",
    "trajectory_of_arrays",
    "unwrap",
    "wrap",
    "write_extxyz",
    "write_h5md",
    "write_mdtraj",
]
