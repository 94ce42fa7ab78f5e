"""A file made ready for crystal structures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from raggedh5.errors import SchemaError
from raggedh5.formats.crystal.fields import SCHEMA
from raggedh5.formats.crystal.schema import Schema
from raggedh5.formats.crystal.writing.opened import file_of
from raggedh5.formats.crystal.writing.structures import REFCODE, REFCODES

__all__ = ["DatasetInitializer"]


class DatasetInitializer:
    """Makes a file ready for structures that are written batch by batch.

    Parameters
    ----------
    h5_out
        An `h5py.File` that its owner closes, or a `raggedh5.File`, open for writing.
    refcodes
        The structures, in the order in which batches number them.
    dims
        The most items that a structure has, by kind. Nothing needs it here: tables have room for
        any number.
    schema
        The fields.

    Examples
    --------
    >>> import h5py, pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "crystals.h5"
    >>> with h5py.File(path, "w") as h5_out:
    ...     DatasetInitializer(h5_out, ["ABACOF", "ABEBUF"], {"atoms": 64}).initialize_datasets()
    """

    def __init__(
        self,
        h5_out: Any,
        refcodes: Sequence[str],
        dims: Mapping[str, int] | None = None,
        *,
        schema: Schema = SCHEMA,
    ) -> None:
        self.h5_out = h5_out
        self.refcodes = refcodes
        self.dims = dims
        self.schema = schema

    def initialize_datasets(self) -> None:
        """Write the refcodes. Tables appear with the first batch that brings something for them.

        Raises
        ------
        SchemaError
            If the file has structures already.
        WriteError
            If it cannot be written.
        """
        file = file_of(self.h5_out)
        if REFCODES in file:
            raise SchemaError(f"{file.path} is initialized already: it has a table {REFCODES!r}")
        codes = np.array([_text(code) for code in self.refcodes], np.dtypes.StringDType())
        column = self.schema.fields[REFCODE].column().with_dictionary(False)
        table = file.create_table(REFCODES, {REFCODE: column}, ragged=False)
        if len(codes):
            table.append({REFCODE: codes})


def _text(code: Any) -> str:
    return code.decode() if isinstance(code, bytes) else str(code)
