"""Who has a file open, and whether its lock is held: what Linux tells, and nothing elsewhere."""

import contextlib
import errno
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["Holder", "holders_of", "is_alive", "lock_holders", "lock_of"]

PROCESSES = Path("/proc")
LONGEST_NAME = 60

Lock = Literal["free", "held", "unsupported", "unknown"]


@dataclass(frozen=True)
class Holder:
    """A process that has a file open.

    ``writes`` says whether it may write to it.
    """

    pid: int
    name: str
    writes: bool

    def __str__(self) -> str:
        if self.pid == os.getpid():
            return "this very process"
        return f"process {self.pid} ({self.name})" if self.name else f"process {self.pid}"


def lock_of(path: Path) -> Lock:
    """Say whether a reader would get the lock of a file, by trying for a moment.

    ``"unknown"`` where there is no such way to try. Other readers do not notice; a writer would
    that opens the file at this very moment.

    Raises
    ------
    OSError
        If the file cannot be opened.
    """
    try:
        import fcntl
    except ImportError:  # on Windows
        return "unknown"
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        held = error.errno in (errno.EWOULDBLOCK, errno.EACCES)
        return "held" if held else "unsupported"
    finally:
        os.close(descriptor)
    return "free"


def lock_holders(path: Path) -> list[Holder]:
    """Return the processes that hold a lock on a file, as far as they can be told."""
    found = path.stat()
    device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}"
    pids = {}
    with contextlib.suppress(OSError):
        for line in (PROCESSES / "locks").read_text().splitlines():
            words = line.split()
            # "1: FLOCK  ADVISORY  WRITE 5290 fe:00:2188355 0 EOF"
            if len(words) < 8 or words[1] == "->" or not words[4].isdigit():
                continue
            if words[5] == f"{device}:{found.st_ino}" and int(words[4]):
                pids[int(words[4])] = words[3] == "WRITE"
    return [Holder(pid, _name_of(pid), writes) for pid, writes in sorted(pids.items())]


def holders_of(path: Path) -> list[Holder]:
    """Return the processes that have a file open, among those that may be looked into."""
    if not sys.platform.startswith("linux"):
        return []
    wanted = path.stat()
    found: dict[int, bool] = {}
    for folder in PROCESSES.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # not ours to look into, or gone meanwhile
            for entry in os.scandir(folder / "fd"):
                with contextlib.suppress(OSError):
                    if os.path.samestat(Path(entry.path).stat(), wanted):
                        pid = int(folder.name)
                        found[pid] = found.get(pid, False) or _writes(folder, entry.name)
    return [Holder(pid, _name_of(pid), writes) for pid, writes in sorted(found.items())]


def is_alive(pid: int) -> bool | None:
    """Whether there is a process of that number on this machine, None where that is not known."""
    if os.name == "nt":  # where signal 0 ends a process
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError) as error:
        return True if isinstance(error, PermissionError) else None
    return True


def _writes(folder: Path, descriptor: str) -> bool:
    for line in (folder / "fdinfo" / descriptor).read_text().splitlines():
        if line.startswith("flags:"):
            return int(line.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY
    return False


def _name_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        words = (PROCESSES / str(pid) / "cmdline").read_bytes().split(b"\0")
        name = b" ".join(words).strip().decode("utf-8", "replace")
        return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 3]}..."
    return ""
