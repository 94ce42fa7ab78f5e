"""Seeded batches: synthetic crystals, and the real molecules of the component dictionary.

A crystal row has a log-normal number of atoms, median 70, padded to 256 (30% of it valid), its
bonds, and its contacts, padded to 800. The values have the entropy of real ones: positions are
fractional coordinates with the decimals that crystallographers give, put through the cell into
float32; charges and weights have the decimals of the programs that compute them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from examples.make_molecules import Ragged, pad, read_components

from bench.flat import Batch, Table, starts

ATOMS, BONDS, CONTACTS = 256, 288, 800
# Rows are made in blocks with a seed each, so that more rows begin with the same ones.
BLOCK = 1024
ELEMENTS = np.array(["H", "C", "N", "O", "S", "Cl", "F", "P", "Br", "Cu"])
NUMBERS = np.array([1, 6, 7, 8, 16, 17, 9, 15, 35, 29], np.int32)
SHARES = [0.44, 0.38, 0.05, 0.09, 0.01, 0.01, 0.01, 0.004, 0.003, 0.003]
CHARGES = np.array([0.12, -0.06, -0.35, -0.42, -0.1, -0.1, -0.2, 0.9, -0.1, 0.6])


def crystals(rows: int, *, batch: int = 64, text: str = "", seed: int = 0) -> list[Batch]:
    """Return padded batches of atoms, bonds and contacts.

    `text` adds the columns label and symbol to the atoms: as ``"lists"`` of lists of str, each as
    long as its row, or as padded ``"unicode"`` arrays. Empty: numbers only.
    """
    batches = []
    for block in range(0, rows, BLOCK):
        tables = _block(np.random.default_rng([seed, block]), text)
        for start in range(0, min(BLOCK, rows - block), batch):
            part = slice(start, min(start + batch, rows - block))
            batches.append(
                {
                    name: ({key: column[part] for key, column in columns.items()}, mask[part])
                    for name, (columns, mask) in tables.items()
                }
            )
    return batches


def _block(rng: np.random.Generator, text: str) -> Batch:
    counts = np.exp(rng.normal(np.log(70), 0.5, BLOCK)).astype(int).clip(4, ATOMS)
    row = np.repeat(np.arange(BLOCK), counts)
    first = starts(counts)[:-1]
    coords = _positions(rng, row, first)
    kind = rng.choice(len(ELEMENTS), len(row), p=SHARES)
    thermal = np.round(rng.gamma(4.0, 0.012, len(row)), 4)
    atoms = {
        "coords": coords,
        "weights": np.exp(-thermal * 3.3).astype(np.float32),
        "charges": np.round(CHARGES[kind] + rng.normal(0, 0.08, len(row)), 5).astype(np.float32),
        "number": NUMBERS[kind],
    }
    mask = np.arange(ATOMS) < counts[:, None]
    batch = {"atoms": ({key: _padded(values, mask) for key, values in atoms.items()}, mask)}
    if text:
        batch["atoms"][0].update(_texts(kind, row, mask, text))
    batch["bonds"] = _bonds(rng, counts)
    batch["contacts"] = _contacts(rng, counts, coords, first)
    return batch


def _positions(rng, row: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Return float32 (atoms, 3): chains of atoms 1.4 angstrom apart, wrapped into a cell."""
    sides = rng.uniform(6, 22, (BLOCK, 3))
    cell = sides[:, :, None] * np.eye(3)
    tilt = np.where(rng.random(BLOCK) < 0.6, 0.0, rng.normal(0, 0.2, BLOCK))
    cell[:, 2, 0] = sides[:, 2] * tilt
    step = rng.normal(0, 0.8, (len(row), 3)) / sides[row]
    walk = np.cumsum(step, axis=0)
    walk += (rng.random((BLOCK, 3)) - walk[first])[row]
    fractions = np.round(walk % 1.0, 5)
    return np.einsum("ai,aij->aj", fractions, cell[row]).astype(np.float32)


def _bonds(rng, counts: np.ndarray):
    """Return a tree over the atoms of each row and a few ring closures."""
    rings = rng.binomial(counts, 0.07)
    lengths = np.minimum(counts - 1 + rings, BONDS)
    mask = np.arange(BONDS) < lengths[:, None]
    place = np.nonzero(mask)[1]
    atoms = np.repeat(counts, lengths)
    later = np.where(place < atoms - 1, place + 1, rng.integers(1, atoms))
    earlier = np.maximum(later - rng.geometric(0.55, len(later)), 0)
    columns = {
        "pair": np.stack([earlier, later], axis=1).astype(np.int32),
        "order": rng.choice(4, len(place), p=[0.62, 0.08, 0.01, 0.29]).astype(np.int8) + np.int8(1),
    }
    return {key: _padded(values, mask) for key, values in columns.items()}, mask


