"""The layout that pipelines had: a variable-length value for each structure and field.

`legacy_view` shows a file under the old names and shapes, so that scripts for it go on working.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.formats.crystal.fields import SCHEMA
from raggedh5.formats.crystal.legacy.values import as_bytes, filled, flat_rows
from raggedh5.formats.crystal.reading.crystal_file import CrystalFile
from raggedh5.formats.crystal.reading.sources import Source
from raggedh5.formats.crystal.schema import Schema
from raggedh5.formats.crystal.writing.structures import REFCODE
from raggedh5.store.variable_length import variable_dtype

__all__ = ["LegacyDataset", "LegacyView", "legacy_view"]


class LegacyDataset:
    """One field as the old layout had it.

    Indexed like an `h5py.Dataset`: an element of a field of items is a flat array; of strings, an
    object array of bytes. Where an item has a list, the lists are padded with zeros to the longest
    of the structure.

    Attributes
    ----------
    name : str
        Its path.
    shape : tuple of int
        (structures,), or (structures, *shape) where a structure has one value.
    dtype : dtype
        As h5py gives it.
    """

    def __init__(self, name: str, shape: tuple[int, ...], dtype: Any, read: Any) -> None:
        self.name = f"/{name}"
        self.shape = shape
        self.dtype = dtype
        self._read = read

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        """Return the number of structures."""
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        """Go through the structures."""
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        """Return elements, by number, slice, list of numbers or bools; and parts of them."""
        if key is Ellipsis or (isinstance(key, tuple) and not key):
            key = slice(None)
        first, rest = (key[0], key[1:]) if isinstance(key, tuple) else (key, ())
        if first is Ellipsis:
            first, rest = slice(None), (Ellipsis, *rest)
        if isinstance(first, (int, np.integer)):
            if not -len(self) <= first < len(self):
                raise IndexError(f"{self.name}: no structure {first} among {len(self)}")
            found = self._read(np.array([int(first) % len(self)]))[0]
            return found[rest] if rest else found
        numbers = np.arange(len(self))[first]
        found = self._read(numbers)
        return found[(slice(None), *rest)] if rest else found

    def asstr(self) -> "LegacyDataset":
        """Return the same with str instead of bytes."""
        return LegacyDataset(
            self.name[1:], self.shape, self.dtype, lambda numbers: _decoded(self._read(numbers))
        )

    def __repr__(self) -> str:
        """Say what it is."""
        return f"<LegacyDataset {self.name!r}: shape {self.shape}, {self.dtype}>"


class LegacyView(Mapping[str, LegacyDataset]):
    """A file of crystal structures under the old names; see `legacy_view`."""

    def __init__(self, crystals: CrystalFile) -> None:
        self._crystals = crystals
        self._datasets = dict(_datasets(crystals))

    @property
    def attrs(self) -> Any:
        """The attributes of the file."""
        return self._crystals.file.h5.attrs

    @property
    def filename(self) -> str:
        """The path of the file."""
        return self._crystals.file.path

    def __getitem__(self, name: str) -> LegacyDataset:
        """Return a field, by its old name.

        Raises
        ------
        KeyError
            If there is no such field.
        """
        try:
            return self._datasets[name.strip("/")]
        except KeyError:
            raise KeyError(f"{self.filename} has no field {name!r}") from None

    def __iter__(self) -> Iterator[str]:
        """Go through the names."""
        return iter(self._datasets)

    def __len__(self) -> int:
        """Return the number of fields."""
        return len(self._datasets)

    def close(self) -> None:
        """Close the file, if it was opened for the view."""
        self._crystals.close()

    def __enter__(self) -> "LegacyView":
        """Return the view itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close."""
        self.close()


def legacy_view(h5: Any, *, schema: Schema = SCHEMA) -> LegacyView:
    """Show a file of crystal structures under the names and shapes that pipelines had.

    Parameters
    ----------
    h5
        An `h5py.File` or `raggedh5.File` that is open, and stays so; or a path.
    schema
        The fields.

    Returns
    -------
    LegacyView
        A mapping. ``view["atom_coords"][i]`` is flat, float32; ``view["atom_label"][i]`` an array
        of bytes; ``view["n_atoms"][i]`` a count. Values are read when they are indexed.

    Raises
    ------
    FormatError
        If it has no crystal structures, or is damaged.

    Examples
    --------
    >>> import h5py, pathlib, tempfile
    >>> from raggedh5.formats.crystal import DatasetInitializer, RawDataWriter
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "crystals.h5"
    >>> with h5py.File(path, "w") as h5_out:
    ...     DatasetInitializer(h5_out, ["ICEICE"]).initialize_datasets()
    ...     batch = {"atom_label": [["O1", "H1"]], "atom_coords": [[[0, 0, 0], [1, 2, 3.0]]]}
    ...     RawDataWriter(h5_out).write_raw_atom_data(0, batch)
    >>> with h5py.File(path) as h5:
    ...     old = legacy_view(h5)
    ...     old["atom_label"][0], old["atom_coords"][0].tolist(), old["n_atoms"][:]
    (array([b'O1', b'H1'], dtype=object), [0.0, 0.0, 0.0, 1.0, 2.0, 3.0], array([2], dtype=int32))
    """
    return LegacyView(CrystalFile(h5, schema=schema))


def _datasets(crystals: CrystalFile) -> Iterator[tuple[str, LegacyDataset]]:
    structures = len(crystals)
    text = variable_dtype("str", nested=False)
    yield (
        REFCODE,
        LegacyDataset(REFCODE, (structures,), text, lambda n: as_bytes(crystals.refcodes[n])),
    )
    for source in crystals.sources:
        for name, table in source.columns.items():
            column = table.columns[name]
            if not source.ragged:
                shape = (structures, *column.shape)
                dtype = text if column.is_string else column.dtype
                yield name, LegacyDataset(name, shape, dtype, _single_reader(source, name))
            else:
                dtype = variable_dtype(column.dtype)
                yield name, LegacyDataset(name, (structures,), dtype, _list_reader(source, name))
        count = source.group.count
        if count is not None and source.ragged:
            yield (
                count,
                LegacyDataset(
                    count,
                    (structures,),
                    np.dtype(np.int32),
                    lambda n, source=source, count=count: source.counts(n)[count].astype(np.int32),
                ),
            )


def _single_reader(source: Source, name: str) -> Any:
    def read(numbers: NDArray[np.int64]) -> Any:
        values = source.take(numbers, [name])[name]
        return as_bytes(values) if values.dtype.kind == "T" else filled(values)

    return read


def _list_reader(source: Source, name: str) -> Any:
    def read(numbers: NDArray[np.int64]) -> Any:
        rows = np.empty(len(numbers), object)
        for at, row in enumerate(flat_rows(name, source.take(numbers, [name])[name])):
            rows[at] = row
        return rows

    return read


def _decoded(values: Any) -> Any:
    if isinstance(values, bytes):
        return values.decode()
    if isinstance(values, np.ndarray) and values.dtype.kind == "O":
        found = np.empty(len(values), object)
        for at, value in enumerate(values):
            found[at] = _decoded(value)
        return found
    return values
