"""Kill writers of trajectories, go on with what is left, and see that both formats have it all.

``python -m crashing.trajectories FOLDER calls|moments COUNT SEED`` prints how many writers were
killed and what was wrong with which, as JSON. Writers are forked, so that nothing is imported anew.
"""

import json
import os
import random
import shutil
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import raggedh5.store.durable.durability as durability
from crashing.kills import forked, told
from crashing.shim import KILL, TEAR, Shim
from crashing.sizes import shrink
from raggedh5.core.ragged import Ragged
from raggedh5.formats.trajectory import (
    TrajectoryReader,
    TrajectoryWriterConfig,
    TrajectoryWriterManager,
)

KINDS = ("dense", "sparse", "no field in every frame", "ragged")
QUICK = 0.08
"""Seconds that a writer takes at most, about."""


@dataclass(frozen=True)
class Run:
    """A simulation that gives the same frames each time.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    trajectories, frames : int
        How many there are, and how many frames each has.
    """

    kind: str
    trajectories: int = 1
    frames: int = 60
    buffer_size: int = 10
    flush_seconds: float = 100.0
    background: bool = True
    single_file: bool = True
    flush_every: int = 0

    @property
    def ids(self):
        return [f"traj_{index + 1:03d}" for index in range(self.trajectories)]

    def config(self, **more):
        return TrajectoryWriterConfig.from_mapping(
            {
                "hdf5_options": {"single_file": self.single_file},
                "performance": {
                    "buffer_size": self.buffer_size,
                    "flush_seconds": self.flush_seconds,
                    "parallel_writing": self.background,
                },
            }
            | more
        )

    def manager(self, mode, **more):
        ragged = self.kind == "ragged"
        return TrajectoryWriterManager(
            self.config(**more), {}, mode=mode, resume=mode == "a", ragged=ragged
        )

    def frame(self, index, step):
        rng = np.random.default_rng([index, step])
        frame = {"time": 0.5 * step, "coordinates/unwrapped": rng.normal(size=(5, 3))}
        if self.kind == "dense":
            frame["energy"] = -float(step)
            frame["charges"] = rng.integers(0, 9, 40).astype(np.int16)
        elif self.kind == "sparse":
            if step % 3:
                del frame["coordinates/unwrapped"]
            if step % 7 == 4:
                frame["energy"] = -float(step)
        elif self.kind == "ragged":
            count = (step * 7 + index) % 6
            frame["coordinates/unwrapped"] = rng.normal(size=(count, 3))
            frame["particles/charge"] = rng.normal(size=count)
            if step % 4 == 3:
                del frame["coordinates/unwrapped"], frame["particles/charge"]
        else:
            del frame["coordinates/unwrapped" if step % 2 else "time"]
            if step % 5 == 2:
                frame["energy"] = -float(step)
        return frame

    def wanted(self, index, frames):
        """Return the values of every field, and their frames, by name."""
        found = {}
        for step in range(frames):
            for name, value in self.frame(index, step).items():
                numbers, values = found.setdefault(name, ([], []))
                numbers.append(step)
                values.append(np.asarray(value))
        return found

    def difference(self, index, trajectory, frames):
        """Return what a trajectory has otherwise than it should, None if nothing."""
        if trajectory.n_frames != frames:
            return f"{trajectory.n_frames} frames, not {frames}"
        wanted = self.wanted(index, frames)
        names = {name for name in trajectory.fields if len(trajectory[name])}
        if names != set(wanted):
            return f"fields {sorted(names)}, not {sorted(wanted)}"
        for name, (numbers, values) in wanted.items():
            field = trajectory[name]
            of_rows = np.arange(len(field)) if field.frames is None else field.frames
            if of_rows.tolist() != numbers:
                return f"{name}: frames {of_rows.tolist()}, not {numbers}"
            rows = field.read()
            if not all(np.array_equal(row, value) for row, value in zip(rows, values, strict=True)):
                return f"{name}: other values"
            if isinstance(rows, Ragged) and field.dtype != values[0].dtype:
                return f"{name}: {field.dtype}"
        return None

    def write(self, folder, mode, say=lambda index, frames: None, more=None):
        """Write all frames, each trajectory in a thread, and complete them."""
        manager = self.manager(mode, **(more or {}))
        failed = []

        def one(index, traj_id):
            try:
                first = manager.initialize_writers(folder, traj_id)
                say(index, first)
                for step in range(first, self.frames):
                    manager.write_frame(traj_id, self.frame(index, step))
                    say(index, step + 1 - self.buffer_size)
                    if self.flush_every and step % self.flush_every == 0:
                        manager.flush()
                        say(index, step + 1)
                manager.finalize_trajectory(traj_id)
                say(index, self.frames)
            except BaseException as error:
                failed.append(error)

        threads = [
            threading.Thread(target=one, args=each) for each in list(enumerate(self.ids))[1:]
        ]
        for thread in threads:
            thread.start()
        one(0, self.ids[0])
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
        return manager

    def examine(self, folder, safe):
        """Go on with what is there, twice; return what was wrong, None if nothing."""
        with self.manager("a") as manager:
            counts = [manager.initialize_writers(folder, traj_id) for traj_id in self.ids]
        lost = [count < least for count, least in zip(counts, safe, strict=True)]
        wrong = f"frames {counts} of {safe} that were safe" if any(lost) else None
        wrong = wrong or self.differences(folder, counts)
        if wrong:
            return wrong
        manager = self.write(folder, "a")
        report = manager.validate_formats()
        manager.finalize()
        if not report.ok or not all(
            field.identical for found in report.trajectories for field in found.fields
        ):
            return f"completed, but {report.to_text()}"
        return self.differences(folder, [self.frames] * self.trajectories)

    def differences(self, folder, counts):
        """Return what is wrong with the trajectories in any format, None if nothing."""
        for path in (folder, folder / "trajectories.h5"):
            with TrajectoryReader(path) as reader:
                for index, (traj_id, frames) in enumerate(zip(self.ids, counts, strict=True)):
                    found = self.difference(index, reader[traj_id], frames)
                    if found:
                        return f"{path.name}, {traj_id} at {counts}: {found}"
        return None


