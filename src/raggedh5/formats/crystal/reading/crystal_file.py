"""Crystal structures read back: one by one, in padded batches, as records, frames and atoms."""

import os
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.closest import closest
from raggedh5.errors import FormatError
from raggedh5.formats.crystal.fields import SCHEMA
from raggedh5.formats.crystal.reading.ase_bridge import to_ase
from raggedh5.formats.crystal.reading.frames import to_frame
from raggedh5.formats.crystal.reading.records import to_records
from raggedh5.formats.crystal.reading.refcodes import Refcodes
from raggedh5.formats.crystal.reading.sources import Source, sources_of
from raggedh5.formats.crystal.reading.tensors import as_tensors
from raggedh5.formats.crystal.schema import Field, Schema
from raggedh5.formats.crystal.writing.opened import known_file
from raggedh5.formats.crystal.writing.structures import REFCODE, REFCODES, missing_in

__all__ = ["CrystalFile"]

Indices = NDArray[np.int64]

TEXT = np.dtypes.StringDType()


class CrystalFile:
    """A file of crystal structures, to read.

    Structures are named by refcode or by number, also where the file was not finished. Where
    something was both extracted and computed anew (contacts with their images), the computed items
    are what is read; `file` has all tables.

    Parameters
    ----------
    path
        The file; or an `h5py.File` or `raggedh5.File` that is open, and stays so.
    schema
        The fields.
    options
        Passed on to `raggedh5.File`: ``threads``, ``verify``, ``live``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If it has no crystal structures, or is damaged.

    Examples
    --------
    >>> import h5py, numpy as np, pathlib, tempfile
    >>> from raggedh5.formats.crystal import DatasetInitializer, RawDataWriter
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "crystals.h5"
    >>> with h5py.File(path, "w") as h5_out:
    ...     DatasetInitializer(h5_out, ["QUARTZ", "ICEICE"], {}).initialize_datasets()
    ...     RawDataWriter(h5_out).write_raw_atom_data(0, {"atom_symbol": [["Si", "O"], ["O"]]})
    >>> with CrystalFile(path) as crystals:
    ...     crystals["QUARTZ"]["atom_symbol"].tolist(), crystals["ICEICE"]["n_atoms"]
    (['Si', 'O'], 1)
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | Any,
        *,
        schema: Schema = SCHEMA,
        **options: Any,
    ) -> None:
        self.schema = schema
        self.file, self._ours = known_file(path, options)
        try:
            if REFCODES not in self.file:
                raise FormatError(f"{self.file.path} has no crystal structures: no /{REFCODES}")
            table = self.file[REFCODES]
            # A table without rows has no columns until its writer closes it.
            codes = table.read([REFCODE])[REFCODE] if len(table) else np.empty(0, TEXT)
            self._refcodes = Refcodes(codes, self.file.path)
            missing = missing_in(self.file)
            self._sources = sources_of(self.file, schema, len(self._refcodes), missing)
        except BaseException:
            self.close()
            raise
        self._of_field = {
            name: source for source in self._sources.values() for name in source.columns
        }

    @property
    def refcodes(self) -> NDArray[Any]:
        """The refcodes in the order of structures, StringDType (structures,)."""
        return self._refcodes.codes

    @property
    def sources(self) -> list[Source]:
        """The groups of fields that there are, each with the tables it is read from."""
        return list(self._sources.values())

    @property
    def fields(self) -> dict[str, Field | None]:
        """What can be read: the fields by name, None for those that the schema does not have."""
        return {name: self.schema.fields.get(name) for name in self._of_field}

    @property
    def missing(self) -> dict[str, Indices]:
        """The numbers of structures that were not written, by table, where there are such."""
        tables = {name: table for s in self._sources.values() for name, table in s.tables.items()}
        return {name: table.missing for name, table in tables.items() if len(table.missing)}

    def __len__(self) -> int:
        """Return the number of structures."""
        return len(self._refcodes)

    def __iter__(self) -> Iterator[str]:
        """Go through the refcodes."""
        return iter(self.refcodes.tolist())

    def __contains__(self, refcode: object) -> bool:
        """Whether there is a structure of that refcode."""
        return refcode in self._refcodes

    def __getitem__(self, key: Any) -> dict[str, Any]:
        """Return one structure with all its fields; see `structure`."""
        return self.structure(key)

    def index(self, refcode: Any) -> int:
        """Return the number of a structure; see `structure` for errors."""
        return self._refcodes.index(refcode)

    def structure(self, key: Any, fields: Sequence[str] | None = None) -> dict[str, Any]:
        """Return one structure.

        Parameters
        ----------
        key
            Its refcode, or its number.
        fields
            Which fields; None for all.

        Returns
        -------
        dict
            ``refcode_list``, and the fields by name: single values, arrays (items, ...),
            strings as arrays of StringDType, `Ragged` where an item has a list. What was not
            written is None, or masked among other items. The counts of items under their names
            in batches, as ``n_atoms``.

        Raises
        ------
        KeyError
            If there is no such refcode or field; it names the closest ones.
        IndexError
            If there is no such number.
        """
        number = self._refcodes.index(key)
        found: dict[str, Any] = {REFCODE: str(self.refcodes[number])}
        for source, columns in self._chosen(fields):
            found |= source.row(number, columns)
        return found

    def padded(
        self,
        keys: Any,
        fields: Sequence[str] | None = None,
        *,
        device: Any = None,
    ) -> dict[str, Any]:
        """Return structures as a padded batch, as the writers take them.

        Parameters
        ----------
        keys
            Refcodes, numbers, a slice of numbers, or bools (structures,).
        fields
            Which fields; None for all.
        device
            A torch device, as ``"cuda"`` or ``"cpu"``: numbers and masks are tensors there.
            Strings stay NumPy arrays. None: everything is.

        Returns
        -------
        dict
            Fields by name: (structures, ...) for single values, (structures, width, ...) for
            items, (structures, width, longest list, ...) where an item has a list. Masks, True
            where an item is, by the key of the group, as ``atom_mask``, or ``<group>_mask``, and
            counts, as ``n_atoms``. Among NumPy arrays a field with nulls is masked; as a tensor it
            is NaN there, or, of integers and bools, 0 with ``<field>_null`` beside it.

        Raises
        ------
        KeyError
            If there is no such refcode or field; it names the closest ones.
        """
        chosen = self._refcodes.indices(keys)
        found: dict[str, Any] = {REFCODE: self.refcodes[chosen]}
        for source, columns in self._chosen(fields):
            found |= source.padded(chosen, columns)
        return found if device is None else as_tensors(found, device)

    def to_awkward(self, keys: Any = None, fields: Sequence[str] | None = None) -> Any:
        """Return structures as an Awkward array of records.

        Parameters
        ----------
        keys
            As in `padded`; None for all.
        fields
            Which fields; None for all.

        Returns
        -------
        awkward.Array
            One record a structure: its single values, and a list of records for each group.

        Raises
        ------
        ImportError
            If awkward is not installed.
        KeyError
            As `padded`.
        """
        chosen = self._refcodes.indices(slice(None) if keys is None else keys)
        parts = [
            (source.group, source.take(chosen, columns)) for source, columns in self._chosen(fields)
        ]
        return to_records(self.refcodes[chosen], parts)

    def to_dataframe(
        self, library: str = "pandas", keys: Any = None, fields: Sequence[str] | None = None
    ) -> Any:
        """Return the fields with one value a structure as a data frame.

        Parameters
        ----------
        library
            ``"pandas"`` or ``"polars"``.
        keys
            As in `padded`; None for all.
        fields
            Which fields; None for all that have one value a structure.

        Returns
        -------
        pandas.DataFrame or polars.DataFrame
            The refcodes as index, or as a column ``refcode``; a column for each number of a field,
            as ``cell_lengths_a``; and the counts of items, as ``n_atoms``.

        Raises
        ------
        ImportError
            If the library is not installed.
        KeyError
            As `padded`, also for a field of items.
        """
        chosen = self._refcodes.indices(slice(None) if keys is None else keys)
        columns: dict[str, Any] = {}
        for source, names in self._chosen(fields):
            if source.ragged:
                if fields is not None:
                    raise KeyError(f"{names[0]!r} has more than one value a structure")
                columns |= source.counts(chosen)
            else:
                columns |= source.take(chosen, names)
        return to_frame(library, self.refcodes[chosen], columns, self.schema)

    def to_ase(self, key: Any) -> Any:
        """Return one structure as `ase.Atoms`; see `raggedh5.formats.crystal.to_ase`."""
        return to_ase(self.structure(key))

    def close(self) -> None:
        """Close the file, if it was opened here."""
        if self._ours:
            self.file.close()

    def __enter__(self) -> Self:
        """Return the reader itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """Say how many structures and fields there are."""
        return (
            f"<CrystalFile {self.file.path!r}: {len(self)} structures, "
            f"{len(self._of_field)} fields>"
        )

    def _chosen(self, fields: Sequence[str] | None) -> list[tuple[Source, list[str]]]:
        """Return what has the fields, each with those that are wanted of it."""
        if fields is None:
            return [(source, list(source.columns)) for source in self._sources.values()]
        wanted: dict[str, list[str]] = {}
        for given in [fields] if isinstance(fields, str) else fields:
            spec = self.schema.field(given)
            name = given if spec is None else spec.name
            source = self._of_field.get(name)
            if name == REFCODE:
                continue
            if source is None:
                near = closest(name, self._of_field)
                hint = f"; the closest are {', '.join(map(repr, near))}" if near else ""
                raise KeyError(f"{self.file.path} has no field {given!r}{hint}")
            wanted.setdefault(source.name, []).append(name)
        return [(self._sources[name], columns) for name, columns in wanted.items()]
