"""What a writer that was killed leaves beside its file."""

import contextlib
import os
import re
from pathlib import Path

from raggedh5.care.diagnosis.findings import Finding
from raggedh5.care.diagnosis.holders import holders_of, is_alive
from raggedh5.store.durable.journal import has_journal, journal_of

__all__ = ["beside"]

LONGEST = 200
"""Bytes of the file's name that are in that of its temporary file."""


def beside(path: Path) -> list[Finding]:
    """Say what lies beside a file, or beside where it should be.

    A file whose folder cannot be listed has nothing beside it.
    """
    path = Path(os.path.realpath(path))
    findings = []
    with contextlib.suppress(OSError):
        for found in sorted(path.parent.iterdir()):
            pid = _writer_of(found.name, path.name)
            if pid is not None:
                findings.append(_temporary(found, pid))
        if has_journal(path):
            findings.append(_journal(path, journal_of(path)))
    return findings


def _writer_of(name: str, target: str) -> int | None:
    """Return which process made a temporary file for `target`, None for any other file."""
    found = re.fullmatch(r"\.(.*)\.(\d+)-[0-9a-f]{8}\.tmp(?:\.journal)?", name, re.DOTALL)
    if found is None:
        return None
    begin = found[1]
    cut = target.startswith(begin) and len(os.fsencode(target)) > LONGEST
    return int(found[2]) if begin == target or cut else None


def _temporary(path: Path, pid: int) -> Finding:
    alive = is_alive(pid)
    if alive and any(holder.pid == pid for holder in holders_of(path)):
        return Finding(
            "being-written",
            f"{path.name} beside it is being written by process {pid}, which is to take its place.",
            "Wait until that process is done.",
            prevents=False,
        )
    said = {
        True: f"A process {pid} is alive on this machine, but is not seen to have it open.",
        False: f"There is no process {pid} on this machine any more.",
        None: f"Whether process {pid} is alive is not known.",
    }[alive]
    return Finding(
        "temporary-file",
        f"{path.name} beside it was being written by process {pid}, to take its place. {said}",
        "Once that process has ended, on whatever machine it ran, delete the temporary file; what "
        f"was written so far may be in it: raggedh5 doctor {path.name}",
        prevents=False,
    )


def _journal(path: Path, journal: Path) -> Finding:
    writers = [h for h in holders_of(journal) if h.writes] if path.exists() else []
    if writers:
        return Finding(
            "being-written",
            f"{journal.name} beside it is the journal of {writers[0]}, which is writing.",
            "Wait until it is done, or read what is there so far: raggedh5.File(path, live=True)",
            prevents=False,
        )
    return Finding(
        "journal",
        f"{journal.name} beside it holds rows that were acknowledged, and are not in the file yet: "
        "its writer was killed.",
        f"Keep the two together, and run: raggedh5 recover {path.name}",
    )
