"""The checks of a table: its form, its length, and each of its buffers for what it means."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from raggedh5.care.checking.buffer_checks import BufferCheck, open_pieces
from raggedh5.care.checking.findings import Findings
from raggedh5.care.checking.json_checks import JsonColumnCheck
from raggedh5.care.checking.string_checks import StringCheck
from raggedh5.care.checking.value_checks import CodeCheck, OffsetCheck, finite_reason, values_check
from raggedh5.core.form import FieldForm, TableForm
from raggedh5.errors import FormatError
from raggedh5.store.damage import PROBLEMS
from raggedh5.store.facts import Facts, address_of
from raggedh5.store.field_readers import NumberReader
from raggedh5.store.handle import Handle
from raggedh5.store.layout import open_buffers, open_offsets, read_form, read_form_text, read_length
from raggedh5.store.pieces import Pieces
from raggedh5.store.raw_json import JSON, MEDIA_TYPE
from raggedh5.store.walk import attributes, members

__all__ = ["Check", "TableChecks"]


class Check(Protocol):
    """Something that is looked at in jobs, which any thread may do, and then as a whole."""

    @property
    def name(self) -> str:
        """Path of it."""

    def jobs(self) -> Any:
        """Go through the jobs."""

    def finish(self) -> None:
        """Look at what can only be seen then."""


class TableChecks:
    """Looks at a table's metadata, and thinks up the checks of its buffers.

    Parameters
    ----------
    handle
        The open file.
    group
        The table's group.
    findings
        Where errors and warnings go.
    finite
        Whether all columns of floating-point numbers must be finite.
    done
        Called with the stored bytes of every piece of a buffer that was looked at.

    Attributes
    ----------
    checks
        What is left to do.
    pieces
        All buffers.
    rows, items, columns
        How many there are, as far as that can be told.
    """

    def __init__(
        self,
        handle: Handle,
        group: Any,
        findings: Findings,
        finite: bool,
        done: Callable[[int], None],
    ) -> None:
        self.handle = handle
        self.group = group
        self.name = str(group.name)
        self.findings = findings
        self.finite = finite
        self.done = done
        self.checks: list[Check] = []
        self.pieces: list[Pieces] = []
        self.rows = self.items = self.columns = 0
        try:
            self.form = read_form(group)
        except FormatError as error:
            findings.error(self.name, "form", str(error))
            self._check_strays(set())
            return
        written = self._check_form()
        try:
            self.rows = read_length(group)
        except FormatError as error:
            findings.error(self.name, "length", str(error))
        if written is not None and self.rows < written:
            findings.error(
                self.name,
                "length",
                f"{self.name}: {self.rows} rows, but {written} were written",
                self.rows,
            )
        self._check_rows(self.form)
        for column, field in self.form.fields.items():
            self._check_column(column, field)
        self.columns = len(self.form.fields)
        self._check_strays({name for f in self.form.fields.values() for name in f.buffers()})

    def _check_form(self) -> int | None:
        """Compare the form with the copy that was kept of it; return the copy of the length."""
        try:
            address = address_of(self.group.id)
            kept, length = self.handle.sums.kept_table(self.name, address)
        except PROBLEMS as error:
            self.findings.error(self.name, "form", str(error))
            return None
        if kept is not None and kept != read_form_text(self.group):
            self.findings.error(
                self.name, "form", f"{self.name}: its form is not the one that it was written with"
            )
        return length

    def _check_rows(self, form: TableForm) -> None:
        """Look at the offsets of the rows, and find out how many items there are."""
        self.items = self.rows
        if form.offsets is None:
            return
        self.items = 0
        try:
            (facts,) = open_offsets(self.group, form, self.rows).values() or (None,)
        except FormatError as error:
            self.findings.error(self.name, "structure", str(error))
            return
        pieces = None if facts is None else self._open(facts)
        if facts is None or pieces is None:
            return
        extent = facts.shape[0]
        if extent < self.rows + 1 and self.rows:
            self.findings.error(
                self.name,
                "length",
                f"{facts.name}: {extent} offsets do not make {self.rows} rows",
            )
        elif extent > self.rows + 1:
            self.findings.warn(
                self.name,
                "length",
                f"{facts.name}: {extent} offsets, but the table says that it has {self.rows} rows: "
                f"{extent - 1 - self.rows} more were being written, or its length is damaged",
                self.rows,
            )
        count = min(self.rows + 1, extent)
        try:
            last = NumberReader(self.handle, facts).item(count - 1) if count else 0
            self.items = max(last, 0)
        except PROBLEMS:  # which the check of the chunk reports
            pass
        largest = np.iinfo(np.int64).max
        self.checks.append(
            OffsetCheck(pieces, self.findings, self.done, count=count, values=largest)
        )

    def _check_column(self, column: str, field: FieldForm) -> None:
        try:
            buffers = open_buffers(self.group, self.form, column)
        except FormatError as error:
            self.findings.error(self.name, "structure", str(error))
            self._read_only(field)
            return
        opened = {name: self._open(facts) for name, facts in buffers.items()}
        pieces = {name: part for name, part in opened.items() if part is not None}
        if len(pieces) < len(opened):
            self.checks += [BufferCheck(p, self.findings, self.done) for p in pieces.values()]
            return
        main = field.codes or field.mask or field.offsets or field.values
        count = self.items + 1 if main == field.offsets else self.items
        if main == field.offsets and not self.items:
            count = min(1, pieces[main].shape[0])
        for name in {
            main,
            field.mask or main,
            main if field.offsets or field.codes else field.values,
        }:
            self._check_extent(pieces[name], count, column)
        if field.codes is not None:
            self._check_dictionary(field, pieces)
        elif field.offsets is not None:
            self._check_lists(field, pieces, self.items, distinct=False)
        else:
            self._check_numbers(field, pieces, self.items)
            if field.mask is not None:
                self.checks.append(BufferCheck(pieces[field.mask], self.findings, self.done))

    def _check_extent(self, pieces: Pieces, count: int, column: str) -> None:
        extent = pieces.shape[0]
        if extent < count:
            self.findings.error(
                self.name,
                "length",
                f"{pieces.facts.name}: offsets lead to item {count}, but there are {extent}, in "
                f"column {column!r}",
            )

    def _check_dictionary(self, field: FieldForm, pieces: dict[str, Pieces]) -> None:
        categories = max(pieces[field.offsets or ""].shape[0] - 1, 0)
        self.checks.append(
            CodeCheck(
                pieces[field.codes or ""],
                self.findings,
                self.done,
                stop=self.items,
                categories=categories,
                nullable=field.column.nullable,
            )
        )
        self._check_lists(field, pieces, categories, distinct=True)

    def _check_lists(
        self, field: FieldForm, pieces: dict[str, Pieces], count: int, distinct: bool
    ) -> None:
        """Look at offsets and what they lead to: strings, or nested numbers."""
        offsets, values = pieces[field.offsets or ""], pieces[field.values]
        used = min(count + 1, offsets.shape[0])
        self.checks.append(
            OffsetCheck(offsets, self.findings, self.done, count=used, values=values.shape[0])
        )
        if not field.column.is_string:
            self._check_numbers(field, pieces, values.shape[0])
            return
        self.checks.append(BufferCheck(values, self.findings, self.done))
        said = attributes(offsets.facts.dataset)[0]
        kind = StringCheck if distinct or said.get(MEDIA_TYPE) != JSON else JsonColumnCheck
        self.checks.append(kind(offsets, values, self.findings, count, distinct))

    def _check_numbers(self, field: FieldForm, pieces: dict[str, Pieces], stop: int) -> None:
        values = pieces[field.values]
        missing = None
        if field.mask is not None:
            missing = _missing(self.handle, pieces[field.mask].facts, field.valid_when)
        why = finite_reason(values.facts, self.finite)
        self.checks.append(values_check(values, self.findings, self.done, stop, why, missing))

    def _check_strays(self, names: set[str]) -> None:
        """Say what is in the group beside the buffers; where no form says what, try to read all."""
        known = names | {getattr(self, "form", None) and self.form.offsets}
        found, problem = members(self.group)
        if problem:
            self.findings.error(self.name, "structure", f"{self.name}: {problem}")
        for name in found:
            if name not in known and hasattr(self, "form"):
                self.findings.warn(
                    self.name,
                    "stray",
                    f"{self.name}/{name} is no buffer of the table; AnnData will fail to load it",
                )

    def _read_only(self, field: FieldForm) -> None:
        """See whether the buffers of a column that is not what its form says can be read at all."""
        for name in field.buffers():
            try:
                facts = Facts(self.group[name])
            except PROBLEMS:
                continue
            pieces = self._open(facts)
            if pieces is not None:
                self.checks.append(BufferCheck(pieces, self.findings, self.done))

    def _open(self, facts: Facts) -> Pieces | None:
        for why in attributes(facts.dataset)[1].values():
            self.findings.error(facts.name, "attribute", f"{facts.name}: {why}")
        pieces = open_pieces(self.handle, facts, self.findings)
        if pieces is not None:
            self.pieces.append(pieces)
        return pieces


def _missing(handle: Handle, mask: Facts, valid_when: bool) -> Callable[[int, int], NDArray[Any]]:
    """Return what says which of a range of items are missing."""
    flags = NumberReader(handle, mask)
    return lambda start, stop: (flags.read(start, stop) != 0) != valid_when