def _contacts(rng, counts: np.ndarray, coords: np.ndarray, first: np.ndarray):
    """Return pairs of atoms in order of the first of them, and the distances between them."""
    lengths = np.minimum(rng.poisson(3.6 * counts), CONTACTS)
    mask = np.arange(CONTACTS) < lengths[:, None]
    row, place = np.nonzero(mask)
    one = place * counts[row] // lengths[row]
    other = (one + rng.integers(1, counts[row])) % counts[row]
    gap = coords[first[row] + one] - coords[first[row] + other]
    columns = {
        "pair": np.stack([one, other], axis=1).astype(np.int32),
        "distance": np.sqrt((gap * gap).sum(axis=1)),
    }
    return {key: _padded(values, mask) for key, values in columns.items()}, mask


def _padded(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    array = np.zeros(mask.shape + values.shape[1:], values.dtype)
    array[mask] = values
    return array


def _texts(kind: np.ndarray, row: np.ndarray, mask: np.ndarray, text: str) -> dict:
    """Return labels such as C12, numbered within a row and an element, and the symbols."""
    group = row * len(ELEMENTS) + kind
    order = np.argsort(group, kind="stable")
    ranks = np.empty(len(group), int)
    ranks[order] = np.arange(len(group)) - np.searchsorted(group[order], group[order])
    flat = {
        "label": np.char.add(ELEMENTS[kind], (ranks + 1).astype("U4")).astype("U5"),
        "symbol": ELEMENTS[kind],
    }
    if text == "unicode":
        return {key: _padded(values, mask) for key, values in flat.items()}
    ends = np.cumsum(mask.sum(axis=1)).tolist()
    bounds = list(zip([0, *ends], ends, strict=False))
    return {key: [values[a:b].tolist() for a, b in bounds] for key, values in flat.items()}


def spectra(rows: int, channels: int = 300, seed: int = 0) -> np.ndarray:
    """Return float32 (rows, channels): three peaks on a background, and one per cent noise."""
    rng = np.random.default_rng(seed)
    x = np.arange(channels, dtype=np.float32)
    values = np.empty((rows, channels), np.float32)
    for start in range(0, rows, BLOCK):
        part = values[start : start + BLOCK]
        part[:] = 20 * np.exp(-x / 150)
        for _ in range(3):
            centre, width, height = rng.uniform(
                [[0], [3], [50]], [[channels], [15], [900]], (3, len(part))
            ).astype(np.float32)
            part += height[:, None] * np.exp(-(((x - centre[:, None]) / width[:, None]) ** 2))
        part *= 1 + np.float32(0.01) * rng.standard_normal(part.shape, np.float32)
    return values


def molecules() -> dict[str, Table]:
    """Return the whole component dictionary, flat: atoms and bonds of some 48,000 molecules.

    Kept in the directory for temporary files, for reading it takes seconds.
    """
    cache = Path(tempfile.gettempdir()) / "raggedh5-bench-molecules.npz"
    if not cache.exists():
        parsed = read_components()
        arrays = {}
        for name in ("atoms", "bonds"):
            table = getattr(parsed, name)
            arrays[f"{name}_offsets"] = table.offsets
            arrays |= {f"{name}/{key}": values for key, values in table.columns.items()}
        np.savez(cache, **arrays)
    with np.load(cache) as arrays:
        return {
            name: Table(
                arrays[f"{name}_offsets"],
                {key.split("/")[1]: arrays[key] for key in arrays if key.startswith(f"{name}/")},
            )
            for name in ("atoms", "bonds")
        }


def molecule_batches(*, batch: int = 64, rows: int | None = None) -> Iterator[Batch]:
    """Yield the molecules as padded batches, each as wide as its longest row."""
    tables = {name: Ragged(*table) for name, table in molecules().items()}
    total = len(tables["atoms"].offsets) - 1
    rows = total if rows is None else min(rows, total)
    for start in range(0, rows, batch):
        chosen = np.arange(start, min(start + batch, rows))
        yield {name: pad(table, chosen) for name, table in tables.items()}
