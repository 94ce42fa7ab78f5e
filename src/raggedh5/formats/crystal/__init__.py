"""Crystal structures: what analysis pipelines extract and compute, in ragged tables."""

from raggedh5.formats.crystal.ase_bridge import to_ase
from raggedh5.formats.crystal.cif import pack_cif, read_cif
from raggedh5.formats.crystal.conversion import ConversionReport, convert
from raggedh5.formats.crystal.fields import FIELDS, GROUPS, SCHEMA
from raggedh5.formats.crystal.geometry import (
    cartesian_to_fractional,
    cell_matrix,
    cell_parameters,
    cell_volume,
    density,
    fractional_to_cartesian,
    matrix_volume,
)
from raggedh5.formats.crystal.initializer import DatasetInitializer
from raggedh5.formats.crystal.legacy import LegacyDataset, LegacyView, legacy_view
from raggedh5.formats.crystal.populating import (
    FailedStructure,
    PopulateReport,
    create_and_populate,
)
from raggedh5.formats.crystal.raw_json import (
    initialize_hdf5_file,
    list_refcodes,
    read_raw_json,
    read_structure,
    write_structure_group,
)
from raggedh5.formats.crystal.reader import CrystalFile
from raggedh5.formats.crystal.schema import Field, Group, Schema
from raggedh5.formats.crystal.validation import validate_batch
from raggedh5.formats.crystal.writers import ComputedDataWriter, RawDataWriter
from raggedh5.formats.crystal.writing import BatchFailure, WritingReport, write_batches

__all__ = [
    "FIELDS",
    "GROUPS",
    "SCHEMA",
    "BatchFailure",
    "ComputedDataWriter",
    "ConversionReport",
    "CrystalFile",
    "DatasetInitializer",
    "FailedStructure",
    "Field",
    "Group",
    "LegacyDataset",
    "LegacyView",
    "PopulateReport",
    "RawDataWriter",
    "Schema",
    "WritingReport",
    "cartesian_to_fractional",
    "cell_matrix",
    "cell_parameters",
    "cell_volume",
    "convert",
    "create_and_populate",
    "density",
    "fractional_to_cartesian",
    "initialize_hdf5_file",
    "legacy_view",
    "list_refcodes",
    "matrix_volume",
    "pack_cif",
    "read_cif",
    "read_raw_json",
    "read_structure",
    "to_ase",
    "validate_batch",
    "write_batches",
    "write_structure_group",
]
