"""Structures as records of Awkward Array."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.ragged import Ragged
from raggedh5.formats.crystal.schema import Group
from raggedh5.formats.crystal.writing.structures import REFCODE

__all__ = ["to_records"]


def to_records(refcodes: NDArray[Any], parts: Sequence[tuple[Group, dict[str, Any]]]) -> Any:
    """Return one record a structure.

    Parameters
    ----------
    refcodes : ndarray of StringDType, shape (structures,)
        Their refcodes.
    parts
        For each group its values by field: arrays (structures, ...), or `Ragged`.

    Returns
    -------
    awkward.Array
        Fields with one value as they are, each group of items as a list of records by its name.
        Items that were computed for only some of the structures are a list of their own,
        ``<group>_computed``.
    """
    import awkward as ak

    rows = len(refcodes)
    every = np.arange(rows + 1, dtype=np.int64)
    fields: dict[str, Any] = {REFCODE: _flat(refcodes, every)}
    for group, values in parts:
        lists: list[tuple[Ragged, dict[str, Any]]] = []
        for name, value in values.items():
            if not isinstance(value, Ragged):
                fields[name] = _flat(value, every)
                continue
            own = next((d for first, d in lists if _same_rows(first, value)), None)
            if own is None:
                lists.append((value, own := {}))
            own[name] = value.to_awkward()
        for number, (_, columns) in enumerate(lists):
            name = group.name if number == 0 else group.computed
            fields[name] = ak.zip(columns, depth_limit=2)
    return ak.zip(fields, depth_limit=1)


def _same_rows(one: Ragged, other: Ragged) -> bool:
    return one.offsets is other.offsets or np.array_equal(one.offsets, other.offsets)


def _flat(values: Any, every: NDArray[np.int64]) -> Any:
    """Return one value a structure as an Awkward array."""
    return Ragged(values, every).to_awkward()[:, 0]
