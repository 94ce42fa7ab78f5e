"""Crystal structures: what analysis pipelines extract and compute, in ragged tables."""

from raggedh5.formats.crystal.cif import pack_cif, read_cif
from raggedh5.formats.crystal.fields import FIELDS, GROUPS, SCHEMA
from raggedh5.formats.crystal.geometry.cells import (
    cell_matrix,
    cell_parameters,
    cell_volume,
    density,
    matrix_volume,
)
from raggedh5.formats.crystal.geometry.coordinates import (
    cartesian_to_fractional,
    fractional_to_cartesian,
)
from raggedh5.formats.crystal.json_store.populating import (
    FailedStructure,
    PopulateReport,
    create_and_populate,
)
from raggedh5.formats.crystal.json_store.raw_json import (
    initialize_hdf5_file,
    list_refcodes,
    read_raw_json,
    read_structure,
    write_structure_group,
)
from raggedh5.formats.crystal.legacy.conversion import ConversionReport, convert
from raggedh5.formats.crystal.legacy.view import LegacyDataset, LegacyView, legacy_view
from raggedh5.formats.crystal.reading.ase_bridge import to_ase
from raggedh5.formats.crystal.reading.crystal_file import CrystalFile
from raggedh5.formats.crystal.schema import Field, Group, Schema
from raggedh5.formats.crystal.writing.initializer import DatasetInitializer
from raggedh5.formats.crystal.writing.loop import BatchFailure, WritingReport, write_batches
from raggedh5.formats.crystal.writing.validation import validate_batch
from raggedh5.formats.crystal.writing.writers import ComputedDataWriter, RawDataWriter

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
