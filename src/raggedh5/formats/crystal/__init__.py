"""Crystal structures: what analysis pipelines extract and compute, in ragged tables."""

from raggedh5.formats.crystal.fields import FIELDS, GROUPS, SCHEMA
from raggedh5.formats.crystal.initializer import DatasetInitializer
from raggedh5.formats.crystal.reader import CrystalFile
from raggedh5.formats.crystal.schema import Field, Group, Schema
from raggedh5.formats.crystal.writers import ComputedDataWriter, RawDataWriter

__all__ = [
    "FIELDS",
    "GROUPS",
    "SCHEMA",
    "ComputedDataWriter",
    "CrystalFile",
    "DatasetInitializer",
    "Field",
    "Group",
    "RawDataWriter",
    "Schema",
]
