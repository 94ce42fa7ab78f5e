"""New tables like others: as they are, or some columns, or stored in another way."""

import posixpath
from collections.abc import Collection, Mapping, Sequence

import h5py

from raggedh5.core.form import FieldForm, main_buffer, with_columns
from raggedh5.core.schema import Column
from raggedh5.store.attributes import get_text, set_number, set_text
from raggedh5.store.copying.assembly import Assembly, Target
from raggedh5.store.copying.restorage import Restorage
from raggedh5.store.copying.table_assembly import TableAssembly, parts_of
from raggedh5.store.copying.table_source import TableSource
from raggedh5.store.copying.transfer import Transfer
from raggedh5.store.copying.virtual_assembly import VirtualAssembly
from raggedh5.store.facts import Facts
from raggedh5.store.layout import create_group, set_form

__all__ = ["OWN", "assemble_like", "copy_whole", "needed_extents"]

OWN = ("form", "length", "encoding-type", "encoding-version", "raggedh5-version")
"""Attributes of a table's group that are written anew."""


def copy_whole(
    transfer: Transfer,
    path: str,
    source: TableSource,
    columns: Sequence[str] | None = None,
    cut: bool = False,
) -> None:
    """Copy all rows of a table, its buffers as they are.

    Parameters
    ----------
    transfer
        From file to file.
    path
        The table's path in the target.
    source
        The table.
    columns
        Names of columns, None for all.
    cut
        Whether buffers that are longer than the table needs lose the rest.
    """
    form = source.form
    chosen = list(form.fields) if columns is None else list(columns)
    group = _group(transfer, path, source, chosen, keep_form=True)
    needed = needed_extents(source) if cut else {}
    names = [buffer for name in chosen for buffer in form.fields[name].buffers()]
    if form.offsets is not None and form.offsets in source.group:
        names.append(form.offsets)
    restorage = Restorage()
    for name in names:
        # A table without columns has offsets that its layout does not ask for.
        facts = source.buffers.get(name) or Facts(source.group[name])
        extent = needed.get(name, facts.shape[0])
        if extent < facts.shape[0] and facts.chunks and facts.plain:
            made = restorage.create(group, name, facts)
            transfer.attributes(facts.id, made.id)
            transfer.piece(source.reader(name), made, extent)
        else:
            transfer.buffer(source.handle, facts, group, name)
    set_number(group.id, "length", source.rows)


def assemble_like(
    transfer: Transfer,
    path: str,
    source: TableSource,
    columns: Mapping[str, Column],
    restorage: Restorage,
    rounding: bool = False,
    not_finite: Collection[str] = (),
    virtual: bool = False,
) -> TableAssembly:
    """Create an empty table with these columns, stored like those of another.

    Parameters
    ----------
    transfer
        From file to file.
    path
        The table's path in the target.
    source
        The table that attributes and storage are taken from.
    columns
        Its columns, all or some, perhaps with another dtype or without a dictionary.
    restorage
        How buffers are to be stored where that is to differ.
    rounding
        Whether floats may be rounded to another dtype.
    not_finite
        Columns that may hold NaN or infinity, whatever those of `source` say.
    virtual
        Whether values are to be left where they are, as virtual datasets.
    """
    group = _group(transfer, path, source, columns, keep_form=False)
    form = set_form(group, columns, source.form.offsets is not None)

    def make(buffer: str, column: str, field: FieldForm | None) -> Target:
        skip = ("finite",) if column in not_finite else ()
        like, given = _like(source, buffer, column, field)
        dtype = form.offsets_dtype
        inner: tuple[int, ...] = ()
        if field is not None:
            dtype = field.buffers()[buffer]
            inner = field.column.shape if buffer == field.values else ()

        def create() -> Assembly:
            made = restorage.create(group, buffer, like, dtype, inner)
            if given is not None:
                transfer.attributes(given.id, made.id, skip)
            return Assembly(transfer.target, made, restorage.blocksize)

        # A dictionary grows with the parts, and offsets are counted on from one to the next.
        maps = field is not None and (
            buffer in (field.codes, field.mask) or (buffer == field.values and not field.codes)
        )
        if not virtual or not maps or like is None or not like.dtype.itemsize or 0 in inner:
            return create()
        return VirtualAssembly(transfer, group, buffer, like, create, skip)

    return TableAssembly(group, form, make, rounding)


def _like(
    source: TableSource, buffer: str, column: str, field: FieldForm | None
) -> tuple[Facts | None, Facts | None]:
    """Return which buffer of a table a new one is stored like, and which gives it attributes."""
    if field is None:
        like = source.buffers.get(source.form.offsets or "")
        return like, like
    old = source.form.fields[column]
    part = {name: part for part, name in parts_of(field).items()}[buffer]
    twin = parts_of(old).get(part) if bool(old.codes) == bool(field.codes) else None
    if twin is not None:
        return source.facts(twin), source.facts(twin)
    # Strings get a dictionary, or lose it: the attributes go from one main buffer to the other.
    given = source.facts(main_buffer(old)) if buffer == main_buffer(field) else None
    return None, given


def needed_extents(source: TableSource) -> dict[str, int]:
    """Return how long each buffer of a table needs to be for its rows, by name."""
    form = source.form
    needed: dict[str, int] = {}
    if not form.fields:
        return needed
    items = source.items
    if form.offsets is not None:
        needed[form.offsets] = source.rows + 1
    for field in form.fields.values():
        needed[field.values] = items
        for buffer in (field.codes, field.mask):
            if buffer is not None:
                needed[buffer] = items
        if field.codes is not None:  # all of a dictionary counts
            count = source.facts(field.offsets).shape[0]
            needed[field.offsets or ""] = count
            needed[field.values] = source.ends(field.offsets, 0, count - 1)[1] if count else 0
        elif field.offsets is not None:
            needed[field.offsets] = items + 1
            needed[field.values] = source.ends(field.offsets, 0, items)[1]
    return {
        name: min(extent, source.facts(name).shape[0])  # nothing appended yet: no first offset
        for name, extent in needed.items()
    }


def _group(
    transfer: Transfer,
    path: str,
    source: TableSource,
    columns: Collection[str],
    keep_form: bool,
) -> h5py.Group:
    """Create the group of a table without columns, or with some in the form that the source has."""
    ragged = source.form.offsets is not None
    name = posixpath.basename(path)
    group = create_group(transfer.parent(path), name, {}, ragged)
    transfer.attributes(source.group.id, group.id, OWN)
    if keep_form:
        set_text(
            group.id, "form", with_columns(get_text(source.group.id, "form") or "", list(columns))
        )
    return group
