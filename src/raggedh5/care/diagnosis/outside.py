"""What can be said of a file before HDF5 opens it: its superblock, its locks, the environment."""

import os
from pathlib import Path

from raggedh5.care.diagnosis.findings import Finding, listed
from raggedh5.care.diagnosis.foreign import AGAIN
from raggedh5.care.diagnosis.holders import holders_of, lock_holders, lock_of
from raggedh5.store.superblock import NEWEST, Superblock
from raggedh5.store.versions import plugin_folders

__all__ = ["by_environment", "by_heading", "by_locks"]

LOCKING = "HDF5_USE_FILE_LOCKING"


def by_heading(
    path: Path, heading: Superblock, versions: dict[str, str], written: bool
) -> list[Finding]:
    """Say what the superblock tells; the end that it states counts unless a writer is at work."""
    findings = []
    size = path.stat().st_size
    if heading.place:
        findings.append(
            Finding(
                "user-block",
                f"Its first {heading.place} bytes are a user block, which HDF5 skips (MATLAB "
                "files have one).",
                "Nothing needs to be done.",
                prevents=False,
            )
        )
    if heading.version > NEWEST:
        findings.append(
            Finding(
                "superblock-newer",
                f"Its superblock has version {heading.version}; HDF5 {versions['hdf5']}, as it is "
                f"installed, is known to read up to {NEWEST}. It was made by a newer "
                "HDF5, or its beginning is damaged.",
                f"Install a newer h5py; if that does not help, {AGAIN}.",
            )
        )
    elif heading.end is None or written:
        pass
    elif size < heading.end:
        findings.append(
            Finding(
                "truncated",
                f"It is cut short: {size} bytes are there, and it says that it has {heading.end}. "
                "The copy is not complete, or the disk was full, or its writer was killed.",
                "Copy it again from where it came from. If there is no other: raggedh5 recover "
                "after a crash of the writer, raggedh5 repair to salvage what is there.",
            )
        )
    elif size > heading.end:
        findings.append(
            Finding(
                "longer",
                f"It is {size - heading.end} bytes longer than it says. HDF5 ignores the rest. Its "
                "writer was killed before it could say where the file ends, or something was "
                "appended to it.",
                "If a writer was killed: raggedh5 recover",
                prevents=False,
            )
        )
    return findings


def by_locks(path: Path, heading: Superblock) -> list[Finding]:
    """Say who holds the file, and whether its writer has died."""
    findings = []
    lock = lock_of(path)
    users = holders_of(path)
    writers = [user for user in users if user.writes]
    off = os.environ.get(LOCKING, "").upper() in ("FALSE", "0")
    if lock == "held":
        holders = [holder for holder in lock_holders(path) if holder.writes] or writers
        whom = (
            listed([str(holder) for holder in holders]) or "another process, maybe as another user"
        )
        findings.append(
            Finding(
                "locked",
                f"It is open for writing in {whom}, which holds its lock.",
                "Close it there (a notebook that still has it open, as a rule), or end that "
                "process; then try again.",
                prevents=not off,
            )
        )
    elif lock == "unsupported":
        findings.append(
            Finding(
                "no-locks",
                "Its file system has no locks.",
                f"If HDF5 says that it cannot lock the file, set {LOCKING}=FALSE before Python "
                "starts, and see to it yourself that no two processes write.",
                prevents=False,
            )
        )
    if (heading.writing or heading.swmr) and (lock != "held" or off):
        findings.append(_mark(heading, [str(writer) for writer in writers], lock == "held"))
    elif writers and not findings:
        whom = listed([str(writer) for writer in writers])
        what = f"It is open for writing in {whom}, without a lock."
        advice = "What you read may be half changed: wait until it is closed there."
        findings.append(Finding("being-written", what, advice, prevents=False))
    elif users and not findings:
        whom = listed([str(user) for user in users])
        what = f"It is open in {whom}. It can be read meanwhile, but not written to."
        advice = "Close it there before you write to it."
        findings.append(Finding("open-elsewhere", what, advice, prevents=False))
    return findings


def _mark(heading: Superblock, writers: list[str], held: bool) -> Finding:
    how = "in SWMR mode" if heading.swmr else "for writing"
    if writers or held:
        whom = listed(writers) or "another process"
        advice = "Wait until it is closed there"
        advice += ", or open it with swmr=True." if heading.swmr else "."
        return Finding("being-written", f"It is open {how} in {whom}.", advice)
    return Finding(
        "crash-mark",
        f"It is marked as open {how}, but no process that can be seen here has it open: its writer "
        "was killed before it closed the file.",
        "If no other machine writes to it: raggedh5 recover",
    )


def by_environment() -> list[Finding]:
    """Say what the environment of this process changes."""
    findings = []
    if os.environ.get(LOCKING, "").upper() in ("FALSE", "0"):
        findings.append(
            Finding(
                "locking-off",
                f"HDF5's locks are switched off here, by {LOCKING}.",
                "See to it yourself that nobody reads a file while another writes to it.",
                prevents=False,
            )
        )
    folders = [folder for folder in plugin_folders() if os.environ.get("HDF5_PLUGIN_PATH")]
    gone = [folder for folder in folders if not Path(folder).is_dir()]
    if gone:
        findings.append(
            Finding(
                "plugin-path",
                f"HDF5_PLUGIN_PATH names {listed(gone)}, where there is no folder.",
                "Set it to the folder that the filters are in, or unset it.",
                prevents=False,
            )
        )
    return findings
