"""One batch on its way into a table: which rows and items there are, and what each column gives."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.arrays import as_numpy
from raggedh5.core.inference import infer_column, is_ragged_list
from raggedh5.core.joined_strings import Joined
from raggedh5.core.kept import Kept, kept_from_lengths, kept_from_mask, kept_groups
from raggedh5.core.ragged import Ragged
from raggedh5.core.schema import Column
from raggedh5.core.string_rows import is_nested, row_offsets
from raggedh5.errors import SchemaError

__all__ = ["Batch"]

Array = NDArray[Any]


class Batch:
    """The columns of a batch with what is kept of them.

    Parameters
    ----------
    data
        Values by column: padded arrays (rows, width, *inner), `Ragged`, lists of lists of strings;
        for a row table, arrays (rows, *inner) and lists of strings.
    mask, lengths
        What is kept of the padded arrays: bool (rows, width) or (rows, groups, items), or integers
        (rows,). Without either, offsets come from the first ragged column, or everything is kept.
    item_masks
        For nested columns, what is kept of their items: bool (rows, groups, items) by column.
    ragged
        Whether a row holds items.
    first, kept
        Number of the first row, and the items of each row, where this is a part of a larger batch.
    columns
        Those of the table, where they are known: none of them is taken for a mask.

    Attributes
    ----------
    kept : Kept
        The items of each row.
    """

    def __init__(
        self,
        data: Mapping[str, Any],
        mask: Any = None,
        lengths: Any = None,
        item_masks: Mapping[str, Any] | None = None,
        ragged: bool = True,
        first: int = 0,
        kept: Kept | None = None,
        columns: Mapping[str, Column] = MappingProxyType({}),
    ) -> None:
        if not hasattr(data, "keys"):
            raise SchemaError(f"a batch is a dict of columns, not {type(data).__name__}")
        if not isinstance(data, dict):
            data = {name: data[name] for name in data.keys()}  # noqa: SIM118 - a table's rows
        if not data:
            raise SchemaError("a batch has at least one column")
        if mask is None and lengths is None and ragged and "mask" in data and len(data) > 1:
            # What Table.padded returns goes back in as it is.
            mask = data["mask"]
            masks = {name for name in data if _masks_lists(name, data, columns)}
            item_masks = {name[:-5]: data[name] for name in masks} | dict(item_masks or {})
            data = {name: data[name] for name in data if name != "mask" and name not in masks}
        self.data = data
        self.ragged = ragged
        self.first = first
        self._mask: Any = None
        self._item_masks = item_masks or {}
        self._inner: Kept | None = None
        if kept is not None:
            self.kept = kept
        elif not ragged:
            if mask is not None or lengths is not None:
                raise SchemaError(
                    "a row table has one value a row: it takes no mask and no lengths"
                )
            self.kept = _every_row(_row_count(data))
        elif mask is not None:
            if lengths is not None:
                raise SchemaError("give either a mask or lengths, not both")
            self._mask = mask if hasattr(mask, "ndim") else as_numpy(mask)
            if self._mask.ndim == 3:
                self.kept, self._inner = kept_groups(self._mask)
            else:
                self.kept = kept_from_mask(self._mask)
        elif lengths is not None:
            self.kept = kept_from_lengths(lengths, _width(data))
        else:
            self.kept = _kept_by_columns(data)
        self.rows = self.kept.rows
        self.items = self.kept.items

    def numbers(self, name: str, value: Any, dtype: np.dtype[Any]) -> tuple[Array, Kept]:
        """Return the values of column `name` as a padded array, and what is kept of it.

        Lists without any item are of `dtype`, that of the column.
        """
        if type(value) is np.ndarray and self.ragged:
            return value, self.kept
        if isinstance(value, Ragged):
            self._check_offsets(name, value)
            values = as_numpy(value.values)
            return values[:, None], _every_row(self.items)
        if not self.ragged:
            array = as_numpy(value)
            if array.ndim == 0 or len(array) != self.rows:
                raise SchemaError(
                    f"column {name!r}: shape {array.shape} does not begin with ({self.rows},)"
                )
            return array[:, None], self.kept
        if is_ragged_list(value):
            ragged = Ragged.from_lists(value)
            self._check_offsets(name, ragged)
            values = as_numpy(ragged.values)
            values = values if len(values) else values.astype(dtype)
            return values[:, None], _every_row(self.items)
        return as_numpy(value), self.kept

    def flat(self) -> dict[str, Any]:
        """Return the columns whose items are not padded, by what they hold: all of these."""
        if not self.ragged:
            return self.data
        flat = {}
        known = self.kept.offsets
        for name, value in self.data.items():
            if type(value) is Ragged:
                if value.offsets is not known:
                    if not np.array_equal(value.offsets, self.kept.offsets):
                        continue
                    known = value.offsets  # which columns of one batch mostly share
                flat[name] = value.values
        return flat

    def nested(self, name: str) -> tuple[Array, Kept, bool]:
        """Return array, what is kept of its items, and whether these are flat, of a nested column.

        Where they are flat, the second is the offsets of the lists alone, and the array holds the
        items themselves.
        """
        value = self.data[name]
        if isinstance(value, Ragged):
            self._check_offsets(name, value)
            if not isinstance(value.values, Ragged):
                raise SchemaError(f"column {name!r}: its items hold lists, so it takes two levels")
            lists = value.values
            return as_numpy(lists.values), kept_from_lengths(lists.lengths), True
        return as_numpy(value), self.inner_kept(name), False

    def inner_kept(self, name: str) -> Kept:
        """Return what is kept of the items of a nested column given as a padded array."""
        if name in self._item_masks:
            groups = self._mask
            if groups is None:
                width = np.shape(self._item_masks[name])[1]
                groups = np.arange(width) < self.kept.lengths[:, None]
            _, inner = kept_groups(self._item_masks[name], groups)
            return inner
        if self._inner is None:
            raise SchemaError(
                f"column {name!r}: give a mask (rows, groups, items), or item_masks[{name!r}]"
            )
        return self._inner

    def strings(self, name: str) -> tuple[Any, Kept | None]:
        """Return the strings of a column and what is kept of them, None for all."""
        value = self.data[name]
        if isinstance(value, Ragged):
            self._check_offsets(name, value)
            return value.values, None
        if self.ragged:
            return value, self.kept
        a_list = isinstance(value, (list, tuple))
        flat = not is_nested(value) if a_list else np.ndim(value) == 1
        if not flat or len(value) != self.rows:
            raise SchemaError(f"column {name!r}: {self.rows} strings are wanted, one a row")
        return value, None

    def infer(self, name: str) -> Column:
        """Say what column the values would make."""
        lists = self._inner.shape if self._inner is not None else None
        return infer_column(
            name, self.data[name], self.ragged, lists=lists, nested=name in self._item_masks
        )

    def parts(self, limit: int) -> Iterator["Batch"]:
        """Cut the batch into runs of rows of about `limit` items; a small one is its own only part.

        A batch is packed, compressed and stored part by part, so that writing one needs little
        memory beside it.
        """
        count = min(-(-self.items // limit), self.rows)
        if count < 2:
            yield self
            return
        step = -(-self.rows // count)
        data = {name: _sliceable(value) for name, value in self.data.items()}
        mask = None if self._mask is None else _sliceable(self._mask)
        item_masks = {name: _sliceable(value) for name, value in self._item_masks.items()}
        for first in range(0, self.rows, step):
            rows = slice(first, min(first + step, self.rows))
            yield Batch(
                {name: value[rows] for name, value in data.items()},
                None if mask is None else mask[rows],
                item_masks={name: value[rows] for name, value in item_masks.items()},
                ragged=self.ragged,
                first=first,
                kept=None if mask is not None else self.kept.part(rows),
            )

    def _check_offsets(self, name: str, value: Ragged) -> None:
        if len(value) != self.rows:
            raise SchemaError(f"column {name!r}: {len(value)} rows, but the batch has {self.rows}")
        if value.offsets is not self.kept.offsets:
            wrong = value.offsets[1:] != self.kept.offsets[1:]
            if wrong.any():
                row = int(wrong.argmax())
                wanted = int(self.kept.offsets[row + 1] - self.kept.offsets[row])
                raise SchemaError(
                    f"column {name!r}, row {row}: {int(value.lengths[row])} items, but the batch "
                    f"keeps {wanted}"
                )


def _masks_lists(name: str, data: Mapping[str, Any], columns: Mapping[str, Column]) -> bool:
    """Whether this is the mask (rows, groups, items) of a nested column beside it.

    Where nobody knows the columns yet, it is if it looks like one.
    """
    if not isinstance(name, str) or not name.endswith("_mask") or name[:-5] not in data:
        return False
    if columns:
        of = columns.get(name[:-5])
        return of is not None and of.nested and name not in columns
    mask = _shape(data[name])
    if len(mask) != 3 or _shape(data[name[:-5]])[:3] != mask:
        return False
    return as_numpy(data[name]).dtype == np.bool_


def _shape(value: Any) -> tuple[int, ...]:
    """Return the shape of an array, () of lists that make none."""
    try:
        return np.shape(value)
    except ValueError:
        return ()


def _sliceable(value: Any) -> Any:
    """Return the values as something that rows can be cut from."""
    known = (list, tuple, np.ndarray, Ragged, Joined)
    return value if isinstance(value, known) else as_numpy(value)


def _every_row(rows: int) -> Kept:
    return Kept(np.arange(rows + 1, dtype=np.int64), 1)


def _row_count(data: Mapping[str, Any]) -> int:
    value = next(iter(data.values()))
    shape = getattr(value, "shape", None)
    if shape is not None and len(shape) == 0:
        raise SchemaError("a row table takes arrays of one value a row, not single values")
    return len(value) if shape is None else int(shape[0])


def _width(data: Mapping[str, Any]) -> int | None:
    for value in data.values():
        shape: tuple[int, ...] = getattr(value, "shape", ())
        if len(shape) > 1 and not isinstance(value, Ragged):
            return int(shape[1])
    return None


def _kept_by_columns(data: Mapping[str, Any]) -> Kept:
    for value in data.values():
        if isinstance(value, Ragged):
            return Kept(value.offsets, None)
        if isinstance(value, (list, tuple)) and is_nested(value):
            return kept_from_lengths(np.diff(row_offsets(value)))
    value = next(iter(data.values()))
    array = as_numpy(np.ma.getdata(value) if isinstance(value, np.ma.MaskedArray) else value)
    if array.ndim < 2:
        raise SchemaError(
            f"column {next(iter(data))!r}: shape {array.shape} is not (rows, width, ...); a table "
            "of one value a row is made with ragged=False"
        )
    return kept_from_lengths(np.full(len(array), array.shape[1]), array.shape[1])
