"""Flat batches: all fragments of all structures behind each other, with who owns which.

Their lists, one for each atom of a fragment, are padded.
"""

from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.arrays import as_numpy
from raggedh5.core.joined_strings import text_of
from raggedh5.core.kept import kept_from_lengths, kept_from_mask
from raggedh5.core.packing import pack_into
from raggedh5.core.ragged import Ragged
from raggedh5.core.row_messages import where
from raggedh5.core.schema import Column
from raggedh5.errors import SchemaError
from raggedh5.formats.crystal.schema import Field, Group, Schema
from raggedh5.formats.crystal.writing.counting import integers_of, is_list_of_rows
from raggedh5.formats.crystal.writing.incoming import Incoming
from raggedh5.formats.crystal.writing.values import (
    array_or_lists,
    column_of,
    fitted,
    is_text,
    rectangular,
)

__all__ = ["flat_incoming"]


class _Owners:
    """Which structure each item of a flat batch belongs to.

    Attributes
    ----------
    lengths : ndarray of int64, shape (structures,)
    order : ndarray of int64, shape (items,), or None
        The items in the order of structures, without those of none; None where all are in order.
    given : int
        Items in the batch.
    """

    def __init__(self, group: Group, batch: Mapping[str, Any]) -> None:
        key = group.owner or ""
        if batch.get(key) is None:
            raise SchemaError(f"{key!r} is missing: it says which structure each of them is of")
        owners = integers_of(key, batch[key])
        counts = batch.get(group.count or "")
        self.given = len(owners)
        last = int(owners.max(initial=-1))
        rows = last + 1 if counts is None else len(counts)
        if counts is None:  # strings may come as a list for each structure
            told = [v for v in batch.values() if is_list_of_rows(v) and is_text(v)]
            rows = max([rows, *map(len, told)])
        if last >= rows:
            at = int(owners.argmax())
            raise SchemaError(f"{where(key)}item {at} is of structure {last}, but there are {rows}")
        there = owners >= 0
        self.lengths = np.bincount(owners[there], minlength=rows).astype(np.int64)
        if counts is not None:
            stated = integers_of(group.count or "", counts)
            if (stated != self.lengths).any():
                row = int((stated != self.lengths).argmax())
                raise SchemaError(
                    f"{where(group.count or '', row)}{stated[row]} items, but {key!r} gives "
                    f"{self.lengths[row]} to it"
                )
        self.order: NDArray[np.int64] | None = None
        if not there.all() or (np.diff(owners) < 0).any():
            order = np.argsort(owners, kind="stable")
            self.order = order[len(owners) - int(there.sum()) :]

    def rows(self) -> Ragged:
        """Return which rows the items are in, once they are sorted; its values mean nothing."""
        kept = kept_from_lengths(self.lengths)
        return Ragged(np.empty(kept.items, np.bool_), kept.offsets)

    def sorted(self, values: Any) -> Any:
        """Return an array, or a list, in the order of structures."""
        if self.order is None:
            return values
        if isinstance(values, list):
            return [values[i] for i in self.order.tolist()]
        return values[self.order]


def flat_incoming(schema: Schema, group: Group, batch: Mapping[str, Any]) -> Incoming:
    """Make a flat batch ready; a padded one with a mask, as readers give it, is made flat first.

    Parameters
    ----------
    schema, group
        What the fields are, and of which items.
    batch
        Values by key: arrays (items, ...), (items, width, ...) for lists; strings as one list, or
        as one for each structure.

    Raises
    ------
    SchemaError
        Naming the field, and the structure, of what does not fit.
    """
    if not hasattr(batch, "items"):
        raise SchemaError(f"a batch is a dict of values by field, not {type(batch).__name__}")
    if batch.get(group.owner or "") is None and batch.get(group.mask or "") is not None:
        batch = _flattened(group, batch)
    owners = _Owners(group, batch)
    ready = Incoming(len(owners.lengths), {}, {}, owners.lengths)
    rows = owners.rows()
    told = {group.mask, group.count, group.owner, group.inner_mask}
    inner = _Inner(group, batch, owners)
    for key, given in batch.items():
        if key in told or given is None:
            continue
        spec = schema.field(key)
        name = key if spec is None else spec.name
        if name in ready.data:
            raise SchemaError(f"{key!r} comes twice, also as {name!r}")
        value = array_or_lists(key, given)
        if is_text(value) or (spec is not None and spec.is_string):
            stored: Any = rows.with_values(_flat_text(key, value, owners))
        else:
            array = value if isinstance(value, np.ndarray) else rectangular(key, value)
            if spec is not None and not owners.given and not array.size:  # an empty list
                array = np.empty((0, *[0] * spec.nested, *spec.shape), spec.dtype)
            if array.ndim == 0 or len(array) != owners.given:
                raise SchemaError(
                    f"{where(key)}shape {array.shape} does not begin with ({owners.given},)"
                )
            array = owners.sorted(array)
            if spec.nested if spec is not None else inner.fits(key, array):
                stored = rows.with_values(inner.lists(key, spec, array))
            else:
                stored = rows.with_values(fitted(spec, key, array, None))
        ready.data[name] = stored
        ready.columns[name] = _column(spec, key, stored)
    if not ready.data:
        raise SchemaError("a batch has at least one field")
    return ready


