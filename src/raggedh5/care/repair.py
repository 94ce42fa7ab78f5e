"""What can be saved of a damaged file, in a new one."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from raggedh5.care.isolation.pulse import Pulse
from raggedh5.care.isolation.spare import run_isolated
from raggedh5.care.isolation.stopped import StoppedError
from raggedh5.care.progress import Progress, silent
from raggedh5.care.recover import recover
from raggedh5.care.salvaging.file import salvage_file
from raggedh5.care.salvaging.report import RepairReport, report_of
from raggedh5.care.targets import check_target
from raggedh5.care.validate import ValidationReport, validate
from raggedh5.errors import FormatError, WriteError
from raggedh5.store.durable.journal import has_journal
from raggedh5.store.opening import NewFile

__all__ = ["repair", "validate_and_repair_if_needed"]

MOST_STOPS = 20
"""Objects that HDF5 may hang or crash at before the file is given up."""


def repair(
    src: str | os.PathLike[str],
    dst: str | os.PathLike[str] | None = None,
    *,
    overwrite: bool = False,
    isolated: bool = True,
    progress: Progress = silent,
) -> RepairReport:
    """Write what can be read of a damaged file to a new one.

    Of a table those rows are kept of which everything reads, in all columns, and has its checksum;
    the others are left out and listed. A column of which nothing reads is dropped, and the rows
    stay. An array keeps its shape: where rows do not read, it has its fill value, and they are
    listed. Groups, attributes, links and other objects are copied as far as they read.

    Chunks of arrays, and of tables that have lost no row, are copied as they are stored.

    Parameters
    ----------
    src
        The damaged file. It is only read.
    dst
        The file to write. None, or `src` itself: the damaged file gets the name ``<name>.backup``
        (``.backup.2`` and so on where there is one), and the new one takes its place.
    overwrite
        Whether another file that is at `dst` may be replaced.
    isolated
        Whether the damaged file is read in a child process with limits; see `validate`. An object
        at which the child hangs or crashes is left out.
    progress
        Called as the work goes on.

    Returns
    -------
    RepairReport

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If nothing of it can be read.
    WriteError
        If `dst` exists already, or cannot be written.

    Examples
    --------
    >>> import raggedh5 as rh5, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "water.h5"
    >>> rh5.write(path, {"atoms": {"symbol": [["O", "H", "H"], ["H"]]}})
    >>> report = repair(path, path.with_name("repaired.h5"))
    >>> report.tables[0].kept, report.complete
    (2, True)
    """
    src = Path(src)
    if not src.exists():
        raise FileNotFoundError(f"{src} does not exist")
    if not src.is_file():
        raise FormatError(f"{src} is a {'folder' if src.is_dir() else 'device, not a file'}")
    dst = src if dst is None else Path(dst)
    in_place = dst.exists() and dst.samefile(src)
    if not in_place:
        check_target([src], dst, overwrite)
    # A link stays a link; what it leads to is repaired.
    new = NewFile(dst, replace=True)
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{new.target.name[:100]}.", dir=new.target.parent))
    except OSError as error:
        raise WriteError(f"{new.target.parent} cannot be written to: {error}") from error
    try:
        made = folder / "repaired.h5"
        found = _salvage(src, made, isolated, progress)
        if found["lost"] and not (found["tables"] or found["arrays"]):
            first = found["lost"][0]
            raise FormatError(
                f"{src}: nothing could be saved; the first problem is at {first['path']}: "
                f"{first['why']}"
            )
        with new as temporary:
            made.replace(temporary)
            backup = _back_up(new.target) if in_place else None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return report_of(src, dst, backup, found)


def validate_and_repair_if_needed(
    path: str | os.PathLike[str],
    *,
    isolated: bool = True,
    progress: Progress = silent,
) -> tuple[ValidationReport, RepairReport | None]:
    """Check a file, and where it has errors repair it in place, with a backup.

    One that was not closed by its writer is brought back to its last flush first; see
    `raggedh5.care.recover`.

    Returns
    -------
    ValidationReport
        What was wrong before.
    RepairReport or None
        What was saved; None where nothing was wrong.

    Raises
    ------
    FileNotFoundError, FormatError, WriteError
        See `repair`.

    Examples
    --------
    >>> import raggedh5 as rh5, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "water.h5"
    >>> rh5.write(path, {"atoms": {"symbol": [["O", "H", "H"], ["H"]]}})
    >>> report, repaired = validate_and_repair_if_needed(path)
    >>> report.valid, repaired
    (True, None)
    """
    if has_journal(path):
        recover(path)
    report = validate(path, isolated=isolated, progress=progress)
    if report.valid:
        return report, None
    return report, repair(path, isolated=isolated, progress=progress)


def _salvage(src: Path, made: Path, isolated: bool, progress: Progress) -> dict[str, Any]:
    """Have a child write the file, each time without what the one before has died of."""
    arguments: dict[str, Any] = {"path": str(src.absolute()), "target": str(made)}
    if not isolated:
        return salvage_file(**arguments, skip=[], pulse=Pulse(progress))
    skip: list[str] = []
    while True:
        try:
            found: dict[str, Any] = run_isolated(
                salvage_file, {**arguments, "skip": skip}, path=src, progress=progress
            )
        except StoppedError as error:
            for left in made.parent.iterdir():
                left.unlink()
            if error.at in ("", "/", *skip) or len(skip) == MOST_STOPS:
                raise
            skip.append(error.at)
        else:
            return found


def _back_up(path: Path) -> Path:
    """Give a file a second name that is free; the first is about to be taken by another."""
    for number in range(1, 1 << 16):
        backup = path.with_name(f"{path.name}.backup{f'.{number}' if number > 1 else ''}")
        try:
            os.link(path, backup)
        except FileExistsError:
            continue
        except OSError:  # this file system has no hard links
            if backup.exists():
                continue
            shutil.copy2(path, backup)
        return backup
    raise WriteError(f"{path} has too many backups")
