"""One table or array of an archive into a file, a batch of rows after the other."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.cli.npz import Member
from raggedh5.cli.plan import Plan
from raggedh5.cli.reduce import reduced_dtype, reduced_values
from raggedh5.core.row_messages import shifted
from raggedh5.core.schema import storable
from raggedh5.core.strings import encode
from raggedh5.errors import SchemaError
from raggedh5.store.file import File

__all__ = ["pack_plan"]

BATCH = 1 << 22
"""Bytes of a batch: enough to keep the threads busy, little enough to stay in the cache."""

Advance = Callable[[int], None]


def pack_plan(file: File, plan: Plan, reduce: bool, advance: Advance) -> None:
    """Write what `plan` says into `file`.

    Parameters
    ----------
    file
        Open for writing.
    plan
        A table or array that is not there yet.
    reduce
        Whether numbers of 64 bits become half as large.
    advance
        Called with the number of bytes that were read.

    Raises
    ------
    SchemaError
        If values do not fit; it names column and row.
    FormatError
        If the archive turns out to be damaged.
    WriteError
        If the file cannot be written.
    """
    if plan.array is not None:
        _pack_array(file, plan.name, plan.array, reduce, advance)
    else:
        _pack_table(file, plan, reduce, advance)


def _pack_array(file: File, name: str, member: Member, reduce: bool, advance: Advance) -> None:
    if not member.shape:
        _pack_scalar(file, name, member)
        advance(member.nbytes)
        return
    dtype = reduced_dtype(member.dtype) if reduce else member.dtype
    array = file.create_array(name, shape=(0, *member.shape[1:]), dtype=dtype)
    first = 0
    with contextlib.closing(member.rows(_step(member.row_bytes))) as blocks:
        for block in blocks:
            values = reduced_values(block, None, name, first) if reduce else block
            array.append(values)
            first += len(block)
            advance(block.nbytes)


def _pack_scalar(file: File, name: str, member: Member) -> None:
    """Write a single value as a scalar of HDF5, under the rules for items of an array."""
    value = member.read()
    if value.dtype.kind in "US":
        data, _ = encode(value.reshape(1), name=name)
        if 0 in data:
            raise SchemaError(f"{name!r}: HDF5 has no single text with a NUL in it")
        file.h5.create_dataset(name, data=data.tobytes().decode())
        return
    storable(value.dtype)
    file.h5.create_dataset(name, data=value)


def _pack_table(file: File, plan: Plan, reduce: bool, advance: Advance) -> None:
    table = file.create_table(plan.name, ragged=plan.ragged)
    first = 0
    for blocks in _batches(plan):
        data = {column: blocks[member.name] for column, member in plan.columns.items()}
        mask = blocks[plan.mask.name] if plan.mask else None
        lengths = blocks[plan.lengths.name] if plan.lengths else None
        if reduce:
            kept = _kept(data, mask, lengths)
            data = {
                column: reduced_values(values, kept, plan.columns[column].name, first)
                for column, values in data.items()
            }
        try:
            table.append(data, mask=mask, lengths=lengths)
        except SchemaError as error:
            raise shifted(error, first) from error
        first += len(next(iter(data.values())))
        advance(sum(block.nbytes for block in blocks.values()))


def _batches(plan: Plan) -> Iterator[dict[str, NDArray[Any]]]:
    """Go through the members of a table side by side."""
    step = _step(sum(member.row_bytes for member in plan.members))
    with contextlib.ExitStack() as stack:
        readers = {
            member.name: stack.enter_context(contextlib.closing(member.rows(step)))
            for member in plan.members
        }
        for blocks in zip(*readers.values(), strict=True):
            yield dict(zip(readers, blocks, strict=True))


def _kept(
    data: dict[str, NDArray[np.generic]],
    mask: NDArray[np.generic] | None,
    lengths: NDArray[Any] | None,
) -> NDArray[np.bool_] | None:
    if mask is not None:
        return mask.astype(np.bool_)
    if lengths is None:
        return None
    width = next(iter(data.values())).shape[1]
    kept: NDArray[np.bool_] = np.arange(width) < lengths[:, None]
    return kept


def _step(row_bytes: int) -> int:
    """Return how many rows make a batch; those of no bytes at all go together."""
    return max(BATCH // row_bytes, 1) if row_bytes else sys.maxsize
