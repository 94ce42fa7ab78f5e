"""Whether a file is what it says: its structure, and every chunk of every table and array."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raggedh5.care.checking.file_checks import check_file
from raggedh5.care.checking.findings import Finding
from raggedh5.care.isolation.pulse import Pulse
from raggedh5.care.isolation.spare import run_isolated
from raggedh5.care.isolation.stopped import StoppedError
from raggedh5.care.progress import Progress, silent
from raggedh5.errors import FormatError

__all__ = ["ValidationReport", "validate"]


@dataclass(frozen=True)
class ValidationReport:
    """What a check of a file has found.

    Attributes
    ----------
    path
        The file.
    valid
        Whether there are no errors.
    errors, warnings
        What was found, in the order of paths; of each kind about each object at most 20.
    counts
        ``tables``, ``rows``, ``items``, ``columns``, ``arrays``, ``chunks``, ``checksums`` (chunks
        that have one), and ``stored_bytes`` of all chunks.
    file_bytes
        Size of the file.
    """

    path: str
    valid: bool
    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    file_bytes: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return it as data for JSON; the keys are the attributes, and stay."""
        return {
            "path": self.path,
            "valid": self.valid,
            "errors": [finding.as_dict() for finding in self.errors],
            "warnings": [finding.as_dict() for finding in self.warnings],
            "counts": dict(self.counts),
            "file_bytes": self.file_bytes,
        }


def validate(
    path: str | os.PathLike[str],
    *,
    finite: bool = False,
    checksums: bool = True,
    isolated: bool = True,
    threads: int | None = None,
    progress: Progress = silent,
) -> ValidationReport:
    """Check a file: everything in it is read once, in pieces of some MiB.

    Looked at are the structure (every object and attribute can be opened), the form, length and
    buffers of tables and their dtypes, offsets, dictionary codes, UTF-8, fingerprints; and of every
    chunk that it lies within the file, overlaps no other, has its checksum, and decompresses.
    Objects that are no part of this format are only read.

    Parameters
    ----------
    path
        The file.
    finite
        Whether NaN or infinity in any column or array of floating-point numbers is an error. In a
        column that was made with ``finite=True`` it always is.
    checksums
        Whether checksums are compared.
    isolated
        Whether the file is read in a child process with limits: HDF5 hangs or crashes on some
        damaged files. Without it, such a file takes this process along.
    threads
        Threads that decompress; None: one for each core available.
    progress
        Called with the bytes of chunks that were looked at, and all that there are.

    Returns
    -------
    ValidationReport
        Also where HDF5 cannot even open the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    WriteError
        If it is being written to elsewhere.

    Examples
    --------
    >>> import raggedh5 as rh5, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "water.h5"
    >>> rh5.write(path, {"atoms": {"symbol": [["O", "H", "H"], ["H"]]}})
    >>> report = validate(path)
    >>> report.valid, report.counts["rows"], report.counts["items"]
    (True, 2, 4)
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    size = path.stat().st_size
    if not path.is_file():
        what = "a folder" if path.is_dir() else "a device"
        return _refused(path, size, "file", f"{path} is {what}, not a file")
    arguments: dict[str, Any] = {
        "path": str(path.absolute()),
        "finite": finite,
        "checksums": checksums,
        "threads": threads,
    }
    try:
        if isolated:
            found = run_isolated(check_file, arguments, path=path, progress=progress)
        else:
            found = check_file(**arguments, pulse=Pulse(progress))
    except StoppedError as error:
        return _refused(path, size, error.kind, str(error), error.at or "/")
    except FormatError as error:
        return _refused(path, size, "file", str(error))
    errors = tuple(map(Finding.from_dict, found["errors"]))
    warnings = tuple(map(Finding.from_dict, found["warnings"]))
    return ValidationReport(str(path), not errors, errors, warnings, found["counts"], size)


def _refused(path: Path, size: int, kind: str, message: str, at: str = "/") -> ValidationReport:
    return ValidationReport(str(path), False, (Finding(at, kind, message),), (), {}, size)
