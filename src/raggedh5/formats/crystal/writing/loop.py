"""A loop that writes batches, goes on past those that fail, and says what happened."""

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from raggedh5.care.progress import Progress
from raggedh5.care.progress_bar import progress_bar
from raggedh5.core.row_messages import renamed
from raggedh5.errors import SchemaError
from raggedh5.formats.crystal.fields import SCHEMA
from raggedh5.formats.crystal.schema import Schema
from raggedh5.formats.crystal.writing.batch import REFCODES_OF_BATCH, START_OF_BATCH, parts_of
from raggedh5.formats.crystal.writing.initializer import DatasetInitializer
from raggedh5.formats.crystal.writing.opened import structures_of
from raggedh5.formats.crystal.writing.parallel import write_parts
from raggedh5.formats.crystal.writing.structures import Structures
from raggedh5.formats.crystal.writing.validation import validate_batch
from raggedh5.store.file import File

__all__ = ["BatchFailure", "WritingReport", "write_batches"]

OnError = Literal["raise", "skip"]


@dataclass(frozen=True)
class BatchFailure:
    """A batch that was not written: its number, refcodes where it told them, and why."""

    batch: int
    refcodes: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class WritingReport:
    """What `write_batches` did: batches and structures that were written, and what failed."""

    path: str
    batches: int
    structures: int
    failed: tuple[BatchFailure, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as objects for `json.dumps`."""
        return {"format": 1, **asdict(self)}


def write_batches(
    path: str | os.PathLike[str],
    batches: Iterable[Mapping[str, Any]],
    *,
    on_error: OnError = "raise",
    refcodes: Sequence[str] | None = None,
    workers: int = 1,
    validate: bool = True,
    schema: Schema = SCHEMA,
    progress: Progress | None = None,
    **options: Any,
) -> WritingReport:
    """Write batches of crystal structures to a new file, which appears when it is complete.

    Parameters
    ----------
    path
        The file.
    batches
        For each batch a dict: ``refcodes``, the structures; and for each group a dict of values by
        field, as the methods of the writers take it, by the name of its table: ``crystal``,
        ``crystal_computed``, ``atoms``, ``atoms_computed`` and so on; ``molecules`` for bond angles
        and torsions. A batch may be a function without arguments that returns one: what it raises
        counts as the failure of this batch.
    on_error
        ``"skip"`` goes on with the next batch after one that fails. Its structures are listed in
        the table ``missing``; nothing of it is in the file but its refcodes, if it told them.
    refcodes
        All structures, for batches that have a ``start``, the number of their first structure,
        instead of ``refcodes``. Such batches may come in any order.
    workers
        Processes that write a part of the batches each; the parts are joined in order. `batches`
        has to be a sequence then, and one that can be pickled where processes are not forked; its
        items are asked for in the workers, so that one that makes batches does so there.
    validate
        Check every batch with `validate_batch`: fields that must be there, NaN and infinity.
    schema
        The fields.
    progress
        Called with batches done and in all, 0 for the latter as long as nobody knows. None shows a
        bar on a terminal.
    **options
        Passed on to `raggedh5.File`: ``codec``, ``threads``, ``durable``.

    Returns
    -------
    WritingReport

    Raises
    ------
    SchemaError
        If a batch does not fit, and `on_error` is ``"raise"``; no file is left then.
    WriteError
        If the file cannot be written, or a worker died.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "crystals.h5"
    >>> batches = [
    ...     {"refcodes": ["ICEICE"], "crystal": {"space_group": ["P63/mmc"]}},
    ...     {"refcodes": ["QUARTZ"], "crystal": {"space_grup": [[["P3221"]]]}},
    ... ]
    >>> report = write_batches(path, batches, on_error="skip", validate=False)
    >>> report.structures, report.failed[0].refcodes
    (1, ('QUARTZ',))
    """
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error is 'raise' or 'skip', not {on_error!r}")
    if workers < 1:
        raise ValueError(f"workers are 1 or more, not {workers}")
    with contextlib.ExitStack() as stack:
        report = stack.enter_context(progress_bar("writing")) if progress is None else progress
        task = _Task(on_error, validate, schema, options)
        if workers == 1:
            return task.write(Path(path), batches, refcodes, report)
        if refcodes is not None:
            raise ValueError("workers write what they know the refcodes of: leave refcodes out")
        if not isinstance(batches, Sequence):
            raise TypeError(f"workers need a sequence of batches, not {type(batches).__name__}")
        found: WritingReport = write_parts(Path(path), batches, workers, task, report)
        return found


@dataclass(frozen=True)
class _Task:
    """How batches are written; workers get one each."""

    on_error: OnError
    validate: bool
    schema: Schema
    options: Mapping[str, Any]

    def write(
        self,
        path: Path,
        batches: Iterable[Any],
        refcodes: Sequence[str] | None,
        progress: Progress,
        first: int = 0,
    ) -> WritingReport:
        """Write batches to a file, the first of which has the number `first`."""
        total = len(batches) if isinstance(batches, Sequence) else 0
        failed: list[BatchFailure] = []
        written = structures = 0
        with File(path, "w", **self.options) as file:
            DatasetInitializer(file, refcodes or [], schema=self.schema).initialize_datasets()
            tables = structures_of(file, self.schema)
            for number, given in enumerate(batches, first):
                try:
                    structures += self._write(tables, given, refcodes is not None)
                    written += 1
                except Exception as error:
                    if self.on_error == "raise" or not _is_of_batch(error):
                        raise
                    failed.append(_failure(number, given, error))
                progress(number - first + 1, total)
        return WritingReport(str(path), written, structures, tuple(failed))

    def _write(self, tables: Structures, given: Any, placed: bool) -> int:
        """Write one batch, or nothing of it; return how many structures it has."""
        batch = given() if callable(given) else given
        start, count = _place(tables, batch, placed)
        rows = count or 0
        try:
            if self.validate:
                validate_batch(batch, schema=self.schema)
            for _, group, computed, values in parts_of(batch, self.schema):
                written = tables.write(group.name, start, values, computed)
                rows = max(rows, written)
                if count is not None and written != count:
                    raise SchemaError(f"{written} structures, but {count} refcodes")
        except BaseException as error:
            tables.give_up(start, start + rows)  # no more: what is behind them came before
            if isinstance(error, SchemaError):
                raise renamed(error, lambda row: tables.called(start + row)) from error
            raise
        return rows


def _place(tables: Structures, batch: Mapping[str, Any], placed: bool) -> tuple[int, int | None]:
    """Return the number of a batch's first structure, and how many it has if it says so."""
    if not hasattr(batch, "get"):
        raise SchemaError(f"a batch is a dict of groups, not {type(batch).__name__}")
    if placed:
        start = batch.get(START_OF_BATCH)
        if start is None:
            raise SchemaError(
                f"a batch needs {START_OF_BATCH!r}: the number of its first structure"
            )
        return int(start), None
    codes = batch.get(REFCODES_OF_BATCH)
    if codes is None:
        raise SchemaError(f"a batch needs {REFCODES_OF_BATCH!r}: the refcodes of its structures")
    start = tables.count
    tables.extend(codes)
    return start, len(codes)


def _is_of_batch(error: Exception) -> bool:
    """Whether an error is that of one batch: with a full disk, the next would fail as well."""
    return isinstance(error, SchemaError) or not isinstance(error, (OSError, MemoryError))


def _failure(number: int, given: Any, error: Exception) -> BatchFailure:
    codes = given.get(REFCODES_OF_BATCH, ()) if isinstance(given, Mapping) else ()
    reason = str(error) if isinstance(error, SchemaError) else f"{type(error).__name__}: {error}"
    return BatchFailure(number, tuple(map(str, codes)), reason)
