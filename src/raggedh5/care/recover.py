"""Bring a file that was not closed back to a state in which everything can be read."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from raggedh5.care.progress import Progress, silent
from raggedh5.errors import FormatError
from raggedh5.store.durable.complete_rows import complete_rows, cut_rows
from raggedh5.store.durable.journal import has_journal
from raggedh5.store.durable.recovery import Recovery
from raggedh5.store.durable.unclosed import mend_superblock
from raggedh5.store.file import File

__all__ = ["RecoveryReport", "recover"]


@dataclass(frozen=True)
class RecoveryReport:
    """What was done to bring a file back.

    Attributes
    ----------
    path : str
        The file.
    journal : bool
        Whether there was a journal.
    pages : int
        Pages of 4 KiB that it brought to the file: changes that were under way.
    restored : dict
        By path of tables and arrays: rows before and after those that were in the journal.
    cut : dict
        By path of tables: rows that were said to be there, and those that are complete. The others
        were cut off.
    unreadable : dict
        By path of tables: why their rows cannot be counted. They are as they were.
    marks_cleared : bool
        Whether the file was marked as open for writing.
    end : tuple of int or None
        The length that the file said it had, and the one it has, where these differed.
    trimmed : int
        Bytes cut from the file's end, which nothing led to.
    """

    path: str
    journal: bool
    pages: int
    restored: dict[str, tuple[int, int]]
    cut: dict[str, tuple[int, int]]
    unreadable: dict[str, str]
    marks_cleared: bool
    end: tuple[int, int] | None
    trimmed: int

    @property
    def changed(self) -> bool:
        """Whether the file is another than before."""
        return bool(self.journal or self.cut or self.marks_cleared or self.end)

    def as_dict(self) -> dict[str, Any]:
        """Return the same for JSON."""
        return {**asdict(self), "changed": self.changed}


def recover(path: str | os.PathLike[str], *, progress: Progress = silent) -> RecoveryReport:
    """Bring a file back after its writer was killed, in place.

    Rows that its journal has are appended, and the journal goes; marks of a file open for writing
    are cleared; its superblock and its length are made to agree; tables are cut to their last
    complete row. A file that was closed properly stays as it is. If this is interrupted in turn,
    call it again.

    Parameters
    ----------
    path
        The file.
    progress
        Called with the number of tables that were looked at, and of all.

    Returns
    -------
    RecoveryReport

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If it is no HDF5 file, cannot be opened even so, or has the journal of another file.
    WriteError
        If somebody has it open, or it cannot be written to.

    Examples
    --------
    >>> import raggedh5 as rh5, tempfile, pathlib
    >>> from raggedh5.care import recover
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "closed.h5"
    >>> rh5.write(path, {"energy": [0.5, 1.5]})
    >>> recover(path).changed
    False
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    journal = has_journal(path)
    found, marks, end = Recovery(), False, None
    if journal:
        with File(path, "r+", durable="disk") as file:
            found = file.recovery or found
    else:
        marks, end = mend_superblock(path)
    cut, unreadable = _cut(path, progress)
    return RecoveryReport(
        path=str(path),
        journal=journal,
        pages=found.pages,
        restored=found.restored,
        cut=cut,
        unreadable=unreadable,
        marks_cleared=marks,
        end=end,
        trimmed=found.cut,
    )


def _cut(path: Path, progress: Progress) -> tuple[dict[str, tuple[int, int]], dict[str, str]]:
    """Cut every table to its complete rows."""
    cut: dict[str, tuple[int, int]] = {}
    unreadable: dict[str, str] = {}
    with File(path) as file:
        tables = file.tables()
        for done, (name, table) in enumerate(tables.items()):
            progress(done, len(tables))
            try:
                said, complete = complete_rows(table.handle, table.h5)
            except FormatError as error:
                unreadable[name] = str(error)
                continue
            if complete < said:
                cut[name] = said, complete
    if cut:
        with File(path, "r+", durable="disk") as file:
            for name, (_, complete) in cut.items():
                table = file[name]
                cut_rows(table.handle, table.h5, complete)
    progress(1, 1)
    return cut, unreadable
