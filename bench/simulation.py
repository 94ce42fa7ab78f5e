"""What a simulation pays for each call that takes a frame from it, beside copying the frame.

A step of the simulation is some work of NumPy, the same for all, and then new values in its own
arrays, which every step writes over. Only the call that takes the frame is timed; but the work
shares the interpreter and the memory with threads in the background, so that the time of a whole
step is kept as well.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter, perf_counter_ns
from typing import NamedTuple

import numpy as np

from bench.trajectory_frames import Frame, Frames

BUFFER = 1000
WORK = 75e-6
"""Seconds of work in a step, about."""

Take = Callable[[Frame], None]


class Calls(NamedTuple):
    """Seconds: of a call, by the mean and elsewhere, and of a whole step."""

    mean: float
    median: float
    p99: float
    longest: float
    step: float


class Work:
    """So many times the sine of 1,000 numbers as take about 75 microseconds here."""

    def __init__(self) -> None:
        self._values = np.linspace(0, 1, 1000)
        self._results = np.empty_like(self._values)
        self._times = 1
        trial = min(self._trial() for _ in range(50))
        self._times = max(round(WORK / trial), 1)

    def __call__(self) -> None:
        for _ in range(self._times):
            np.sin(self._values, out=self._results)

    def _trial(self) -> float:
        begun = perf_counter()
        self()
        return perf_counter() - begun


class Copies:
    """The floor: each frame into rows of arrays that are there, written over after so many."""

    def __init__(self, first: Frame):
        self._rows = {name: np.zeros((BUFFER, *np.shape(value))) for name, value in first.items()}
        self._at = 0

    def take(self, frame: Frame) -> None:
        rows, at = self._rows, self._at
        for name, value in frame.items():
            rows[name][at] = value
        self._at = (at + 1) % BUFFER


def paced(take: Take, frames: Frames, work: Work) -> Calls:
    """Run a simulation that hands over a frame after each step."""
    given = frames.given
    own = {name: np.array(v) for name, v in given[0].items() if isinstance(v, np.ndarray)}
    took = np.empty(len(given), np.int64)
    begun = perf_counter()
    for step, new in enumerate(given):
        work()
        for name, values in own.items():
            np.copyto(values, new[name])
        frame = {**new, **own}
        start = perf_counter_ns()
        take(frame)
        took[step] = perf_counter_ns() - start
    whole = perf_counter() - begun
    median, p99 = np.percentile(took, [50, 99])
    return Calls(
        *(float(ns) * 1e-9 for ns in (took.mean(), median, p99, took.max())), whole / len(given)
    )
