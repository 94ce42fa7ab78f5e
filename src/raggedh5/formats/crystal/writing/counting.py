"""How many items each structure of a padded batch has, by whatever in the batch says it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.arrays import as_int64, as_numpy
from raggedh5.core.kept import kept_from_mask
from raggedh5.core.row_messages import where
from raggedh5.errors import SchemaError
from raggedh5.formats.crystal.schema import Group

__all__ = ["Counts", "count_items", "integers_of", "is_list_of_rows", "lengths_of_rows"]

Lengths = NDArray[np.int64]


class Counts:
    """What is kept of a padded batch.

    Attributes
    ----------
    lengths : ndarray of int64, shape (structures,)
        Items of each structure.
    mask : ndarray of bool, shape (structures, width), or None
        Which places they are at, where the batch has a mask.
    pattern : ndarray of bool, shape (structures, width), or None
        The same where these are not the first ones of every row.
    said_by : str
        The key that told, for messages.
    """

    def __init__(self, lengths: Lengths, said_by: str) -> None:
        self.lengths = lengths
        self.said_by = said_by
        self.mask: NDArray[Any] | None = None
        self.pattern: NDArray[Any] | None = None

    @classmethod
    def of_mask(cls, mask: NDArray[Any], said_by: str) -> "Counts":
        """Return what a mask, bool (structures, width), keeps."""
        kept = kept_from_mask(mask)
        found = cls(kept.lengths, said_by)
        found.mask = mask
        found.pattern = None if kept.mask is None else mask
        return found


def count_items(
    group: Group,
    batch: Mapping[str, Any],
    values: Mapping[str, Any],
    width: int | None,
    stored: Callable[[], Lengths | None],
) -> Counts:
    """Find out how many items each structure has.

    Parameters
    ----------
    group
        The kind of item.
    batch
        The batch, with its mask and counts.
    values
        Its columns.
    width
        Places that a padded row has, None where no array says it.
    stored
        Returns what is known of these structures from before, -1 for one that is not; or None.

    Raises
    ------
    SchemaError
        If nothing says it, or two disagree.
    """
    found: Counts | None = None
    mask = batch.get(group.mask) if group.mask else None
    if mask is not None:
        found = Counts.of_mask(_mask_of(group.mask or "", mask), group.mask or "")
    count = batch.get(group.count) if group.count else None
    if count is not None:
        lengths = integers_of(group.count or "", count)
        found = _agreed(found, Counts(lengths, group.count or ""))
    for name, value in values.items():
        if is_list_of_rows(value):
            told = lengths_of_rows(name, value)
            if found is None:
                found = Counts(told, name)
            else:
                _check_list(found, name, value, told, width)
    known = stored() if found is None else None
    if known is not None:
        if (known < 0).any():
            row = int((known < 0).argmax())
            raise SchemaError(
                f"row {row}: nothing says how many {group.name} it has: write what was extracted "
                f"first, or give {group.mask!r} or {group.count!r}"
            )
        found = Counts(known, "what was written before")
    if found is None:
        keys = [repr(key) for key in (group.mask, group.count) if key]
        raise SchemaError(
            f"nothing says how many {group.name} each structure has: give "
            f"{', '.join([*keys, 'or lists as long as they are'])}"
        )
    return found


def is_list_of_rows(value: Any) -> bool:
    """Whether a value is one list (or array) for each structure."""
    return isinstance(value, (list, tuple)) and (
        not value or any(isinstance(row, (list, tuple, np.ndarray)) for row in value)
    )


def lengths_of_rows(name: str, rows: Sequence[Any]) -> Lengths:
    """Return how long the list of each structure is.

    Raises
    ------
    SchemaError
        Naming the first structure that has none.
    """
    try:
        return np.fromiter(map(len, rows), np.int64, len(rows))
    except TypeError:
        row = next(i for i, items in enumerate(rows) if not hasattr(items, "__len__"))
        raise SchemaError(
            f"{where(name, row)}a list is wanted, not {type(rows[row]).__name__}"
        ) from None


def integers_of(name: str, count: Any) -> Lengths:
    """Return one integer for each structure, or item: floats if they are whole, (n, 1) as (n,).

    Raises
    ------
    SchemaError
        If they are something else.
    """
    numbers = as_numpy(count)
    if numbers.ndim == 2 and numbers.shape[1] == 1:
        numbers = numbers[:, 0]
    whole = numbers.dtype.kind in "iu" or (numbers.dtype.kind == "f" and (numbers % 1 == 0).all())
    if numbers.ndim != 1 or (numbers.size and not whole):
        raise SchemaError(
            f"{where(name)}one integer each is wanted, not {numbers.dtype} of shape {numbers.shape}"
        )
    return as_int64(numbers)


def _mask_of(name: str, mask: Any) -> NDArray[Any]:
    flags = as_numpy(mask)
    if flags.ndim != 2:
        raise SchemaError(f"{where(name)}shape (structures, width) is wanted, not {flags.shape}")
    return flags if flags.dtype == np.bool_ else flags != 0


def _agreed(found: Counts | None, other: Counts) -> Counts:
    if found is None:
        return other
    if len(found.lengths) != len(other.lengths):
        raise SchemaError(
            f"{where(other.said_by)}{len(other.lengths)} structures, but {found.said_by!r} has "
            f"{len(found.lengths)}"
        )
    wrong = found.lengths != other.lengths
    if wrong.any():
        row = int(wrong.argmax())
        raise SchemaError(
            f"{where(other.said_by, row)}{other.lengths[row]} items, but {found.said_by!r} keeps "
            f"{found.lengths[row]}"
        )
    return found


def _check_list(
    found: Counts, name: str, rows: Sequence[Any], told: Lengths, width: int | None
) -> None:
    """Refuse lists that are neither as long as they should be, nor padded with nothing."""
    if len(told) != len(found.lengths):
        raise SchemaError(
            f"{where(name)}{len(told)} structures, but {found.said_by!r} has {len(found.lengths)}"
        )
    other = told != found.lengths
    if not other.any():
        return
    padded = int(told.max()) if width is None else width
    for row in np.flatnonzero(other).tolist():
        items, count = rows[row], int(found.lengths[row])
        if told[row] == padded > count and (found.mask is not None or _is_blank(items[count:])):
            continue
        raise SchemaError(
            f"{where(name, row)}{told[row]} items, but {found.said_by!r} keeps {count}"
        )


def _is_blank(rest: Any) -> bool:
    """Whether there are no strings but empty ones among items."""
    return not any(isinstance(item, (str, bytes)) and item for item in rest)
