"""Contenders in turn, C A B, B A C, A C B: noise of the machine then falls on all of them alike.

Their order is drawn anew for every round (with the same seed in every run), so that none always
follows the same: what a contender leaves behind in caches and in the kernel's lists of free memory
is part of the next one's time.

    python -m bench.interleave --rows 4096 --rounds 5 raggedh5 h5py-flat

A ratio is taken within each round, between runs that lie a moment apart, and its median given.
"""

from __future__ import annotations

import argparse
import gc
import random
import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

Run = Callable[[], Any]


class Times(NamedTuple):
    """Seconds of each round: on the clock, and of all cores together."""

    wall: list[float]
    cpu: list[float]


def interleave(
    runs: dict[str, Run],
    rounds: int,
    *,
    warm: int = 1,
    before: dict[str, Run] | None = None,
    after: dict[str, Run] | None = None,
) -> dict[str, Times]:
    """Run every contender once a round; `before` and `after` are not timed, nor are `warm` rounds.

    The order is another one in every round.

    What the caller holds already is kept out of garbage collection, which else would walk over
    the batches whenever a contender makes many objects.
    """
    times = {name: Times([], []) for name in runs}
    order, draw = list(runs), random.Random(0)
    gc.collect()
    gc.freeze()
    try:
        for turn in range(-warm, rounds):
            draw.shuffle(order)
            for name in order:
                run = runs[name]
                if before and name in before:
                    before[name]()
                cpu, wall = time.process_time(), time.perf_counter()
                run()
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                if after and name in after:
                    after[name]()
                if turn >= 0:
                    times[name].wall.append(wall)
                    times[name].cpu.append(cpu)
    finally:
        gc.unfreeze()
    return times


def ratio(slow: list[float], fast: list[float]) -> float:
    """Return how many times longer `slow` takes: the median of the rounds."""
    return median(a / b for a, b in zip(slow, fast, strict=True))


def main() -> None:
    from bench import bench_write

    parser = argparse.ArgumentParser(description="Write a workload with some contenders in turn.")
    parser.add_argument("names", nargs="*", default=["raggedh5", "h5py-flat"])
    parser.add_argument("--workload", default="numbers-64")
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--place", default="memory")
    args = parser.parse_args()
    figure = bench_write.measure(args.workload, args.place, args.rows, args.rounds, args.names)
    base = figure.rates(args.names[0])
    for name, entry in figure.contenders.items():
        rates = figure.rates(name)
        beside = median(a / b for a, b in zip(base, rates, strict=True))
        print(
            f"{name:20} {median(rates):8.1f} MB/s  {args.names[0]} is {beside:6.2f} times as fast  "
            f"rounds {min(rates):.0f} to {max(rates):.0f}  cpu {median(entry['cpu']):.3f} s"
        )


if __name__ == "__main__":
    main()
