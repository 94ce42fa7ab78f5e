"""Crystal structures from Crystallographic Information Files (CIF), through gemmi."""

from raggedh5.formats.crystal.cif.packing import PackCifReport, pack_cif
from raggedh5.formats.crystal.cif.reading import CifFailure, read_cif
from raggedh5.formats.crystal.cif.structure import CifStructure

__all__ = ["CifFailure", "CifStructure", "PackCifReport", "pack_cif", "read_cif"]
