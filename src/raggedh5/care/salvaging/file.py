"""The salvage of a whole file, in this process: what `raggedh5.care.repair` has a child do."""

import json
import math
from collections.abc import Sequence
from typing import Any

from raggedh5.care.isolation.pulse import Pulse
from raggedh5.care.isolation.worker import MOST_THREADS
from raggedh5.care.salvaging.table import Ranges, TableSalvage
from raggedh5.core.chunks import TARGET
from raggedh5.core.form import main_buffer
from raggedh5.core.pipeline import available_threads
from raggedh5.core.pipeline_codecs import codec_like
from raggedh5.core.schema import Column
from raggedh5.errors import FormatError, SchemaError, WriteError
from raggedh5.store.attributes import set_number, set_text
from raggedh5.store.damage import PROBLEMS
from raggedh5.store.facts import Facts, address_of
from raggedh5.store.file import File
from raggedh5.store.filters import missing_filters
from raggedh5.store.handle import Handle
from raggedh5.store.layout import ENCODING, ENCODING_VERSION
from raggedh5.store.link_copy import add_link
from raggedh5.store.pieces import Pieces
from raggedh5.store.sums import FORMAT_VERSION
from raggedh5.store.verbatim import (
    copy_attributes,
    copy_object,
    copy_values,
    create_like,
    has_objects,
)
from raggedh5.store.walk import Found, attributes, survey

__all__ = ["salvage_file"]

OWN = ("encoding-type", "encoding-version", "raggedh5-version", "form", "length")
"""Attributes that make a group a table."""

OF_BUFFERS = ("encoding-type", "encoding-version", "finite")


def salvage_file(path: str, target: str, skip: Sequence[str], pulse: Pulse) -> dict[str, Any]:
    """Write what can be read of a file to another; see `raggedh5.care.repair.repair`.

    Parameters
    ----------
    path, target
        The file, and the one to be made.
    skip
        Paths of objects that HDF5 is not to be asked for.
    pulse
        Told how far the work is.

    Returns
    -------
    dict
        As JSON knows it: ``tables``, ``arrays`` and ``lost``.

    Raises
    ------
    FormatError
        If HDF5 cannot open the file.
    WriteError
        If the target cannot be written.
    """
    threads = min(available_threads(), MOST_THREADS)
    pulse.at("")
    with File(path) as source, File(target, "w", threads=threads) as made:
        handle = Handle(source.h5, threads=threads, adopted=True)
        writing = Handle(made.h5, threads=1, adopted=True)
        try:
            return _Salvage(handle, made, writing, frozenset(skip), pulse).run()
        finally:
            handle.release()
            writing.release()


