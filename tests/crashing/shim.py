"""The shim: built with the C compiler that installing raggedh5 needs anyway."""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import raggedh5 as rh5

__all__ = ["FAIL", "KILL", "RECORD", "TEAR", "Shim", "build", "preloaded"]

KILL, TEAR, FAIL, RECORD = 1, 2, 3, 4
"""Kill before a call; kill in the middle of a write; fail; write down."""

SOURCE = Path(__file__).with_name("shim.c")


def build(folder: Path) -> Path | None:
    """Compile the shim, once for each folder; None where there is no compiler for it."""
    library = folder / "shim.so"
    compiler = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")
    if os.name != "posix" or compiler is None or not Path("/proc/self/fd").exists():
        return None
    if not library.exists():
        command = [compiler, "-O1", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"]
        subprocess.run(command, check=True)
    return library


def preloaded(library: Path) -> dict[str, str]:
    """Return the environment of a process that has the shim."""
    places = [str(SOURCE.parents[1]), str(Path(rh5.__file__).parents[1])]
    return {
        **os.environ,
        "LD_PRELOAD": str(library),
        "RAGGEDH5_SHIM": str(library),
        "PYTHONPATH": os.pathsep.join(places),
    }


class Shim:
    """The shim of this process."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(os.environ["RAGGEDH5_SHIM"])
        self._library.shim_disarm.restype = ctypes.c_long

    def arm(self, folder, mode, first=1, last=1 << 60, error=28, log=None):
        """Begin to watch what changes in a folder; calls are counted from 1."""
        self._library.shim_arm(
            os.fsencode(folder),
            mode,
            ctypes.c_long(first),
            ctypes.c_long(last),
            error,
            None if log is None else os.fsencode(log),
        )

    def disarm(self):
        """Let calls pass, and return how many there were."""
        return self._library.shim_disarm()

    def note(self, number):
        """Write down that something was acknowledged."""
        self._library.shim_note(ctypes.c_long(number))
