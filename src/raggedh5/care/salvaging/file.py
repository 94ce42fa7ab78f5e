"""The salvage of a whole file, in this process: what `raggedh5.care.repair` has a child do."""

from collections.abc import Sequence
from typing import Any

from raggedh5.care.isolation.pulse import Pulse
from raggedh5.care.isolation.worker import MOST_THREADS
from raggedh5.care.salvaging.new_table import OWN, copy_table, write_table
from raggedh5.care.salvaging.table import Ranges, TableSalvage
from raggedh5.care.salvaging.target import Target
from raggedh5.core.pipeline import available_threads
from raggedh5.errors import FormatError, WriteError
from raggedh5.store.copying.link_copy import add_link
from raggedh5.store.copying.verbatim import (
    copy_object,
    copy_values,
    create_like,
    has_objects,
)
from raggedh5.store.damage import PROBLEMS
from raggedh5.store.facts import Facts
from raggedh5.store.file import File
from raggedh5.store.handle import Handle
from raggedh5.store.pieces import Pieces
from raggedh5.store.walk import Found, survey

__all__ = ["salvage_file"]


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
            return _Salvage(handle, Target(made, writing), frozenset(skip), pulse).run()
        finally:
            handle.release()
            writing.release()


class _Salvage:
    """A file that is being salvaged."""

    def __init__(self, handle: Handle, target: Target, skip: frozenset[str], pulse: Pulse) -> None:
        self.handle = handle
        self.target = target
        self.made, self.writing = target.made, target.writing
        self.skip = skip
        self.pulse = pulse
        self.tables: list[dict[str, Any]] = []
        self.arrays: list[dict[str, Any]] = []
        self._done = 0
        self._total = handle.file.id.get_filesize()

    def run(self) -> dict[str, Any]:
        """Copy everything that can be read."""
        self.target.copy_attributes("/", self.handle.file, self.made.h5)
        for found in survey(self.handle.file, self.pulse.at, self.skip):
            try:
                self._copy(found)
            except WriteError:
                raise
            except PROBLEMS as error:
                self.target.drop(found.path, error)
        return {"tables": self.tables, "arrays": self.arrays, "lost": self.target.lost}

    def _copy(self, found: Found) -> None:
        root, path = self.made.h5, found.path
        if found.kind == "lost":
            self.target.lose(path, found.target[0])
        elif found.kind in ("soft", "external"):
            add_link(root, path, found)
        elif found.kind == "again":
            if found.target[0] in root:
                add_link(root, path, found)
            else:
                self.target.lose(path, f"it is the same object as {found.target[0]}")
        elif found.kind == "type":
            copy_object(found.item, root, path)
        elif found.kind == "group":
            self.target.copy_attributes(path, found.item, root.require_group(path))
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
            self.target.lose(path, f"it has {facts.shape[0]} rows, but was written with {rows}")
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
        self.target.copy_attributes(path, dataset, target)
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
            self.target.lose(path, f"{error}; what can be read of its buffers is kept as arrays")
            self._copy_buffers(found)
            return
        whole = not lost and copy_table(self.target, table, group, path)
        if not whole:
            write_table(self.target, table, group, path, lost, self._beat)
        self.tables.append(
            {
                "path": path,
                "rows": table.rows,
                "lost": lost,
                "dropped": table.dropped,
                "notes": table.notes,
            }
        )

    def _copy_buffers(self, found: Found) -> None:
        """Keep the datasets of what is no table any more."""
        group = self.made.h5.require_group(found.path)
        self.target.copy_attributes(found.path, found.item, group, OWN)
        for inside in survey(found.item, self.pulse.at, self.skip, path=found.path):
            try:
                self._copy(inside)
            except WriteError:
                raise
            except PROBLEMS as error:
                self.target.drop(inside.path, error)

    def _advance(self, _: int) -> None:
        self._done = min(self._done + 1, self._total)
        self._beat()

    def _beat(self) -> None:
        self.pulse(self._done, self._total)


def _array(path: str, facts: Facts, filled: Ranges) -> dict[str, Any]:
    return {"path": path, "rows": facts.shape[0] if facts.shape else 1, "filled": filled}


def _joined(ranges: Ranges) -> Ranges:
    joined: Ranges = []
    for start, stop in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], stop)
        else:
            joined.append((start, stop))
    return joined
