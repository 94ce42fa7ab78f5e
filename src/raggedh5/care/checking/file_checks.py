"""The check of a whole file, in this process: what `raggedh5.care.validate` has a child do."""

import posixpath
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from raggedh5.care.checking.buffer_checks import open_pieces
from raggedh5.care.checking.findings import Findings
from raggedh5.care.checking.jobs import Job, run_jobs
from raggedh5.care.checking.json_checks import JsonCheck, is_text_of_one
from raggedh5.care.checking.table_checks import Check, TableChecks
from raggedh5.care.checking.value_checks import finite_reason, values_check
from raggedh5.care.isolation.pulse import Pulse
from raggedh5.care.isolation.worker import MOST_THREADS
from raggedh5.core.pipeline import available_threads
from raggedh5.store.damage import PROBLEMS
from raggedh5.store.facts import Facts
from raggedh5.store.file import File
from raggedh5.store.handle import Handle, Verify
from raggedh5.store.pieces import Pieces
from raggedh5.store.raw_json import is_raw_json
from raggedh5.store.stored_sums import GROUP, lists_of
from raggedh5.store.walk import Found, attributes, survey

__all__ = ["check_file"]


def check_file(
    path: str, finite: bool, checksums: bool, threads: int | None, pulse: Pulse
) -> dict[str, Any]:
    """Check a file; arguments as in `raggedh5.care.validate.validate`, result as plain data.

    Raises
    ------
    FormatError
        If HDF5 cannot open the file.
    """
    threads = threads or min(available_threads(), MOST_THREADS)
    pulse.at("")
    with File(path) as file:
        verify: Verify = "first" if checksums else "never"
        handle = Handle(file.h5, threads=threads, verify=verify, adopted=True)
        try:
            return _Checking(handle, finite, pulse).run()
        finally:
            handle.release()


