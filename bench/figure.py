"""One measured figure: the rounds of every contender, and what is needed to read them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from bench.interleave import Times


@dataclass
class Figure:
    """Rounds by contender.

    An entry of `contenders` holds the rounds as "wall" and "cpu" (seconds), "bytes" (of valid
    data; the same for all unless a contender is given fewer batches), and where it applies "size"
    (of the file), "peak" (bytes of memory above what there was before) and "what".
    """

    key: str
    title: str
    command: str
    contenders: dict[str, dict[str, Any]] = field(default_factory=dict)
    ideal: dict[str, list[float]] = field(default_factory=dict)
    note: str = ""

    def add(self, name: str, times: Times, nbytes: int, **more: Any) -> None:
        self.contenders[name] = {"wall": times.wall, "cpu": times.cpu, "bytes": nbytes, **more}

    def rates(self, name: str) -> list[float]:
        """Return MB/s of valid data, round by round."""
        entry = self.contenders[name]
        return [entry["bytes"] / wall / 1e6 for wall in entry["wall"]]

    def rate(self, name: str) -> float:
        return median(self.rates(name))

    @property
    def timed(self) -> bool:
        """Whether its figures are times, of which less is better, rather than rates."""
        return self.key.startswith(
            ("random", "crystal-read", "trajectory-frame", "trajectory-read")
        )

    def seconds(self, name: str) -> float:
        return median(self.contenders[name]["wall"])

    def speedup(self, fast: str, slow: str) -> float:
        """Return how many times as fast `fast` is, by the median of the rounds."""
        pairs = zip(self.rates(fast), self.rates(slow), strict=True)
        return median(a / b for a, b in pairs)

    def more(self, name: str, other: str, part: str) -> list[float]:
        """Return by how much a part of a contender's entry exceeds another's, round by round."""
        pairs = zip(self.contenders[name][part], self.contenders[other][part], strict=True)
        return [a - b for a, b in pairs]

    def size_ratio(self, small: str, large: str) -> float:
        """Return how large one contender's file is beside another's, for each byte of data."""
        one, other = self.contenders[small], self.contenders[large]
        return (one["size"] / one["bytes"]) / (other["size"] / other["bytes"])

    def ideal_seconds(self) -> list[float]:
        """Return the sum of the terms, round by round."""
        return [sum(terms) for terms in zip(*self.ideal.values(), strict=True)]

    def of_ideal(self, name: str) -> float:
        """Return the share of the ideal rate that a contender reaches."""
        pairs = zip(self.ideal_seconds(), self.contenders[name]["wall"], strict=True)
        return median(ideal / wall for ideal, wall in pairs)

    def ideal_speedup(self, fast: str, slow: str) -> float:
        """Return how many times as fast as `slow` the ideal is, for as many bytes as `fast`."""
        nbytes = self.contenders[fast]["bytes"]
        pairs = zip(self.ideal_seconds(), self.rates(slow), strict=True)
        return median(nbytes / seconds / 1e6 / rate for seconds, rate in pairs)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
