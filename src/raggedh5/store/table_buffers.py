"""The buffers of a new table, made when its first batch shows what columns it has."""

from collections.abc import Mapping

import h5py

from raggedh5.core.batch import Batch
from raggedh5.core.dictionary import Dictionary
from raggedh5.core.form import TableForm, main_buffer, parse_form
from raggedh5.core.schema import Column
from raggedh5.errors import RaggedH5Error, SchemaError, WriteError
from raggedh5.store.attributes import get_text, set_attributes
from raggedh5.store.facts import Facts
from raggedh5.store.handle import Handle
from raggedh5.store.layout import Storage, create_buffer, set_form

__all__ = ["create_buffers", "drop_buffers", "with_dictionary"]


def create_buffers(
    handle: Handle,
    group: h5py.Group,
    columns: Mapping[str, Column],
    storage: Storage,
    ragged: bool,
) -> tuple[TableForm, dict[str, Facts]]:
    """Create the buffers of these columns: all of them, or none.

    Raises
    ------
    SchemaError
        If HDF5 does not take what was asked for: a level that the codec does not have.
    WriteError
        If the file cannot be written to.
    """
    _drop_old_offsets(handle, group)
    form = set_form(group, columns, ragged)
    made: dict[str, Facts] = {}
    try:
        for name, field in form.fields.items():
            column = columns[name]
            stored = storage.with_codec(column.codec)
            for buffer, dtype in field.buffers().items():
                values = buffer == field.values
                inner = column.shape if values else ()
                facts = made[buffer] = create_buffer(group, buffer, dtype, inner, stored)
                if column.attrs and buffer == main_buffer(field):
                    set_attributes(facts.dataset, column.attrs)
                if column.finite and values:
                    facts.dataset.attrs["finite"] = True
        if form.offsets is not None:
            made[form.offsets] = create_buffer(group, form.offsets, form.offsets_dtype, (), storage)
    except BaseException as error:
        drop_buffers(group, form, ragged)
        if isinstance(error, RaggedH5Error):
            raise
        if isinstance(error, (TypeError, ValueError)):
            raise SchemaError(f"its buffers could not be created: {error}") from error
        if isinstance(error, (OSError, RuntimeError)):
            raise WriteError(f"{group.name} could not be created: {error}") from error
        raise
    return form, made


def drop_buffers(group: h5py.Group, form: TableForm, ragged: bool) -> None:
    """Delete the buffers of a form, those that there are, and leave the table without a column."""
    names = [name for field in form.fields.values() for name in field.buffers()]
    for name in [*names, form.offsets]:
        if name is not None and name in group:
            del group[name]
    set_form(group, {}, ragged)


def with_dictionary(column: Column, batch: Batch, name: str) -> Column:
    """Settle whether a column of strings gets a dictionary: where strings come up twice or more."""
    if not column.is_string:
        return column
    if column.dictionary is not None or column.nullable:
        return column.with_dictionary(bool(column.dictionary))
    strings, kept = batch.strings(name)
    trial = Dictionary()
    count = len(trial.encode(strings, kept=kept, name=name))
    return column.with_dictionary(count >= 2 * len(trial) and count > 0)


def _drop_old_offsets(handle: Handle, group: h5py.Group) -> None:
    """Delete the offsets of a table that was closed without a column."""
    if not len(group):
        return
    old = parse_form(get_text(group.id, "form") or "").offsets
    if old is not None and old in group:
        del group[old]
        handle.forget(f"{group.name}/{old}")
