"""Seeded trajectories of 100 species, as two kinds of simulation give them: a frame at a time.

md
    Molecular dynamics: every species moves in every frame, by Gaussian steps of 0.02 bohr. The
    mantissas are full.
kmc
    Kinetic Monte Carlo: one to three species hop to a neighbouring site, all others stay where
    they are, to the last bit.

Wrapped coordinates are the unwrapped ones modulo the box. More frames begin with the same ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

Frame = dict[str, np.ndarray | float]
"""Values by field, as `write_frame` takes them."""

KINDS = {"md": "molecular dynamics", "kmc": "kinetic Monte Carlo"}
SPECIES = 100
UNWRAPPED, WRAPPED = "coordinates/unwrapped", "coordinates/wrapped"
NUMBERS = ("time", "energy", "delg_0", "potential")
SITES = np.array([9.75, 9.6, 22.1])
"""From a site to the next, in bohr: the lattice vectors of the cell, which are orthogonal."""
BOX = SITES * [5, 5, 2]
STEP = 0.02


@dataclass(frozen=True)
class Frames:
    """The values of each field, all frames together."""

    columns: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.columns[UNWRAPPED])

    def __iter__(self) -> Iterator[Frame]:
        return iter(self.given)

    @cached_property
    def given(self) -> list[Frame]:
        """The frames one by one: views of the coordinates, and numbers of Python."""
        parts = [v.tolist() if v.ndim == 1 else list(v) for v in self.columns.values()]
        return [dict(zip(self.columns, frame, strict=True)) for frame in zip(*parts, strict=True)]

    def prepared(self) -> Frames:
        """Make `given` now, rather than within somebody's time."""
        _ = self.given
        return self

    @property
    def nbytes(self) -> int:
        return sum(column.nbytes for column in self.columns.values())

    def first(self, count: int) -> Frames:
        """Return the first frames, as views; all of them are `self`."""
        if count >= len(self):
            return self
        return Frames({name: column[:count] for name, column in self.columns.items()})


def make(kind: str, count: int, species: int = SPECIES, seed: int = 0) -> Frames:
    """Return a trajectory of so many frames."""
    moving, clock, others = (np.random.default_rng([seed, part]) for part in range(3))
    start = np.random.default_rng([seed, 3]).random((species, 3)) * BOX
    if kind == "md":
        x = moving.standard_normal((count, species * 3))
        x *= STEP
        time = np.arange(count) * 2.5e-16
    else:
        start -= start % SITES
        x = _hops(moving, count, species).reshape(count, species * 3)
        time = np.cumsum(clock.exponential(3e-12, count))
    # From here on the steps become places, as a simulation adds them: rounded once a step.
    x[:1] = start.reshape(-1)
    np.cumsum(x, axis=0, out=x)
    energy, delg_0, potential = others.standard_normal((count, 3)).T
    return Frames(
        {
            UNWRAPPED: x,
            WRAPPED: np.mod(x, np.tile(BOX, species)),
            "time": time,
            "energy": energy * 0.05 - 1834.2,
            "delg_0": np.round(delg_0) * 0.0125,
            "potential": np.ascontiguousarray(potential),
        }
    )


def _hops(rng: np.random.Generator, count: int, species: int) -> np.ndarray:
    """Return steps, of which one to three a frame are lattice vectors and the rest zeros."""
    steps = np.zeros((count, species, 3))
    drawn = rng.random((count, 4))
    frames = np.arange(count)
    for at, chance in enumerate([1.0, 0.5, 0.2]):
        hops = frames[drawn[:, 0] < chance]
        who = (drawn[hops, at + 1] * species).astype(int)
        way = (drawn[hops, at + 1] * species % 1 * 6).astype(int)
        steps[hops, who, way // 2] = SITES[way // 2] * (way % 2 * 2 - 1)
    return steps


def differences(found: dict[str, np.ndarray], wanted: Frames, single: tuple[str, ...]) -> list[str]:
    """Return the fields that differ from what was written; those in `single` are kept as float32.

    Coordinates may be found with an axis of their own for x, y and z.
    """
    wrong = sorted(found.keys() ^ wanted.columns.keys())
    for name in found.keys() & wanted.columns.keys():
        column = wanted.columns[name]
        expected = column.astype(np.float32) if name in single else column
        if not np.array_equal(found[name].reshape(len(found[name]), *column.shape[1:]), expected):
            wrong.append(name)
    return wrong
