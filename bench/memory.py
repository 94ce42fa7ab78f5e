"""The peak memory of one contender, in a process of its own.

    python -m bench.memory write raggedh5 --rows 16384

Prints what the process held before the work (a handful of batches, written over and over, so that
the batches do not hide what the writer keeps) and the peak during it, in bytes.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import resource
import subprocess
import sys
from pathlib import Path

import psutil

from bench import place as places
from bench import workload
from bench.rivals import contender

ROWS = 1024


def peak(mode: str, name: str, kind: str, rows: int, place: str = "memory") -> int:
    """Return the bytes that a contender needs above what there was before."""
    command = [sys.executable, "-m", "bench.memory", mode, name, "--workload", kind]
    command += ["--rows", str(rows), "--place", place]
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return found["peak"] - found["before"]


def reset_peak() -> bool:
    """Let the high-water mark start anew, where Linux is there to do it."""
    try:
        # What making the batches left free in the heap would hide what the writer allocates.
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    except (OSError, AttributeError):
        return False
    return True


def peak_now() -> int:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", choices=["write", "read"])
    parser.add_argument("name")
    parser.add_argument("--workload", default="numbers-64")
    parser.add_argument("--rows", type=int, default=16384)
    parser.add_argument("--place", default="memory")
    args = parser.parse_args()
    some = workload.batches(args.workload, min(ROWS, args.rows))
    batches = (some * (args.rows // ROWS + 1))[: max(1, len(some) * args.rows // ROWS)]
    rival = contender(args.name)
    with places.Place(args.place) as place:
        path = place.path(rival.name, rival.suffix)
        if args.mode == "read":
            rival.write(path, batches)
        before = psutil.Process().memory_info().rss if reset_peak() else peak_now()
        kept = rival.read_all(path) if args.mode == "read" else rival.write(path, batches)
        found = peak_now()
        del kept
    print(json.dumps({"before": before, "peak": max(found, before)}))


if __name__ == "__main__":
    main()
