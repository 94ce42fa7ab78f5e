"""The peak memory of writing a trajectory, in a process of its own.

    python -m bench.trajectory_memory raggedh5 --frames 100000

The same 1,000 frames over and over, so that the frames do not hide what the writer keeps. Prints
what the process held before and the peak, in bytes, and the seconds that it took.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from itertools import cycle, islice
from pathlib import Path

import psutil

from bench import place as places
from bench import trajectory_frames
from bench.memory import peak_now, reset_peak
from bench.trajectory_contenders import NAMES, contender

FRAMES = 1000


def measure(name: str, kind: str, frames: int, place: str = "memory") -> dict[str, float]:
    """Return "peak", the bytes above what there was before, and the seconds "wall" and "cpu"."""
    command = [sys.executable, "-m", "bench.trajectory_memory", name, "--kind", kind]
    command += ["--frames", str(frames), "--place", place]
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--kind", choices=trajectory_frames.KINDS, default="md")
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--place", default="memory")
    args = parser.parse_args()
    given = trajectory_frames.make(args.kind, min(FRAMES, args.frames)).given
    write = contender(args.name).write
    with places.Place(args.place) as place:
        path = place.path(args.name, "")
        before = psutil.Process().memory_info().rss if reset_peak() else peak_now()
        cpu, wall = time.process_time(), time.perf_counter()
        write(path, islice(cycle(given), args.frames))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        peak = max(peak_now() - before, 0)
    print(json.dumps({"before": before, "peak": peak, "wall": wall, "cpu": cpu}))


if __name__ == "__main__":
    main()
