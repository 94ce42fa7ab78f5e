"""Fields with one value a structure as a data frame."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.formats.crystal.schema import Schema

__all__ = ["to_frame"]


def to_frame(
    library: str, refcodes: NDArray[Any], columns: Mapping[str, Any], schema: Schema
) -> Any:
    """Return a data frame.

    Parameters
    ----------
    library
        ``"pandas"`` or ``"polars"``.
    refcodes : ndarray of StringDType, shape (structures,)
        Their refcodes.
    columns
        Arrays (structures, *shape) by field. One of several numbers a structure becomes a column
        for each.
    schema
        What the numbers of a field are called.

    Raises
    ------
    ImportError
        If the library is not installed.
    ValueError
        If it is neither.
    """
    split: dict[str, Any] = {}
    for name, array in columns.items():
        field = schema.fields.get(name)
        labels = () if field is None else field.labels
        split |= dict(_split(name, array, labels))
    codes = refcodes.tolist()
    if library == "pandas":
        import pandas as pd

        series = {name: _for_pandas(pd, array) for name, array in split.items()}
        return pd.DataFrame(series, index=pd.Index(codes, name="refcode"))
    if library == "polars":
        import polars as pl

        return pl.DataFrame(
            {"refcode": codes} | {name: _for_polars(pl, array) for name, array in split.items()}
        )
    raise ValueError(f"library is 'pandas' or 'polars', not {library!r}")


def _split(name: str, array: Any, labels: tuple[str, ...]) -> list[tuple[str, Any]]:
    """Return one column for each number of a field, with its name."""
    inner = array.shape[1:]
    if not inner:
        return [(name, array)]
    if len(labels) != np.prod(inner):
        places = itertools.product(*map(range, inner))
        labels = tuple("_".join(map(str, place)) for place in places)
    flat = array.reshape(len(array), int(np.prod(inner)))
    return [(f"{name}_{label}", flat[:, number]) for number, label in enumerate(labels)]


def _for_pandas(pd: Any, array: Any) -> Any:
    if array.dtype.kind == "T":
        return np.array(array.tolist(), object)
    if not isinstance(array, np.ma.MaskedArray):
        return array
    if array.dtype.kind == "f":
        return array.filled(np.nan)
    values = pd.array(array.data, dtype={"b": "boolean"}.get(array.dtype.kind, "Int64"))
    values[np.ma.getmaskarray(array)] = pd.NA
    return values


def _for_polars(pl: Any, array: Any) -> Any:
    if array.dtype.kind == "T":
        return array.tolist()
    if not isinstance(array, np.ma.MaskedArray):
        return np.ascontiguousarray(array)
    hidden = np.ma.getmaskarray(array)
    values = pl.Series(np.ascontiguousarray(array.data))
    return pl.select(pl.when(pl.Series(~hidden)).then(values)).to_series()
