"""Checks of a batch before it is written."""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.arrays import as_numpy
from raggedh5.core.ragged import Ragged
from raggedh5.core.row_messages import where
from raggedh5.errors import SchemaError
from raggedh5.formats.crystal.fields import SCHEMA
from raggedh5.formats.crystal.schema import Schema
from raggedh5.formats.crystal.writing.batch import parts_of
from raggedh5.formats.crystal.writing.fragments import flat_incoming
from raggedh5.formats.crystal.writing.incoming import Incoming, incoming

__all__ = ["check_ready", "validate_batch"]


def validate_batch(
    batch: Mapping[str, Any], *, required: Collection[str] = (), schema: Schema = SCHEMA
) -> int:
    """Check a batch of structures without writing it.

    Parameters
    ----------
    batch
        What `write_batches` takes: values by field for each group, by the name of its table, as
        ``"atoms"`` or ``"atoms_computed"``; or the values of one group alone.
    required
        Fields that must be there, besides those that the schema requires of every group there is.
    schema
        The fields.

    Returns
    -------
    int
        How many structures it has.

    Raises
    ------
    SchemaError
        If a field is missing; if fields or groups have different numbers of structures, or of items
        in one of them; if a shape or dtype does not fit; or for NaN and infinity among the items
        that there are. It names the field and the number of the structure in the batch.

    Examples
    --------
    >>> validate_batch({"cell_lengths": [[1.0, 2.0, 3.0]], "cell_angles": [[90.0, np.nan, 90.0]]})
    Traceback (most recent call last):
    raggedh5.errors.SchemaError: column 'cell_angles', row 0: nan is not finite
    """
    rows: dict[str, int] = {}
    lengths: dict[str, Any] = {}
    given: set[str] = set()
    for name, group, computed, values in parts_of(batch, schema):
        if group.owner is not None:
            ready = flat_incoming(schema, group, values)
        else:
            ready = incoming(schema, group, values, partial(_fitting, lengths.get(group.name)))
        check_ready(schema, group.name, computed, ready)
        rows[name] = ready.rows
        if ready.lengths is not None and not computed:
            lengths[group.name] = ready.lengths
        given |= ready.data.keys()
    if not rows:
        raise SchemaError("a batch has at least one group of fields")
    first = next(iter(rows))
    for name, count in rows.items():
        if count != rows[first]:
            raise SchemaError(f"{name!r} has {count} structures, but {first!r} has {rows[first]}")
    for name in required:
        if name not in given:
            raise SchemaError(f"{name!r} is missing")
    return rows[first]


def check_ready(schema: Schema, group: str, computed: bool, batch: Incoming) -> None:
    """Check what is about to be written: required fields, and finite numbers.

    Raises
    ------
    SchemaError
        Naming the field, and the first structure whose number is NaN or infinite.
    """
    derived = schema.groups[group].derived
    for field in schema.of_group(group):
        here = derived or field.repeated or field.computed == computed
        if field.required and here and field.name not in batch.data:
            raise SchemaError(f"{field.name!r} is missing, which every batch of {group} has")
    for name, value in batch.data.items():
        if not batch.columns[name].is_string:
            _check_finite(name, value, batch)


def _check_finite(name: str, value: Any, batch: Incoming) -> None:
    if isinstance(value, Ragged):
        flat = value.values
        bounds = value.offsets
        if isinstance(flat, Ragged):
            bounds = flat.offsets[bounds]
            flat = flat.values
        bad: Any = _not_finite(flat)
        if bad.any():
            item = int(bad.argmax())
            row = int(np.searchsorted(bounds, item, "right")) - 1
            raise SchemaError(f"{where(name, row)}{_shown(flat[item])} is not finite")
        return
    array = as_numpy(value)
    if array.dtype.kind not in "fc":
        return
    if batch.lengths is None:
        bad = _not_finite(array)
    else:
        wide = _not_finite(array.reshape(-1, *array.shape[2:])).reshape(array.shape[:2])
        bad = (wide & _kept(batch, array.shape[1])).any(axis=1)
    if bad.any():
        row = int(bad.argmax())
        kept = (
            array[row] if batch.lengths is None else array[row][_kept(batch, array.shape[1])[row]]
        )
        raise SchemaError(f"{where(name, row)}{_shown(kept)} is not finite")


def _kept(batch: Incoming, width: int) -> NDArray[np.bool_]:
    if batch.mask is not None:
        return batch.mask.astype(np.bool_)
    lengths = np.zeros(batch.rows, np.int64) if batch.lengths is None else batch.lengths
    return np.arange(width) < lengths[:, None]


def _not_finite(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which of the items hold NaN or infinity."""
    if values.dtype.kind not in "fc":
        return np.zeros(len(values), np.bool_)
    found: Any = ~np.isfinite(values)
    return np.asarray(found.any(axis=tuple(range(1, values.ndim))))


def _shown(values: Any) -> str:
    flat = np.asarray(values).reshape(-1)
    return str(flat[~np.isfinite(flat)][0])


def _fitting(known: Any, count: int) -> Any:
    return known if known is not None and len(known) == count else None