def safe_of(run, numbers):
    """Return the frames of each trajectory that were acknowledged, by what a writer has said."""
    safe = [0] * run.trajectories
    for number in numbers:
        index, frames = divmod(number, 10**6)
        safe[index] = max(safe[index], frames)
    return safe


def write(run, folder, mode, out, shim=None, arm=()):
    """Write a run, and complete it."""

    def say(index, frames):
        if frames > 0:
            os.write(out, b"%d\n" % (index * 10**6 + frames))

    if shim is not None:
        shim.arm(folder, *arm)
    run.write(folder, mode, say).finalize()


def examine(run, folder, safe):
    """Examine what is there, in a fork."""
    child, into = forked(lambda out: os.write(out, (run.examine(folder, safe) or "").encode()))
    with os.fdopen(into, "rb") as pipe:
        wrong = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return wrong or (f"checking ended with {status}" if status else None)


def drawn(draw):
    """Return a run of any kind."""
    return Run(
        draw.choice(KINDS),
        trajectories=draw.choice([1, 1, 3]),
        frames=draw.choice([5, 60, 200]),
        buffer_size=draw.choice([1, 2, 3, 5, 10, 50]),
        flush_seconds=draw.choice([0.005, 100]),
        background=draw.random() < 0.7,
        single_file=draw.random() < 0.7,
        flush_every=draw.choice([0, 0, 7]),
    )


def main():
    top, how, count, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    draw = random.Random(seed)
    shim = Shim() if how == "calls" else None
    killed, wrong, trial = 0, [], 0
    while trial < count:
        trial += 1
        folder = top / "run"
        folder.mkdir()
        run = drawn(draw)
        shrink(draw, [2000, 20000, 1 << 25])
        durability.LONGEST_LAG = draw.choice([0.001, 0.02, 1.0])
        safe = [0] * run.trajectories
        # The second one is killed while it goes on, the third one as well.
        for mode in ("w", "a", "a")[: draw.choice([1, 2, 3])]:
            arm = (draw.choice([KILL, TEAR]), draw.randint(1, draw.choice([20, 400])))
            child, into = forked(
                lambda out, r=run, f=folder, m=mode, a=arm: write(r, f, m, out, shim, a)
            )
            if how == "moments":
                time.sleep(draw.random() * QUICK)
                os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            safe = [max(pair) for pair in zip(safe, safe_of(run, told(into)), strict=True)]
            if os.WIFSIGNALED(status):
                killed += 1
            elif status:
                wrong.append([trial, str(run), f"the writer ended with {status}"])
        found = examine(run, folder, safe)
        if found:
            wrong.append([trial, str(run), found])
        shutil.rmtree(folder)
    print(json.dumps({"trials": trial, "killed": killed, "wrong": wrong}))


if __name__ == "__main__":
    main()