class _Checking:
    """A file that is being checked."""

    def __init__(self, handle: Handle, finite: bool, pulse: Pulse) -> None:
        self.handle = handle
        self.file = handle.file
        self.finite = finite
        self.pulse = pulse
        self.findings = Findings()
        self.counts = dict.fromkeys(
            ("tables", "rows", "items", "columns", "arrays", "chunks", "checksums"), 0
        )
        self.pieces: list[Pieces] = []
        self._found: dict[str, str] = {}
        self.checks: list[Check] = []
        self._done = 0
        self._total = 0
        self._lock = threading.Lock()

    def run(self) -> dict[str, Any]:
        """Look at everything."""
        for found in survey(self.file, self.pulse.at):
            self._look_at(found)
        self._check_root()
        self._check_places()
        self._total = sum(pieces.nbytes for pieces in self.pieces)
        self.pulse(0, self._total)
        run_jobs(self.handle.pool, self._jobs())
        for check in self.checks:
            check.finish()
        errors, warnings = self.findings.finished()
        return {
            "errors": [finding.as_dict() for finding in errors],
            "warnings": [finding.as_dict() for finding in warnings],
            "counts": self.counts | {"stored_bytes": self._total},
        }

    def _look_at(self, found: Found) -> None:
        """Look at the metadata of one object, and think up the checks of what it holds."""
        path, findings = found.path, self.findings
        self._found[path] = found.kind
        if found.kind == "lost":
            findings.error(path, "structure", f"{path}: {found.target[0]}")
        elif found.kind == "soft" and not self._leads_somewhere(path):
            findings.warn(path, "link", f"{path} leads to {found.target[0]}, which is not there")
        elif found.kind == "external":
            findings.warn(
                path, "link", f"{path} leads into {found.target[1]}, which was not checked"
            )
        if found.item is None:
            return
        for why in attributes(found.item)[1].values():
            findings.error(path, "attribute", f"{path}: {why}")
        if found.kind == "table":
            self.counts["tables"] += 1
            table = TableChecks(self.handle, found.item, findings, self.finite, self._add)
            self.counts["rows"] += table.rows
            self.counts["items"] += table.items
            self.counts["columns"] += table.columns
            self.checks += table.checks
            self.pieces += table.pieces
        elif found.kind == "array":
            self.counts["arrays"] += 1
            self._look_at_array(found)

    def _look_at_array(self, found: Found) -> None:
        try:
            facts = Facts(found.item, found.path)
        except TypeError as error:
            self.findings.warn(
                found.path, "unknown", f"{found.path} cannot be read by h5py: {error}"
            )
            return
        except PROBLEMS as error:
            self.findings.error(found.path, "structure", f"{found.path}: {error}")
            return
        pieces = open_pieces(self.handle, facts, self.findings)
        if pieces is None:
            return
        self.pieces.append(pieces)
        self._check_kept_rows(pieces)
        said = attributes(found.item)[0]
        if is_raw_json(found.path, said) and is_text_of_one(facts):
            self.checks.append(JsonCheck(pieces, self.findings, self._add))
            return
        stop = facts.shape[0] if facts.shape else 0
        why = finite_reason(facts, self.finite)
        self.checks.append(values_check(pieces, self.findings, self._add, stop, why))

    def _check_kept_rows(self, pieces: Pieces) -> None:
        """Compare the extent of an array with the copy that was kept when it was written."""
        facts = pieces.facts
        try:
            rows = None if pieces.map is None else pieces.map.sums.kept_rows()
        except PROBLEMS as error:
            self.findings.error(facts.name, "extent", str(error))
            return
        if rows is not None and rows != facts.shape[0]:
            self.findings.error(
                facts.name,
                "extent",
                f"{facts.name}: {facts.shape[0]} rows, but it was written with {rows}",
                min(rows, facts.shape[0]),
            )

    def _leads_somewhere(self, path: str) -> bool:
        try:
            return self.file.get(path) is not None
        except PROBLEMS:
            return False

    def _check_root(self) -> None:
        """Look at the attributes of the file, and for checksums of what is not there."""
        for why in attributes(self.file)[1].values():
            self.findings.error("/", "attribute", f"/: {why}")
        lists, tables, problem = lists_of(self.file)
        if problem:
            self.findings.error(f"/{GROUP}", "structure", f"/{GROUP}: {problem}")
        try:
            if not self.handle.sums.usable:
                self.findings.warn(
                    f"/{GROUP}", "checksums", f"/{GROUP}: checksums of a kind not known here"
                )
        except PROBLEMS as error:
            self.findings.error(f"/{GROUP}", "structure", str(error))
        for path in lists:
            self._check_there(path, "array", "has checksums")
        for path in tables:
            self._check_there(path, "table", "has the copy of a form")

    def _check_there(self, path: str, kind: str, why: str) -> None:
        """See that what something is kept of is still there, and is what it was."""
        found = self._found.get(path)
        if found is None and kind == "array":
            found = "array" if self._found.get(posixpath.dirname(path)) == "table" else None
        if found is None and not self._leads_somewhere(path):
            self.findings.warn(path, "missing", f"{path} {why}, but is gone: deleted, or lost")
        elif found not in (kind, None):
            self.findings.error(path, "structure", f"{path} {why}, but is no {kind}")

    def _check_places(self) -> None:
        """See that no two chunks lie in the same bytes; count them."""
        starts, sizes, owners = [], [], []
        for i, pieces in enumerate(self.pieces):
            chunk_map = pieces.map
            if chunk_map is None:
                continue
            known = chunk_map.sums.values[: len(pieces.stored)]
            self.counts["chunks"] += int(pieces.stored.sum())
            self.counts["checksums"] += int(np.count_nonzero(known))
            starts.append(chunk_map.address[pieces.stored])
            sizes.append(chunk_map.stored[pieces.stored])
            owners.append(np.full(len(starts[-1]), i))
        if not starts or self.handle.descriptor is None:
            return
        start, size, owner = map(np.concatenate, (starts, sizes, owners))
        order = np.argsort(start, kind="stable")
        start, end, owner = start[order], (start + size)[order], owner[order]
        for at in np.flatnonzero(start[1:] < np.maximum.accumulate(end)[:-1]).tolist():
            one, other = (self.pieces[owner[k]].facts.name for k in (at, at + 1))
            self.findings.error(
                other, "overlap", f"{other}: a chunk lies in the same bytes as one of {one}"
            )

    def _jobs(self) -> Iterator[Job]:
        for check in self.checks:
            self.pulse.at(check.name)
            yield from check.jobs()

    def _add(self, nbytes: int) -> None:
        with self._lock:
            self._done += nbytes
            self.pulse(min(self._done, self._total), self._total)
