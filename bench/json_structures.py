"""Seeded structures as JSON, one to four kB each, as pipelines extract them from a database."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

GROUPS = ("P2_1/c", "P-1", "C2/c", "P2_12_12_1", "P2_1", "Pbca", "Pna2_1", "P1")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SHARES = {"C": 40, "H": 45, "N": 6, "O": 7, "S": 1, "Cl": 1}


def structures(count: int, seed: int = 0) -> Iterator[tuple[str, dict[str, Any]]]:
    """Go through structures with their refcodes, which are all different."""
    rng = random.Random(seed)
    for number in range(count):
        code = "".join(LETTERS[number * 48271 // 26**k % 26] for k in range(6))
        yield f"{code}{number % 100:02d}", _structure(rng, number)


def texts(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Return them as pairs of refcode and JSON."""
    return [(code, json.dumps(value)) for code, value in structures(count, seed)]


def _structure(rng: random.Random, number: int) -> dict[str, Any]:
    atoms = rng.randint(8, 32)
    symbols = rng.choices(list(SHARES), list(SHARES.values()), k=atoms)
    return {
        "identifier": f"ID{number:06d}",
        "space_group": rng.choice(GROUPS),
        "z_value": rng.choice((2, 4, 8)),
        "cell_lengths": [round(rng.uniform(5, 25), 4) for _ in range(3)],
        "cell_angles": [90.0, round(rng.uniform(90, 120), 3), 90.0],
        "atoms": [
            {
                "label": f"{symbol}{i + 1}",
                "symbol": symbol,
                "coords": [round(rng.uniform(-10, 20), 4) for _ in range(3)],
            }
            for i, symbol in enumerate(symbols)
        ],
        "bonds": [
            {
                "atom1": i,
                "atom2": rng.randrange(atoms),
                "type": rng.choice(("Single", "Double", "Aromatic")),
                "length": round(rng.uniform(0.9, 1.6), 4),
            }
            for i in range(atoms)
        ],
    }
