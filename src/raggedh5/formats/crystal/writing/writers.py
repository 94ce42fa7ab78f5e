"""What the pipeline writes: batches of structures, as they were extracted and as computed."""

from collections.abc import Mapping
from typing import Any

from raggedh5.formats.crystal.fields import SCHEMA
from raggedh5.formats.crystal.schema import Schema
from raggedh5.formats.crystal.writing.batch import MOLECULES, parts_of
from raggedh5.formats.crystal.writing.opened import structures_of

__all__ = ["ComputedDataWriter", "RawDataWriter"]

Batch = Mapping[str, Any]


class _DataWriter:
    computed = False

    def __init__(self, h5_out: Any, *, validate: bool = False, schema: Schema = SCHEMA) -> None:
        self.h5_out = h5_out
        self.validate = validate
        self.schema = schema

    def _write(self, group: str, start: int, batch: Batch) -> None:
        structures = structures_of(self.h5_out, self.schema)
        structures.write(group, start, batch, self.computed, validate=self.validate)


class RawDataWriter(_DataWriter):
    """Writes what was extracted from a database.

    All methods take the number of the batch's first structure, and its values by field: NumPy
    arrays, torch tensors on any device, or nested lists, padded to (structures, width, ...);
    strings are lists of lists. Batches may come in any order, and again: what came last holds. A
    field that a batch lacks can come later, and is null otherwise; one that
    `raggedh5.formats.crystal.SCHEMA` does not have is stored as it is. All of them raise
    `SchemaError`, which names field and structure, if a batch does not fit, and write nothing of
    it then; and `WriteError` if the file cannot be written.

    Parameters
    ----------
    h5_out
        The file that `DatasetInitializer` made ready. Whoever opened it closes it; everything is
        in it then.
    validate
        Check every batch first as `validate_batch` does: for required fields, NaN and infinity.
    schema
        The fields.
    """

    def write_raw_crystal_data(self, start: int, crystal_parameters: Batch) -> None:
        """Write cells, space groups and the like: one value a structure."""
        self._write("crystal", start, crystal_parameters)

    def write_raw_atom_data(self, start: int, atom_parameters: Batch) -> None:
        """Write atoms; `atom_mask`, `n_atoms` or the lists of strings say how many."""
        self._write("atoms", start, atom_parameters)

    def write_raw_bond_data(self, start: int, bond_parameters: Batch) -> None:
        """Write bonds; `bond_mask`, `n_bonds` or the lists of strings say how many."""
        self._write("bonds", start, bond_parameters)

    def write_raw_intermolecular_contact_data(self, start: int, inter_cc_parameters: Batch) -> None:
        """Write contacts between molecules."""
        self._write("inter_cc", start, inter_cc_parameters)

    def write_raw_intermolecular_hbond_data(self, start: int, inter_hb_parameters: Batch) -> None:
        """Write hydrogen bonds between molecules."""
        self._write("inter_hb", start, inter_hb_parameters)

    def write_raw_intramolecular_contact_data(self, start: int, intra_cc_parameters: Batch) -> None:
        """Write contacts within molecules."""
        self._write("intra_cc", start, intra_cc_parameters)

    def write_raw_intramolecular_hbond_data(self, start: int, intra_hb_parameters: Batch) -> None:
        """Write hydrogen bonds within molecules."""
        self._write("intra_hb", start, intra_hb_parameters)


class ComputedDataWriter(_DataWriter):
    """Writes what was computed of the structures; batches, parameters and errors: `RawDataWriter`.

    Examples
    --------
    >>> import h5py, numpy as np, pathlib, tempfile
    >>> from raggedh5.formats.crystal import CrystalFile, DatasetInitializer, cell_matrix
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "crystals.h5"
    >>> cells = cell_matrix([[4.0, 4.0, 5.0]], [[90, 90, 120]])
    >>> with h5py.File(path, "w") as h5_out:
    ...     DatasetInitializer(h5_out, ["QUARTZ"]).initialize_datasets()
    ...     ComputedDataWriter(h5_out).write_computed_crystal_data(0, {"cell_matrix": cells})
    >>> with CrystalFile(path) as crystals:
    ...     crystals["QUARTZ"]["cell_matrix"].round(2).tolist()
    [[4.0, 0.0, 0.0], [-2.0, 3.4600000381469727, 0.0], [0.0, 0.0, 5.0]]
    """

    computed = True

    def write_computed_crystal_data(self, start: int, crystal_parameters: Batch) -> None:
        """Write what was computed of the cells: `cell_matrix`, `scaled_cell`."""
        self._write("crystal", start, crystal_parameters)

    def write_computed_atom_data(self, start: int, atom_parameters: Batch) -> None:
        """Write what was computed of the atoms, as many as were extracted."""
        self._write("atoms", start, atom_parameters)

    def write_computed_bond_data(self, start: int, bond_parameters: Batch) -> None:
        """Write what was computed of the bonds, as many as were extracted."""
        self._write("bonds", start, bond_parameters)

    def write_computed_molecule_data(self, start: int, molecule_parameters: Batch) -> None:
        """Write bond angles and torsions, as many as they have ids."""
        for _, group, _, values in parts_of({MOLECULES: molecule_parameters}, self.schema):
            self._write(group.name, start, values)

    def write_computed_intermolecular_contact_data(
        self, start: int, inter_cc_parameters: Batch
    ) -> None:
        """Write contacts with their images and fragments."""
        self._write("inter_cc", start, inter_cc_parameters)

    def write_computed_intermolecular_hbond_data(
        self, start: int, inter_hb_parameters: Batch
    ) -> None:
        """Write hydrogen bonds with their images."""
        self._write("inter_hb", start, inter_hb_parameters)

    def write_computed_fragment_data(self, start: int, fragment_parameters: Batch) -> None:
        """Write rigid fragments, all of a batch behind each other.

        `fragment_structure_id` says which structure of the batch each is of.
        """
        self._write("fragments", start, fragment_parameters)
