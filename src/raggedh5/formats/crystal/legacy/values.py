"""Values of structures as the old layout has them, and back."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.kept import kept_from_lengths
from raggedh5.core.packing import pack
from raggedh5.core.ragged import Ragged
from raggedh5.errors import SchemaError
from raggedh5.formats.crystal.schema import Field

__all__ = ["as_bytes", "filled", "flat_rows", "lists_of", "ragged_of", "same_element"]


def flat_rows(name: str, values: Ragged) -> Iterator[NDArray[Any]]:
    """Return the values of each structure as the old layout has them: flat, strings as bytes."""
    inside = values.values
    if isinstance(inside, Ragged):
        for lists in values:
            padded, _ = lists.to_padded()
            yield np.ascontiguousarray(padded).reshape(-1)
        return
    flat = as_bytes(inside) if inside.dtype.kind == "T" else filled(inside)
    for start, stop in zip(values.offsets[:-1].tolist(), values.offsets[1:].tolist(), strict=True):
        row = flat[start:stop].reshape(-1)
        # The old writer leaves atoms out that are of no fragment.
        yield row[row >= 0] if name == "atom_fragment_id" else row


def filled(values: Any) -> NDArray[Any]:
    """Return numbers with NaN, or 0, where they are missing."""
    if not isinstance(values, np.ma.MaskedArray):
        return np.asarray(values)
    fill = np.nan if values.dtype.kind in "fc" else 0
    found: NDArray[Any] = values.filled(fill)
    return found


def as_bytes(strings: NDArray[Any]) -> NDArray[Any]:
    """Return strings as an object array of bytes, as h5py reads them; none is empty."""
    found = np.empty(len(strings), object)
    found[:] = [b"" if text is None else text.encode() for text in strings.tolist()]
    return found


def ragged_of(
    name: str, field: Field | None, rows: Sequence[NDArray[Any]], lengths: NDArray[np.int64]
) -> Ragged:
    """Return the values of a field with a fixed number of values an item, out of flat elements.

    Parameters
    ----------
    name
        The field, for messages.
    field
        What it is; None where the schema does not have it, and its values are one axis.
    rows
        An element of each structure: flat numbers, or objects of bytes.
    lengths : ndarray of int64, shape (structures,)
        Items of each structure.

    Raises
    ------
    SchemaError
        Naming the first structure whose values are not as many as its items ask for.
    """
    offsets = kept_from_lengths(lengths).offsets
    if field is not None and field.is_string:
        texts = [text.decode() for row in rows for text in row]
        _check(name, rows, lengths)
        return Ragged(np.array(texts, np.dtypes.StringDType()), offsets)
    shape: tuple[int, ...] = () if field is None else field.shape
    if field is None or field.open_shape:
        total, items = sum(map(len, rows)), int(lengths.sum())
        each = total // items if items else 1
        shape = shape[:-1] + ((each,) if each != 1 or shape else ())
    _check(name, rows, lengths * int(np.prod(shape)))
    flat = np.concatenate(list(rows)) if len(rows) else np.empty(0)
    return Ragged(flat.reshape(-1, *shape), offsets)


def lists_of(
    name: str, field: Field, rows: Sequence[NDArray[Any]], sizes: Sequence[NDArray[np.int64]]
) -> Ragged:
    """Return the values of a field with a list in each item, out of flat, padded elements.

    Parameters
    ----------
    name, field
        The field.
    rows
        An element of each structure: its lists, padded to some width.
    sizes
        For each structure how long the list of each item is.

    Raises
    ------
    SchemaError
        Naming the first structure whose values are no rectangle, or too few.
    """
    each = int(np.prod(field.shape))
    pieces = []
    for number, (row, lengths) in enumerate(zip(rows, sizes, strict=True)):
        count = len(lengths)
        width = len(row) // (count * each) if count else 0
        if len(row) != width * count * each or (count and int(lengths.max()) > width):
            raise SchemaError(
                f"{name!r}, row {number}: {len(row)} values are no {count} lists of up to "
                f"{int(lengths.max(initial=0))}"
            )
        if count:
            padded = row.reshape(count, width, *field.shape)
            pieces.append(pack(padded, lengths=lengths)[0])
    values = np.concatenate(pieces) if pieces else np.empty((0, *field.shape), field.dtype)
    every = np.concatenate([np.zeros(0, np.int64), *sizes])
    inner = Ragged(values, kept_from_lengths(every).offsets)
    counts = np.array([len(lengths) for lengths in sizes], np.int64)
    return Ragged(inner, kept_from_lengths(counts).offsets)


def same_element(
    one: Any, other: Any, sizes: NDArray[Any] | None = None, field: Field | None = None
) -> bool:
    """Whether two elements of a field hold the same; NaN is the same as NaN.

    Parameters
    ----------
    one, other
        Flat arrays, objects of bytes, or single values.
    sizes
        For lists that are padded, how long each of them is; the padding may differ.
    field
        What the field is.
    """
    if sizes is not None and field is not None:
        lengths = [np.asarray(sizes, np.int64)]
        values = [lists_of(field.name, field, [np.asarray(row)], lengths) for row in (one, other)]
        one, other = (lists.values.values for lists in values)
    a, b = np.asarray(one), np.asarray(other)
    if a.shape != b.shape:
        return False
    if a.dtype.kind == "f" and b.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            return np.array_equal(a.astype(b.dtype), b, equal_nan=True)
    return np.array_equal(a, b)


def _check(name: str, rows: Sequence[NDArray[Any]], wanted: NDArray[np.int64]) -> None:
    have = np.fromiter(map(len, rows), np.int64, len(rows))
    wrong = have != wanted
    if wrong.any():
        row = int(wrong.argmax())
        raise SchemaError(f"{name!r}, row {row}: {have[row]} values, but {wanted[row]} are wanted")
