"""The items of one column of a damaged table: which can be read, and their values."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.form import FieldForm
from raggedh5.core.ragged import Ragged
from raggedh5.core.string_decode import decode_array, find_not_utf8, take_array
from raggedh5.store.facts import Facts
from raggedh5.store.handle import Handle
from raggedh5.store.partial import PartialReader

__all__ = ["Salvaged", "neighbours", "salvage_field"]

Flags = NDArray[np.bool_]
Indices = NDArray[np.int64]
Salvaged = tuple[Any, Flags]
"""Values of items, of any kind that a batch may have, and which of them are right."""


LONG = 64
"""Values of a list from which on lists are picked one by one; an index would be much larger."""


class FieldSalvage(Protocol):
    """Reads items of one column."""

    def read(self, start: int, stop: int) -> Salvaged:
        """Return the items start:stop; those that cannot be read are empty or 0."""


class Numbers:
    """Numbers of a fixed inner shape."""

    def __init__(self, handle: Handle, facts: Facts) -> None:
        self._values = PartialReader(handle, facts)

    def read(self, start: int, stop: int) -> Salvaged:
        """See `FieldSalvage`."""
        return self._values.read(start, stop)


class Masked:
    """Numbers that may be missing."""

    def __init__(self, handle: Handle, buffers: Mapping[str, Facts], field: FieldForm) -> None:
        self._values = PartialReader(handle, buffers[field.values])
        self._mask = PartialReader(handle, buffers[field.mask or ""])
        self._valid_when = field.valid_when

    def read(self, start: int, stop: int) -> Salvaged:
        """See `FieldSalvage`."""
        values, fine = self._values.read(start, stop)
        flags, known = self._mask.read(start, stop)
        missing = ((flags != 0) != self._valid_when).reshape(-1, *(1,) * (values.ndim - 1))
        masked = np.ma.MaskedArray(values, np.broadcast_to(missing, values.shape).copy())
        return masked, fine & known


class Lists:
    """Items that are lists: of numbers, or of bytes that are strings."""

    def __init__(self, handle: Handle, buffers: Mapping[str, Facts], field: FieldForm) -> None:
        self._offsets = PartialReader(handle, buffers[field.offsets or ""])
        self._values = PartialReader(handle, buffers[field.values])
        self._strings = field.column.is_string

    @property
    def count(self) -> int:
        """How many lists there are."""
        return max(self._offsets.extent - 1, 0)

    def read(self, start: int, stop: int) -> Salvaged:
        """See `FieldSalvage`."""
        if stop == start:
            values, _ = self._values.read(0, 0)
            return self._made(values, np.zeros(1, np.int64)), np.zeros(0, np.bool_)
        bounds, known = self._offsets.read(start, stop + 1)
        starts, stops, fine = neighbours(bounds.astype(np.int64), known, self._values.extent)
        if start == 0 and known[0] and bounds[0] != 0:
            fine[0] = False
        # What the good lists lead to lies in one piece, but for what bad ones own between them.
        low = int(starts[fine].min(initial=np.iinfo(np.int64).max)) if fine.any() else 0
        high = int(stops[fine].max(initial=0))
        data, there = self._values.read(low, max(high, low))
        starts, stops = np.where(fine, starts - low, 0), np.where(fine, stops - low, 0)
        if not there.all():
            broken = np.zeros(len(there) + 1, np.int32 if len(there) < 1 << 31 else np.int64)
            np.cumsum(~there, out=broken[1:])
            fine &= broken[starts] == broken[stops]
        lengths = np.where(fine, stops - starts, 0)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        values = data if fine.all() else _picked(data, starts, lengths, offsets)
        if self._strings:
            values, offsets = _without(values, offsets, _not_utf8(values, offsets, fine))
        return self._made(values, offsets), fine

    def _made(self, values: NDArray[Any], offsets: Indices) -> Any:
        return decode_array(values, offsets) if self._strings else Ragged(values, offsets)


class Dictionary:
    """Strings by their number in a dictionary."""

    def __init__(self, handle: Handle, buffers: Mapping[str, Facts], field: FieldForm) -> None:
        self._codes = PartialReader(handle, buffers[field.codes or ""])
        strings = Lists(handle, buffers, field)
        self._categories, self._fine = strings.read(0, strings.count)
        self._nullable = field.column.nullable

    def read(self, start: int, stop: int) -> Salvaged:
        """See `FieldSalvage`."""
        codes, fine = self._codes.read(start, stop)
        codes = codes.astype(np.int64)
        inside = (codes >= 0) & (codes < len(self._fine))
        missing = (codes == -1) & self._nullable
        there = np.zeros(len(codes), np.bool_)
        there[inside] = self._fine[codes[inside]]
        fine &= there | missing
        if self._nullable:
            texts = take_array(self._categories, np.where(there, codes, -1), nullable=True)
            return texts, fine
        texts = np.full(len(codes), "", np.dtypes.StringDType())
        texts[there] = self._categories[codes[there]]
        return texts, fine


def salvage_field(handle: Handle, buffers: Mapping[str, Facts], field: FieldForm) -> FieldSalvage:
    """Return what reads a column that may be damaged.

    Raises
    ------
    FormatError
        If nothing of it can be read: see `PartialReader`.
    """
    if field.codes is not None:
        return Dictionary(handle, buffers, field)
    if field.offsets is not None:
        return Lists(handle, buffers, field)
    if field.mask is not None:
        return Masked(handle, buffers, field)
    return Numbers(handle, buffers[field.values])


def neighbours(bounds: Indices, known: Flags, extent: int) -> tuple[Indices, Indices, Flags]:
    """Return where each list starts and stops, and which can be trusted.

    Where offsets fall, one of the two is wrong, and nobody knows which: the lists on both sides
    of either are not trusted.
    """
    starts, stops = bounds[:-1], bounds[1:]
    fine = known[:-1] & known[1:] & (starts >= 0) & (stops <= extent)
    falls = known[:-1] & known[1:] & (stops < starts)
    fine &= ~falls
    fine[1:] &= ~falls[:-1]
    fine[:-1] &= ~falls[1:]
    return starts, stops, fine


def _picked(
    data: NDArray[Any], starts: Indices, lengths: Indices, offsets: Indices
) -> NDArray[Any]:
    """Return the values of lists, one behind the other."""
    if len(data) > LONG * len(starts):
        parts = zip(starts.tolist(), lengths.tolist(), strict=True)
        return np.concatenate([data[:0], *(data[at : at + size] for at, size in parts if size)])
    picked: NDArray[Any] = data[
        np.repeat(starts - offsets[:-1], lengths) + np.arange(int(offsets[-1]))
    ]
    return picked


def _not_utf8(values: NDArray[np.uint8], offsets: Indices, fine: Flags) -> Flags:
    """Clear the flags of strings that are not UTF-8; return which these are."""
    bad = np.zeros(len(fine), np.bool_)
    at = 0
    while at < len(fine):
        found = find_not_utf8(values, offsets[at:])
        if found < 0:
            break
        bad[at + found] = True
        at += found + 1
    fine &= ~bad
    return bad


def _without(
    values: NDArray[np.uint8], offsets: Indices, bad: Flags
) -> tuple[NDArray[np.uint8], Indices]:
    """Make some strings empty."""
    if not bad.any():
        return values, offsets
    lengths = np.diff(offsets)
    kept = values[np.repeat(~bad, lengths)]
    return kept, np.concatenate([[0], np.cumsum(np.where(bad, 0, lengths))]).astype(np.int64)
