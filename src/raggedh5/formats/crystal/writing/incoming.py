"""A batch of the pipeline, made ready for a table: columns, and how many items there are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.kept import kept_from_lengths
from raggedh5.core.ragged import Ragged
from raggedh5.core.row_messages import where
from raggedh5.core.schema import Column
from raggedh5.errors import SchemaError
from raggedh5.formats.crystal.schema import Field, Group, Schema
from raggedh5.formats.crystal.writing.counting import Counts, count_items, is_list_of_rows
from raggedh5.formats.crystal.writing.joining import joined
from raggedh5.formats.crystal.writing.values import (
    array_or_lists,
    column_of,
    fits_as_it_is,
    fitted,
    has_nulls,
    is_text,
    with_nulls,
)

__all__ = ["Incoming", "admit_nulls", "incoming"]

Lengths = NDArray[np.int64]
Values = dict[str, tuple[Field | None, str, Any]]
StoredLengths = Callable[[int], Lengths | None]


@dataclass
class Incoming:
    """A batch for one table.

    Attributes
    ----------
    rows : int
        Structures.
    data : dict
        Values by column, as `raggedh5.Table.append` takes them.
    columns : dict
        What each is stored as.
    lengths : ndarray of int64, shape (structures,), or None
        Items of each structure; None for a row table.
    mask : ndarray of bool, shape (structures, width), or None
        Where they are in padded values, where they are not the first ones.
    singles : dict
        Values with one for each structure that came among those of items, by key.
    """

    rows: int
    data: dict[str, Any]
    columns: dict[str, Column]
    lengths: Lengths | None = None
    mask: NDArray[Any] | None = None
    singles: dict[str, Any] = field(default_factory=dict)


def incoming(
    schema: Schema, group: Group, batch: Mapping[str, Any], stored: StoredLengths
) -> Incoming:
    """Make a batch ready whose values are padded, or one for each structure.

    Parameters
    ----------
    schema, group
        What the fields are, and of which items.
    batch
        Values by key.
    stored
        Returns the items that are known of from before for so many structures, or None.

    Raises
    ------
    SchemaError
        Naming the field, and the structure, of what does not fit.
    """
    if not hasattr(batch, "items"):
        raise SchemaError(f"a batch is a dict of values by field, not {type(batch).__name__}")
    told = {group.mask, group.count, group.owner, group.inner_mask}
    values: Values = {}
    for key, value in batch.items():
        if key in told or value is None:
            continue
        spec = schema.field(key)
        name = key if spec is None else spec.name
        if name in values:
            raise SchemaError(f"{key!r} and {values[name][1]!r} are the same field, {name!r}")
        values[name] = spec, key, array_or_lists(key, value)
    if group.per_structure:
        return _rows_of(values)
    rows = _structures(group, batch, values)
    singles = {
        key: value for spec, key, value in values.values() if spec is None and _is_single(value)
    }
    values = {name: one for name, one in values.items() if one[1] not in singles}
    arrays = [value for _, _, value in values.values() if isinstance(value, np.ndarray)]
    widths = {array.shape[1] for array in arrays if array.ndim > 1}
    width = max(widths, default=None)
    lists = {key: value for _, key, value in values.values() if not isinstance(value, np.ndarray)}
    counts = count_items(group, batch, lists, width, lambda: stored(rows))
    ready = Incoming(rows, {}, {}, counts.lengths, counts.pattern, singles)
    if len(widths) > 1 or (counts.mask is not None and widths - {counts.mask.shape[1]}):
        values = _cut(values, ready)
    for name, (spec, key, value) in values.items():
        _add(ready, name, spec, key, value, counts)
    for spec in schema.joined_of(group.name):
        if spec.name not in values and all(name in values for name in spec.joined):
            ready.data[spec.name] = joined([values[n][2] for n in spec.joined], counts)
            ready.columns[spec.name] = spec.column()
    return ready


def _cut(values: Values, ready: Incoming) -> Values:
    """Return arrays of the same width: that of the longest structure."""
    lengths = ready.lengths
    longest = 0 if lengths is None else int(lengths.max(initial=0))
    if ready.mask is not None:
        longest = ready.mask.shape[1]
    found = {}
    for name, (spec, key, value) in values.items():
        if isinstance(value, np.ndarray) and value.ndim > 1:
            if value.shape[1] < longest:
                row = 0 if lengths is None else int(lengths.argmax())
                raise SchemaError(
                    f"{where(key, row)}{longest} items, but there is room for {value.shape[1]}"
                )
            value = value[:, :longest]
        found[name] = spec, key, value
    return found


def _add(
    ready: Incoming, name: str, spec: Field | None, key: str, value: Any, counts: Counts
) -> None:
    if spec is not None and fits_as_it_is(spec, value):  # the usual case, and a quick one
        ready.data[name], ready.columns[name] = value, spec.column()
        return
    if isinstance(value, np.ndarray) and value.ndim < 2:
        raise SchemaError(
            f"{where(key)}shape {value.shape} is wanted to begin with (structures, width)"
        )
    stored = fitted(spec, key, value, counts)
    if stored is None:  # lists without any item
        if spec is None:
            return
        column = spec.column()
        stored = Ragged(
            np.empty((0, *column.shape), column.dtype),
            kept_from_lengths(counts.lengths).offsets,
        )
    elif (
        counts.mask is not None
        and ready.mask is not None
        and is_list_of_rows(stored)
        and spec is not None
    ):
        stored = _compact_text(stored, counts)
    ready.columns[name] = column_of(spec, key, stored, ragged=True)
    ready.data[name] = stored


def _rows_of(values: Mapping[str, tuple[Field | None, str, Any]]) -> Incoming:
    """Make a batch ready that has one value for each structure."""
    if not values:
        raise SchemaError("a batch has at least one field")
    counts = {key: len(value) for _, key, value in values.values()}
    rows = next(iter(counts.values()))
    for key, count in counts.items():
        if count != rows:
            raise SchemaError(
                f"{where(key)}{count} structures, but {next(iter(counts))!r} has {rows}"
            )
    ready = Incoming(rows, {}, {})
    for name, (spec, key, value) in values.items():
        stored = fitted(spec, key, value, None)
        scalar = spec is not None and not spec.shape
        if scalar and isinstance(stored, np.ndarray) and stored.shape[1:] == (1,):
            stored = stored[:, 0]
        ready.columns[name] = column_of(spec, key, stored, ragged=False)
        ready.data[name] = stored
    return ready


def admit_nulls(ready: Incoming) -> bool:
    """Let columns of strings take nulls where there are some; say whether there are.

    To look for them takes longer than to write what has none: so this is for batches that a table
    has refused.
    """
    found = False
    for name, column in ready.columns.items():
        if not column.is_string or column.nullable:
            continue
        value = ready.data[name]
        if has_nulls(value, ready.lengths, ready.mask):
            ready.columns[name] = with_nulls(column)
            found = True
    return found


def _structures(
    group: Group, batch: Mapping[str, Any], values: Mapping[str, tuple[Any, str, Any]]
) -> int:
    """Return the number of structures, which all values must have."""
    told = [key for key in (group.mask, group.count) if key and batch.get(key) is not None]
    counts = {key: len(batch[key]) for key in told}
    counts |= {key: len(value) for _, key, value in values.values()}
    if not counts:
        raise SchemaError("a batch has at least one field")
    first = next(iter(counts))
    for key, count in counts.items():
        if count != counts[first]:
            raise SchemaError(f"{where(key)}{count} structures, but {first!r} has {counts[first]}")
    return counts[first]


def _is_single(value: Any) -> bool:
    """Whether there is one value for each structure, and no axis of items."""
    if isinstance(value, np.ndarray):
        return value.ndim == 1
    return bool(value) and not is_list_of_rows(value)


def _compact_text(rows: Any, counts: Counts) -> Any:
    """Return lists of strings at the places of a padded row without those that are not kept."""
    if not is_text(rows) or counts.mask is None:
        return rows
    return [
        list(row)
        if len(row) == count
        else [item for item, keep in zip(row, flags, strict=False) if keep]
        for row, count, flags in zip(rows, counts.lengths.tolist(), counts.mask, strict=True)
    ]
