"""Let writes fail for a while, as on a full disk, and see that the writer goes on afterwards.

``python -m crashing.full_disks FOLDER COUNT SEED`` prints how many writers ran, how many of them
met an error, and what was wrong with which, as JSON.
"""

import contextlib
import errno
import json
import os
import random
import signal
import sys
from pathlib import Path

import raggedh5 as rh5
from crashing.kills import clean, examine, forked, told
from crashing.shim import FAIL, Shim
from crashing.sizes import shrink
from crashing.story import Story

MOST = 1000
"""Errors after which a writer is taken not to go on."""


def write(shim, path, out, story, level, fails, dies):
    """Tell the story while the calls from `fails[0]` to `fails[1]` fail; maybe die at an error."""
    met = 0

    def patience(error):
        nonlocal met
        met += 1
        os.write(out, b"-1\n")
        if met > MOST:
            raise RuntimeError("it never goes on") from error
        if met == dies:
            os.kill(os.getpid(), signal.SIGKILL)

    options = {"durable": level, "chunk_bytes": story.chunk_bytes, "threads": 2}
    file = rh5.File(path, "w", **options)
    shim.arm(path.parent, FAIL, *fails)
    story.tell(file, lambda step: os.write(out, b"%d\n" % step), patience=patience)
    while True:
        try:
            file.flush()
            break
        except rh5.WriteError as error:
            patience(error)
    os.write(out, b"%d\n" % len(story.steps))
    with contextlib.suppress(rh5.WriteError):  # what was flushed is in file and journal
        file.close()


def main():
    folder, count, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    shim = Shim()
    path = folder / "story.h5"
    draw = random.Random(seed)
    wrong, met = [], 0
    for trial in range(count):
        story = Story(seed + trial, steps=30)
        shrink(draw, [2000, 20000, 1 << 25])
        level = draw.choice(["process", "disk"])
        first = draw.randint(1, 50)
        fails = first, first + draw.choice([0, 1, 3, 30]), draw.choice([errno.ENOSPC, errno.EDQUOT])
        dies = draw.choice([0, 0, 1, 2])
        plan = story, level, fails, dies
        child, into = forked(lambda out, plan=plan: write(shim, path, out, *plan))
        _, status = os.waitpid(child, 0)
        numbers = told(into)
        safe = max([0, *numbers])  # -1 says that there was an error
        met += -1 in numbers
        if not os.WIFSIGNALED(status) and (status or safe < len(story.steps)):
            wrong.append([trial, f"the writer ended with {status} at step {safe}"])
        found = examine(path, story, safe, trial)
        if found:
            wrong.append([trial, found])
        clean(folder)
    print(json.dumps({"trials": count, "met": met, "wrong": wrong}))


if __name__ == "__main__":
    main()
