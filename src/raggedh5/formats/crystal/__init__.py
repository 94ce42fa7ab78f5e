"""Crystal structures: what analysis pipelines extract and compute, in ragged tables."""

from raggedh5.formats.crystal.fields import FIELDS, GROUPS, SCHEMA, Field, Group, Schema
from raggedh5.formats.crystal.initializer import DatasetInitializer
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
from raggedh5.formats.crystal.writers import ComputedDataWriter, RawDataWriter

__all__ = [
    "FIELDS",
    "GROUPS",
    "SCHEMA",
    "ComputedDataWriter",
    "DatasetInitializer",
    "FailedStructure",
    "Field",
    "Group",
    "PopulateReport",
    "RawDataWriter",
    "Schema",
    "create_and_populate",
    "initialize_hdf5_file",
    "list_refcodes",
    "read_raw_json",
    "read_structure",
    "write_structure_group",
]
