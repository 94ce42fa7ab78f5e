"""Kill a writer at system calls or at moments, recover the file, and see what is left.

``python -m crashing.kills FOLDER calls|moments COUNT SEED LEVEL [STEPS]`` prints how many writers
were killed and what was wrong with which, as JSON. Writers are forked, so that nothing is imported
anew.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import raggedh5 as rh5
from crashing.shim import KILL, TEAR, Shim
from crashing.sizes import shrink
from crashing.story import Story, check
from raggedh5.care import recover
from raggedh5.store.durable.journal import has_journal

QUICK = {"process": 0.12, "disk": 0.15}
"""Seconds that a writer takes at most, about."""


def forked(work):
    """Run `work` in a fork; return its status and what it wrote to the descriptor it was given."""
    into, out = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(into)
            work(out)
            code = 0
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(code)
    os.close(out)
    return child, into


def told(into):
    """Return the numbers that were written to a pipe, a line each."""
    with os.fdopen(into, "rb") as pipe:
        return [int(line) for line in pipe.read().split(b"\n")[:-1]]


def write(path, story, level, out, shim=None, arm=()):
    """Tell the story to a file."""
    if shim is not None:
        shim.arm(path.parent, *arm)
    with rh5.File(path, "w", durable=level, chunk_bytes=story.chunk_bytes, threads=2) as file:
        story.tell(file, lambda step: os.write(out, b"%d\n" % step))
    os.write(out, b"%d\n" % len(story.steps))


def examine(path, story, safe, trial=0):
    """Recover, compare, append what is missing, and compare again.

    Every third time opening the file is what recovers it, and rows are appended right then.
    """

    def look():
        if trial % 3:
            recover(path)
            yield check(path, story, safe)
        with rh5.File(path, "a", durable="process", chunk_bytes=story.chunk_bytes) as file:
            yield story.missing(file, safe)
            story.tell(file)
        yield check(path, story, len(story.steps))
        yield "the journal is there still" if has_journal(path) else None

    def work(out):
        if path.exists() or safe:
            os.write(out, next(filter(None, look()), "").encode())

    child, into = forked(work)
    with os.fdopen(into, "rb") as pipe:
        wrong = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return wrong or (f"checking ended with {status}" if status else None)


def clean(folder):
    """Delete every file."""
    for path in folder.iterdir():
        path.unlink()


def main():
    folder, how, count, seed, level = Path(sys.argv[1]), sys.argv[2], *sys.argv[3:6]
    count, seed = int(count), int(seed)
    steps = int(sys.argv[6]) if len(sys.argv) > 6 else 50
    shim = Shim()
    path = folder / "story.h5"
    draw = random.Random(seed)
    killed, wrong = 0, []
    trial = 0
    while (killed if how == "moments" else trial) < count:
        trial += 1
        story = Story(seed + (trial if how == "moments" else 0), steps)
        # Checkpoints now come every few appends, now hardly ever.
        if how == "moments":
            shrink(draw, [2000, 20000, 1 << 25])
        elif trial == 1:  # every writer makes the same calls
            shrink(draw, [6000])
        arm = () if how == "moments" else ((KILL, TEAR)[trial % 2], (trial + 1) // 2)
        child, into = forked(
            lambda out, s=story, a=arm: write(path, s, level, out, shim if a else None, a)
        )
        if how == "moments":
            time.sleep(draw.random() * QUICK[level])
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        safe = max(told(into), default=0)
        if os.WIFSIGNALED(status):
            killed += 1
        elif how == "calls" and arm[0] == KILL:
            break  # there are no more calls than that
        elif status and how == "moments":
            wrong.append([trial, "the writer failed"])
        found = examine(path, story, safe, trial)
        if found:
            wrong.append([trial, found])
        clean(folder)
    print(json.dumps({"trials": trial, "killed": killed, "wrong": wrong}))


if __name__ == "__main__":
    main()