def _flattened(group: Group, batch: Mapping[str, Any]) -> dict[str, Any]:
    """Return a padded batch with the items behind each other, and who owns which."""
    mask = as_numpy(batch[group.mask or ""]) != 0
    if mask.ndim != 2:
        raise SchemaError(
            f"{where(group.mask or '')}shape (structures, width) is wanted, not {mask.shape}"
        )
    found: dict[str, Any] = {group.owner or "": np.nonzero(mask)[0]}
    for key, value in batch.items():
        if key == group.mask or value is None:
            continue
        found[key] = value
        array = value if isinstance(value, (list, tuple)) else as_numpy(value)
        if isinstance(array, np.ndarray) and array.ndim > 1:
            if array.shape[:2] != mask.shape:
                raise SchemaError(
                    f"{where(key)}shape {array.shape} does not begin with {mask.shape}"
                )
            found[key] = array[mask]
    return found


class _Inner:
    """The lists within the items: how long they are, and how they lie in padded arrays."""

    def __init__(self, group: Group, batch: Mapping[str, Any], owners: _Owners) -> None:
        self._keys = group.inner_mask, group.inner_count
        self._prefix = f"{(group.inner_mask or '').removesuffix('_mask')}_"
        mask = batch.get(group.inner_mask or "")
        count = batch.get(group.inner_count or "")
        self._kept = None
        if mask is not None:
            flags = as_numpy(mask)
            if flags.ndim != 2 or len(flags) != owners.given:
                raise SchemaError(
                    f"{where(group.inner_mask or '')}shape {flags.shape} is not "
                    f"({owners.given}, width)"
                )
            self._kept = kept_from_mask(owners.sorted(flags != 0))
        if count is not None:
            lengths = owners.sorted(integers_of(group.inner_count or "", count))
            if self._kept is None:
                self._kept = kept_from_lengths(lengths)
            elif (self._kept.lengths != lengths).any():
                wrong = self._kept.lengths != lengths
                item = int(wrong.argmax())
                row = int(np.searchsorted(np.cumsum(owners.lengths), item, "right"))
                raise SchemaError(
                    f"{where(group.inner_count or '', row)}{lengths[item]} of item {item}, but "
                    f"{group.inner_mask!r} keeps {self._kept.lengths[item]}"
                )

    def fits(self, key: str, array: NDArray[Any]) -> bool:
        """Whether an array that no field tells of has a list in each item."""
        kept = self._kept
        if kept is None or array.ndim < 2 or not key.startswith(self._prefix):
            return False
        return kept.width is None or array.shape[1] == kept.width

    def lists(self, key: str, spec: Field | None, array: NDArray[Any]) -> Ragged:
        """Return the lists of a padded array (items, width, ...)."""
        kept = self._kept
        if kept is None:
            raise SchemaError(
                f"{where(key)}nothing says how long its lists are: give {self._keys[1]!r} or "
                f"{self._keys[0]!r}"
            )
        dtype = array.dtype if spec is None else np.dtype(spec.dtype)
        values = np.empty((kept.items, *array.shape[2:]), dtype)
        pack_into(kept, array, [values], name=key)
        return Ragged(values, kept.offsets)


def _flat_text(key: str, value: Any, owners: _Owners) -> Any:
    """Return the strings of all items, which may come as one list for each structure."""
    if isinstance(value, np.ndarray):
        if value.ndim != 1 or len(value) != owners.given:
            raise SchemaError(f"{where(key)}shape {value.shape} is not ({owners.given},)")
        found = owners.sorted(value)
    elif is_list_of_rows(value) and value:
        if len(value) != len(owners.lengths):
            raise SchemaError(
                f"{where(key)}{len(value)} lists, but there are {len(owners.lengths)} structures"
            )
        for row, (items, count) in enumerate(zip(value, owners.lengths.tolist(), strict=True)):
            if len(items) < count or any(items[count:]):
                raise SchemaError(f"{where(key, row)}{len(items)} strings, but {count} items")
        pairs = zip(value, owners.lengths.tolist(), strict=True)
        found = list(chain.from_iterable(items[:count] for items, count in pairs))
    else:
        if len(value) != owners.given:
            raise SchemaError(f"{where(key)}{len(value)} strings, but {owners.given} items")
        found = owners.sorted(list(value))
    if isinstance(found, np.ndarray):
        return found
    if not {str}.issuperset(map(type, found)):
        found = list(map(text_of, found))
    kind: Any = np.dtypes.StringDType(na_object=None) if None in found else np.dtypes.StringDType()
    return np.array(found, kind)


def _column(spec: Field | None, key: str, stored: Any) -> Column:
    if spec is None and stored.values.__class__ is Ragged:
        inside = stored.values.values
        return Column(inside.dtype, inside.shape[1:], nested=True)
    return column_of(spec, key, stored, ragged=True)
