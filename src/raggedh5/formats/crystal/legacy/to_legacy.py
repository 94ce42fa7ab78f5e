"""Files of the old layout, written from tables."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from raggedh5.errors import WriteError
from raggedh5.formats.crystal.legacy.view import LegacyDataset, LegacyView
from raggedh5.store.file import File
from raggedh5.store.variable_length import (
    create_variable,
    element_dtype,
    element_of,
    variable_dtype,
    write_variable,
)

__all__ = ["write_old"]


def write_old(
    view: LegacyView,
    fields: Sequence[str],
    made: File,
    block: int,
    advance: Callable[[float], None],
) -> None:
    """Write all structures with a dataset for each field.

    Raises
    ------
    WriteError
        If the file cannot be written.
    """
    h5 = made.h5
    rows = len(next(iter(view.values())))
    for name in fields:
        _create(h5, name, view[name])
    for first in range(0, rows, block):
        part = slice(first, min(first + block, rows))
        for name in fields:
            values = view[name][part]
            if element_dtype(h5[name]) is not None:
                write_variable(h5[name], first, list(values))
                continue
            try:
                h5[name][part] = values
            except (OSError, RuntimeError) as error:
                raise WriteError(f"/{name} could not be written: {error}") from error
        advance(part.stop - first)


def _create(h5: Any, name: str, like: LegacyDataset) -> None:
    kind = element_of(like.dtype)
    if kind is not None:
        create_variable(h5, name, len(like), kind)
        return
    dtype = variable_dtype("str", nested=False) if like.dtype.kind == "O" else like.dtype
    h5.create_dataset(name, like.shape, np.dtype(dtype))
