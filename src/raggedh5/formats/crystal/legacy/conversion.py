"""Files of crystal structures from the old layout to tables, and back, checked field by field."""

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from raggedh5.care.progress import Progress, silent
from raggedh5.care.targets import check_target, new_file
from raggedh5.care.work import Work
from raggedh5.errors import FormatError
from raggedh5.formats.crystal.fields import SCHEMA
from raggedh5.formats.crystal.legacy.from_legacy import OldFile, write_tables
from raggedh5.formats.crystal.legacy.to_legacy import write_old
from raggedh5.formats.crystal.legacy.values import same_element
from raggedh5.formats.crystal.legacy.view import legacy_view
from raggedh5.formats.crystal.schema import Schema
from raggedh5.formats.crystal.writing.structures import REFCODE, REFCODES
from raggedh5.store.damage import damage_told
from raggedh5.store.file import File

__all__ = ["ConversionReport", "convert"]

BLOCK = 256
"""Structures that are converted at a time."""


@dataclass(frozen=True)
class ConversionReport:
    """What `convert` did.

    ``layout`` is that of the new file, ``"tables"`` or ``"legacy"``; ``fields`` are the names that
    were converted, and compared with the source afterwards if ``checked``; ``left_out`` are other
    objects of the source.
    """

    source: str
    target: str
    layout: str
    structures: int
    fields: tuple[str, ...]
    left_out: tuple[str, ...]
    checked: bool
    source_bytes: int
    target_bytes: int

    def as_dict(self) -> dict[str, Any]:
        """Return it as objects for `json.dumps`."""
        return {"format": 1, **asdict(self)}


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    leave_out: Iterable[str] = (),
    check: bool = True,
    overwrite: bool = False,
    threads: int | None = None,
    schema: Schema = SCHEMA,
    progress: Progress = silent,
) -> ConversionReport:
    """Convert a file of crystal structures to the other layout than it has.

    Parameters
    ----------
    source
        A file with a variable-length value for each structure and field, or one of tables.
    target
        The new file; it is there when it is complete and equal.
    leave_out
        Fields that are not converted.
    check
        Read both files again, and compare every field of every structure.
    overwrite
        Replace `target` if it exists.
    threads
        Threads that code and decode; None: one for each core available.
    schema
        The fields.
    progress
        Called with the structures that are done, and those that there are, counted twice if they
        are checked.

    Returns
    -------
    ConversionReport

    Raises
    ------
    FormatError
        If `source` has no crystal structures or is damaged, or the new file is not equal to it.
    SchemaError
        Naming field and structure of values that are not as many as there are items.
    WriteError
        If `target` cannot be written, exists, or is `source`.

    Notes
    -----
    The old layout pads the lists of a fragment's atoms to the largest fragment of a batch; going
    back, to that of the structure. It leaves atoms out of ``atom_fragment_id`` that are of no
    fragment: where that happened, nobody can say which, and the field has to be left out.
    """
    source, target = Path(source), Path(target)
    check_target([source], target, overwrite)
    unwanted = {schema.fields[f.name].name if (f := schema.field(n)) else n for n in leave_out}
    with damage_told(source), File(source, threads=threads) as file:
        to_tables = REFCODES not in file
        old = OldFile(file, schema, unwanted) if to_tables else None
        view = None if to_tables else legacy_view(file, schema=schema)
        if old is not None and old.structures is None:
            raise FormatError(
                f"{source} has no crystal structures: neither a table /{REFCODES} nor a dataset "
                f"/{REFCODE}"
            )
        rows = len(view[REFCODE]) if view is not None else int(old.structures or 0) if old else 0
        fields: list[str] = []
        left: list[str] = []
        with (
            Work(progress, rows * (2 if check else 1), threads) as work,
            new_file(file, target, overwrite) as made,
        ):
            if old is not None:
                write_tables(old, made, schema, BLOCK, work.advance)
                fields, left = list(old.fields), old.left_out
            elif view is not None:
                fields = [name for name in view if name not in unwanted]
                write_old(view, fields, made, BLOCK, work.advance)
                left = [name for name in view if name in unwanted]
            made.flush()
            if check:
                new: Any = legacy_view(made, schema=schema) if to_tables else made.h5
                _compare(file.h5 if to_tables else view, new, fields, rows, schema, work)
    return ConversionReport(
        str(source),
        str(target),
        "tables" if to_tables else "legacy",
        rows,
        tuple(fields),
        tuple(left),
        check,
        source.stat().st_size,
        target.stat().st_size,
    )


def _compare(
    one: Any, other: Any, fields: list[str], rows: int, schema: Schema, work: Work
) -> None:
    """Refuse a new file that differs from its source."""
    for first in range(0, rows, BLOCK):
        part = slice(first, min(first + BLOCK, rows))
        sizes = one["fragment_n_atoms"][part] if "fragment_n_atoms" in one else None
        for name in fields:
            field = schema.fields.get(name)
            nested = field is not None and field.nested
            pairs = zip(one[name][part], other[name][part], strict=True)
            for at, (value, copy) in enumerate(pairs):
                lists = sizes[at] if nested and sizes is not None else None
                if not same_element(value, copy, lists, field):
                    raise FormatError(
                        f"{name!r} of structure {first + at} is not the same in the new file, "
                        "which was dropped"
                    )
        work.advance(part.stop - first)
