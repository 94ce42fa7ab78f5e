"""Say in plain words why a file does not open or read here, and what to do about it."""

import os
import stat
from pathlib import Path

from raggedh5.care.diagnosis.findings import Diagnosis, Finding
from raggedh5.care.diagnosis.foreign import AGAIN, foreign_file, foreign_folder
from raggedh5.care.diagnosis.inside import by_trial
from raggedh5.care.diagnosis.leftovers import beside
from raggedh5.care.diagnosis.outside import by_environment, by_heading, by_locks
from raggedh5.care.diagnosis.trial import try_to_open
from raggedh5.store.durable.journal import has_journal
from raggedh5.store.superblock import find_superblock
from raggedh5.store.versions import library_versions

__all__ = ["doctor"]


def doctor(path: str | os.PathLike[str], *, timeout: float = 60) -> Diagnosis:
    """Say why a file does not open or read here, and what to do.

    The file is not changed. HDF5 may hang or crash on a damaged file, so that it is let loose on it
    in a child process only. The structure is read, not the data: `raggedh5 validate` does that.

    Parameters
    ----------
    path
        The file; it need not exist.
    timeout
        Seconds that HDF5 may take to read the structure.

    Returns
    -------
    Diagnosis
        Its `findings` are empty, or none of them prevents reading, where the file is `healthy`.

    Examples
    --------
    >>> import raggedh5 as rh5, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "water.h5"
    >>> doctor(path).findings[0].what
    'It does not exist.'
    >>> rh5.write(path, {"atoms": {"symbol": [["O", "H", "H"]]}})
    >>> doctor(path).healthy
    True
    """
    place = Path(path)
    versions = library_versions()
    findings = [*_entry(place)]
    # With a journal, what the file holds is not all there is; `beside` says so.
    if not any(finding.prevents for finding in findings) and not has_journal(path):
        try:
            findings += _content(place, timeout, versions)
        except OSError as error:
            findings.append(_unreadable(error))
    findings += beside(place)
    findings.sort(key=lambda finding: not finding.prevents)  # which leaves their order otherwise
    return Diagnosis(os.fspath(path), tuple(findings), versions)


def _entry(path: Path) -> list[Finding]:
    """Say what is the matter with the file before anything in it counts."""
    try:
        found = path.stat()
    except FileNotFoundError:
        if path.is_symlink():
            what = f"It is a link to {os.readlink(path)}, which does not exist."  # noqa: PTH115
        else:
            what = "It does not exist."
        return [Finding("missing", what, "Check the path, and that its disk is mounted.")]
    except OSError as error:
        return [_unreadable(error)]
    if stat.S_ISDIR(found.st_mode):
        return [foreign_folder(path)]
    if not stat.S_ISREG(found.st_mode):
        return [Finding("device", "It is a device, not a file.", "Give the path of a file.")]
    if found.st_size == 0:
        what = "It is empty: whoever made it wrote nothing, or the disk was full."
        return [Finding("empty", what, f"Make it anew, or {AGAIN}.")]
    return []


def _unreadable(error: OSError) -> Finding:
    if isinstance(error, PermissionError):
        return Finding(
            "permission",
            "You may not read it, or not enter one of the folders on its way.",
            "Ask its owner, or change its permissions: chmod u+r; see them with: ls -l",
        )
    return Finding(
        "unreadable",
        f"The operating system cannot read it: {error.strerror or error}.",
        "Check the path, the disk and the network that it is on.",
    )


def _content(path: Path, timeout: float, versions: dict[str, str]) -> list[Finding]:
    heading = find_superblock(path)
    if heading is None:
        return [foreign_file(path)]
    held = by_locks(path, heading)
    written = any(finding.kind in ("locked", "being-written") for finding in held)
    findings = [*held, *by_heading(path, heading, versions, written), *by_environment()]
    # With a journal, what the file holds is not all there is; `beside` says so.
    if not any(finding.prevents for finding in findings) and not has_journal(path):
        findings += by_trial(try_to_open(path, timeout), timeout, versions)
    return findings
