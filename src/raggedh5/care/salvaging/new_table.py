"""What is left of a damaged table, in a new file: as it is stored, or row by row."""

import math
from collections.abc import Callable
from typing import Any

from raggedh5.care.salvaging.table import Ranges, TableSalvage
from raggedh5.care.salvaging.target import Target
from raggedh5.core.chunks import TARGET
from raggedh5.core.form import main_buffer, with_columns
from raggedh5.core.pipeline_codecs import codec_like
from raggedh5.core.schema import Column
from raggedh5.errors import FormatError, SchemaError
from raggedh5.store.attributes import set_number, set_text
from raggedh5.store.copying.verbatim import copy_values, create_like
from raggedh5.store.facts import Facts, address_of
from raggedh5.store.filters import missing_filters
from raggedh5.store.layout import ENCODING, ENCODING_VERSION
from raggedh5.store.pieces import Pieces
from raggedh5.store.stored_sums import FORMAT_VERSION
from raggedh5.store.walk import attributes

__all__ = ["OWN", "copy_table", "write_table"]

OWN = ("encoding-type", "encoding-version", "raggedh5-version", "form", "length")
"""Attributes that make a group a table."""

OF_BUFFERS = ("encoding-type", "encoding-version", "finite")


def copy_table(target: Target, table: TableSalvage, group: Any, path: str) -> bool:
    """Copy the buffers chunk by chunk; return False where that leaves something out."""
    created = target.made.h5.create_group(path)
    buffers = {name: facts for c in table.columns for name, facts in table.buffers[c].items()}
    try:
        if table.form.offsets is not None and table.form.offsets in group:
            buffers[table.form.offsets] = Facts(group[table.form.offsets])
        for name, facts in buffers.items():
            made = create_like(facts, created, name)
            if copy_values(Pieces(table.handle, facts), made, target.writing):
                raise FormatError(f"{facts.name} cannot be read whole")
            target.copy_attributes(facts.name, facts.dataset, made)
    except FormatError:
        target.remove(path)
        return False
    target.copy_attributes(path, group, created, OWN)
    set_text(created.id, "encoding-type", ENCODING)
    set_text(created.id, "encoding-version", ENCODING_VERSION)
    read, unread = attributes(group)
    if "raggedh5-version" in read or unread:  # AnnData does not write it
        set_number(created.id, "raggedh5-version", FORMAT_VERSION)
    kept = [name for name in table.form.fields if name not in table.dropped]
    form = with_columns(table.text, kept)
    set_text(created.id, "form", form)
    set_number(created.id, "length", table.rows)
    target.writing.sums.save()
    target.writing.sums.keep_table(path, address_of(created.id), table.rows, form)
    return True


def write_table(
    target: Target,
    table: TableSalvage,
    group: Any,
    path: str,
    lost: Ranges,
    alive: Callable[[], None],
) -> None:
    """Append the rows that are left to a new table; `alive` is called from time to time."""
    try:
        _append_rows(target, table, path, lost, True, alive)
    except SchemaError:
        target.remove(path)
        table.notes.append(f"{path}: columns that say that they are finite are not")
        _append_rows(target, table, path, lost, False, alive)
    target.copy_attributes(path, group, target.made.h5[path], OWN)


def _append_rows(
    target: Target,
    table: TableSalvage,
    path: str,
    lost: Ranges,
    finite: bool,
    alive: Callable[[], None],
) -> None:
    columns, chunk_bytes = {}, 1
    for name in table.columns:
        field, buffers = table.form.fields[name], table.buffers[name]
        spec, main = field.column, buffers[main_buffer(field)]
        said = attributes(buffers[field.values].dataset)[0].get("finite", False)
        attrs, problems = attributes(main.dataset)
        for why in problems.values():
            target.lose(main.name, why)
        columns[name] = Column(
            spec.dtype,
            spec.shape,
            spec.nested,
            bool(field.codes) if spec.is_string else None,
            spec.nullable,
            finite=finite and bool(said) and not spec.is_string,
            codec=_codec_of(main),
            attrs={key: value for key, value in attrs.items() if key not in OF_BUFFERS},
        )
        for facts in buffers.values():
            size = facts.dtype.itemsize * math.prod(facts.chunks or ())
            chunk_bytes = max(chunk_bytes, size if facts.chunks else TARGET)
    ragged = table.form.offsets is not None
    made = target.made.create_table(path, columns, ragged=ragged, chunk_bytes=chunk_bytes)
    for batch in table.kept(lost):
        made.append(batch)
        alive()
    target.made.flush()


def _codec_of(facts: Facts) -> Any:
    """Return the codec of a dataset, the default where it has none, or not here."""
    if not facts.chunks or missing_filters(facts.pipeline):
        return "inherit"
    return codec_like(facts.pipeline)