class _Salvage:
    """A file that is being salvaged."""

    def __init__(
        self, handle: Handle, made: File, writing: Handle, skip: frozenset[str], pulse: Pulse
    ) -> None:
        self.handle = handle
        self.made = made
        self.writing = writing
        self.skip = skip
        self.pulse = pulse
        self.tables: list[dict[str, Any]] = []
        self.arrays: list[dict[str, Any]] = []
        self.lost: list[dict[str, str]] = []
        self._done = 0
        self._total = handle.file.id.get_filesize()

    def run(self) -> dict[str, Any]:
        """Copy everything that can be read."""
        self._copy_attributes("/", self.handle.file, self.made.h5)
        for found in survey(self.handle.file, self.pulse.at, self.skip):
            try:
                self._copy(found)
            except WriteError:
                raise
            except PROBLEMS as error:
                self._drop(found.path, error)
        return {"tables": self.tables, "arrays": self.arrays, "lost": self.lost}

    def _copy(self, found: Found) -> None:
        root, path = self.made.h5, found.path
        if found.kind == "lost":
            self._lose(path, found.target[0])
        elif found.kind in ("soft", "external"):
            add_link(root, path, found)
        elif found.kind == "again":
            if found.target[0] in root:
                add_link(root, path, found)
            else:
                self._lose(path, f"it is the same object as {found.target[0]}")
        elif found.kind == "type":
            copy_object(found.item, root, path)
        elif found.kind == "group":
            self._copy_attributes(path, found.item, root.require_group(path))
        elif found.kind == "table":
            self._copy_table(found)
        else:
            self._copy_array(path, found.item)

    def _copy_array(self, path: str, dataset: Any) -> None:
        facts = Facts(dataset, path)
        virtual = facts.virtual or facts.id.get_create_plist().get_external_count()
        if virtual or has_objects(facts) or dataset.shape is None:
            copy_object(dataset, self.made.h5, path)
            self.arrays.append(_array(path, facts, []))
            return
        pieces = Pieces(self.handle, facts)
        bad: set[int] = set()
        for piece in pieces.all() if pieces.map is not None else ():
            try:
                pieces.read(piece)
            except PROBLEMS:
                bad.update(part.chunks.start for part, _ in pieces.damaged(piece))
            self._advance(piece.chunks.stop - piece.chunks.start)
        rows = pieces.map.sums.kept_rows() if pieces.map is not None else None
        if rows is not None and rows != facts.shape[0]:
            self._lose(path, f"it has {facts.shape[0]} rows, but was written with {rows}")
            facts.shape = (min(rows, facts.shape[0]), *facts.inner)
        try:
            target = create_like(facts, self.made.h5, path)
        except FormatError:
            if bad or pieces.missing():
                raise
            copy_object(dataset, self.made.h5, path)
            self.arrays.append(_array(path, facts, []))
            return
        lost = copy_values(pieces, target, self.writing, bad)
        lost += [(p.box[0].start, p.box[0].stop) for p in pieces.missing()]
        self.writing.sums.save()
        self.writing.sums.of(Facts(target)).keep_rows(facts.shape[0] if facts.shape else 0)
        self._copy_attributes(path, dataset, target)
        self.arrays.append(_array(path, facts, _joined(lost)))

    def _copy_table(self, found: Found) -> None:
        path, group = found.path, found.item
        try:
            table = TableSalvage(self.handle, group, self.skip, self.pulse.at)
            if table.form.fields and not table.columns:
                raise FormatError(f"no column of {path} can be read")
            self.pulse.at(path)
            lost = table.scan(self._advance)
            if table.form.fields and not table.columns:
                raise FormatError(f"no column of {path} can be read")
        except PROBLEMS as error:
            self._lose(path, f"{error}; what can be read of its buffers is kept as arrays")
            self._copy_buffers(found)
            return
        whole = not lost and self._copy_as_it_is(table, group, path)
        if not whole:
            self._write_anew(table, group, path, lost)
        self.tables.append(
            {
                "path": path,
                "rows": table.rows,
                "lost": lost,
                "dropped": table.dropped,
                "notes": table.notes,
            }
        )

    def _copy_as_it_is(self, table: TableSalvage, group: Any, path: str) -> bool:
        """Copy the buffers chunk by chunk; return False where that leaves something out."""
        target = self.made.h5.create_group(path)
        buffers = {name: facts for c in table.columns for name, facts in table.buffers[c].items()}
        try:
            if table.form.offsets is not None and table.form.offsets in group:
                buffers[table.form.offsets] = Facts(group[table.form.offsets])
            for name, facts in buffers.items():
                made = create_like(facts, target, name)
                if copy_values(Pieces(self.handle, facts), made, self.writing):
                    raise FormatError(f"{facts.name} cannot be read whole")
                self._copy_attributes(facts.name, facts.dataset, made)
        except FormatError:
            del self.made.h5[path]
            self.writing.forget(path)
            return False
        self._copy_attributes(path, group, target, OWN)
        set_text(target.id, "encoding-type", ENCODING)
        set_text(target.id, "encoding-version", ENCODING_VERSION)
        read, unread = attributes(group)
        if "raggedh5-version" in read or unread:  # AnnData does not write it
            set_number(target.id, "raggedh5-version", FORMAT_VERSION)
        form = _form_without(table.text, table.dropped)
        set_text(target.id, "form", form)
        set_number(target.id, "length", table.rows)
        self.writing.sums.save()
        self.writing.sums.keep_table(path, address_of(target.id), table.rows, form)
        return True

    def _write_anew(self, table: TableSalvage, group: Any, path: str, lost: Ranges) -> None:
        """Append the rows that are left to a new table."""
        try:
            self._append_rows(table, path, lost, finite=True)
        except SchemaError:
            del self.made.h5[path]
            self.writing.forget(path)
            table.notes.append(f"{path}: columns that say that they are finite are not")
            self._append_rows(table, path, lost, finite=False)
        self._copy_attributes(path, group, self.made.h5[path], OWN)

    def _append_rows(self, table: TableSalvage, path: str, lost: Ranges, finite: bool) -> None:
        columns, chunk_bytes = {}, 1
        for name in table.columns:
            field, buffers = table.form.fields[name], table.buffers[name]
            spec, main = field.column, buffers[main_buffer(field)]
            said = attributes(buffers[field.values].dataset)[0].get("finite", False)
            attrs, problems = attributes(main.dataset)
            for why in problems.values():
                self._lose(main.name, why)
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
        made = self.made.create_table(path, columns, ragged=ragged, chunk_bytes=chunk_bytes)
        for batch in table.kept(lost):
            made.append(batch)
            self.pulse(self._done, self._total)
        self.made.flush()

    def _copy_buffers(self, found: Found) -> None:
        """Keep the datasets of what is no table any more."""
        group = self.made.h5.require_group(found.path)
        self._copy_attributes(found.path, found.item, group, OWN)
        for part in survey(found.item, self.pulse.at, self.skip):
            inside = Found(f"{found.path}{part.path}", part.kind, part.item, part.target)
            try:
                self._copy(inside)
            except WriteError:
                raise
            except PROBLEMS as error:
                self._drop(inside.path, error)

    def _copy_attributes(
        self, path: str, source: Any, target: Any, skip: tuple[str, ...] = ()
    ) -> None:
        for why in copy_attributes(source, target, skip):
            self._lose(path, why)

    def _drop(self, path: str, error: BaseException) -> None:
        """Leave an object out, and the half of it that has been written."""
        self._lose(path, str(error) or type(error).__name__)
        if isinstance(error, UnicodeError):  # a name that h5py cannot have made anything of
            return
        if self.made.h5.get(path, getlink=True) is not None:
            del self.made.h5[path]
            self.writing.forget(path)

    def _lose(self, path: str, why: str) -> None:
        self.lost.append({"path": path, "why": why[:1000]})

    def _advance(self, _: int) -> None:
        self._done = min(self._done + 1, self._total)
        self.pulse(self._done, self._total)


def _array(path: str, facts: Facts, filled: Ranges) -> dict[str, Any]:
    return {"path": path, "rows": facts.shape[0] if facts.shape else 1, "filled": filled}


def _codec_of(facts: Facts) -> Any:
    """Return the codec of a dataset, the default where it has none, or not here."""
    if not facts.chunks or missing_filters(facts.pipeline):
        return "inherit"
    return codec_like(facts.pipeline)


def _joined(ranges: Ranges) -> Ranges:
    joined: Ranges = []
    for start, stop in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], stop)
        else:
            joined.append((start, stop))
    return joined


def _form_without(text: str, dropped: Any) -> str:
    """Return the form of a table without some of its columns."""
    if not dropped:
        return text
    form = json.loads(text)
    record = form["content"] if form["class"].startswith("ListOffset") else form
    kept = [i for i, name in enumerate(record["fields"]) if name not in dropped]
    record["contents"] = [record["contents"][i] for i in kept]
    record["fields"] = [record["fields"][i] for i in kept]
    return json.dumps(form)
