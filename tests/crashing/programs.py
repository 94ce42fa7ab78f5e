"""The programs of this package, run with the shim."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from crashing import shim

__all__ = ["run_program"]

MEMORY = Path("/dev/shm")


def run_program(place, program, *arguments, seconds=3000):
    """Run one of the programs in a folder of its own; return what it has found.

    Parameters
    ----------
    place
        Where the shim is built, once.
    program, arguments
        ``python -m crashing.program FOLDER *arguments``.

    Raises
    ------
    FileNotFoundError
        If the shim cannot be built here.
    """
    library = shim.build(place)
    if library is None:
        raise FileNotFoundError("the shim needs Linux and a C compiler")
    # In memory, where there is such a place: nobody waits for real disks here.
    memory = MEMORY if MEMORY.is_dir() else place
    with tempfile.TemporaryDirectory(dir=memory) as top:
        folder = Path(top) / "files"
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, "-m", f"crashing.{program}", folder, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=seconds,
            env=shim.preloaded(library),
        )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert not found["wrong"], (found["wrong"][:5], done.stderr[-3000:])
    return found
