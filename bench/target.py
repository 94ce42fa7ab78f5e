"""A target: what is asked of a figure, and how it is taken from what was measured."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import NamedTuple

from bench.figure import Figure

Figures = dict[str, Figure]
OURS = "raggedh5"


class Target(NamedTuple):
    """`value` returns what was measured; it is met where that is at least (or at most) `goal`.

    `beside` is the contender that a ratio is taken to, for the ratio that the ideal reaches.
    """

    text: str
    figure: str
    value: Callable[[Figures], float]
    goal: float
    unit: str = "x"
    at_most: bool = False
    beside: str = ""

    def ideal(self, figures: Figures) -> float | None:
        """Return what the ideal of the same run reaches, None where it has none."""
        figure = figures[self.figure]
        return figure.ideal_speedup(OURS, self.beside) if self.beside and figure.ideal else None

    def met(self, value: float) -> bool:
        return value <= self.goal if self.at_most else value >= self.goal


def ratio(text: str, figure: str, other: str, goal: float) -> Target:
    """Return a target of being so many times as fast as another contender."""
    return Target(
        text, figure, lambda figures: figures[figure].speedup(OURS, other), goal, beside=other
    )


def quotient(text: str, figure: str, name: str, other: str, goal: float) -> Target:
    """Return a target of one contender beside another, neither of which need be the default."""
    return Target(text, figure, lambda figures: figures[figure].speedup(name, other), goal)


def larger(figure: str, name: str) -> Callable[[Figures], float]:
    """Return by how many per cent a contender's file is larger than the default's."""

    def value(figures: Figures) -> float:
        found = figures[figure].contenders
        return 100 * (found[name]["size"] / found[OURS]["size"] - 1)

    return value


def milliseconds(figure: str, name: str) -> Callable[[Figures], float]:
    return lambda figures: figures[figure].seconds(name) * 1e3


def of_ideal(figure: str) -> Callable[[Figures], float]:
    return lambda figures: figures[figure].of_ideal(OURS) * 100


def extra_memory(figure: str) -> Callable[[Figures], float]:
    return lambda figures: figures[figure].contenders[OURS]["peak"] / 2**20


def smaller(figure: str, name: str) -> Callable[[Figures], float]:
    """Return how many times larger a contender's file is than the default's."""

    def value(figures: Figures) -> float:
        found = figures[figure].contenders
        return found[name]["size"] / found[OURS]["size"]

    return value


def dearer(figure: str) -> Callable[[Figures], float]:
    """Return by how many per cent a row costs more among the most rows than among fewer."""

    def value(figures: Figures) -> float:
        found = figures[figure]
        rates = [found.rate(name) for name in found.contenders if name.startswith(f"{OURS} ")]
        return 100 * (max(rates[:-1]) / rates[-1] - 1)

    return value


def growth(figure: str, contender: str = OURS) -> Callable[[Figures], float]:
    """Return by how many MiB the peak memory grows from the fewest rows to the most."""

    def value(figures: Figures) -> float:
        entries = figures[figure].contenders.items()
        peaks = [entry["peak"] for name, entry in entries if name.startswith(f"{contender} ")]
        return (peaks[-1] - peaks[0]) / 2**20

    return value


def slower_of(figure: str, names: tuple[str, ...], both: str) -> Callable[[Figures], float]:
    """Return how many times longer a contender takes than the slower one of some others."""

    def value(figures: Figures) -> float:
        found = figures[figure]
        return found.speedup(max(names, key=found.seconds), both)

    return value


def microseconds_more(figure: str, other: str, part: str) -> Callable[[Figures], float]:
    """Return by how many microseconds a part of the default's calls exceeds another's."""
    return lambda figures: median(figures[figure].more(OURS, other, part)) * 1e6
