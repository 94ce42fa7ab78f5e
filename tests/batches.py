"""Batches with a column of every kind, the same for the same seed, and the rows that they hold."""

import numpy as np

import raggedh5 as rh5
from kinds import plain

__all__ = ["COLUMNS", "WORDS", "batch"]

COLUMNS = {
    "x": rh5.Column("f4", (2,), finite=True),
    "n": rh5.Column("i2"),
    "s": rh5.Column("str", dictionary=False),
    "d": rh5.Column("str", dictionary=True),
    "o": rh5.Column("f8", nullable=True),
    "l": rh5.Column("i4", nested=True),
}
WORDS = np.array(["", "a", "bb", "ccc", "ä€😀", "H" * 40], dtype=object)


def batch(seed, rows):
    """A padded batch with a scattered mask, and the rows that it stands for."""
    rng = np.random.default_rng(seed)
    width = int(rng.integers(0, 6))
    mask = rng.random((rows, width)) < 0.6
    lists = rng.integers(0, 3, (rows, width))
    item_mask = (np.arange(3) < lists[..., None]) & mask[..., None]
    data = {
        "x": rng.normal(size=(rows, width, 2)).astype("f4"),
        "n": rng.integers(-99, 99, (rows, width), "i2"),
        "s": rng.choice(WORDS, (rows, width)),
        "d": rng.choice(WORDS, (rows, width)),
        "o": np.ma.MaskedArray(rng.normal(size=(rows, width)), rng.random((rows, width)) < 0.3),
        "l": rng.integers(0, 99, (rows, width, 3), "i4"),
    }
    model = []
    for i in range(rows):
        row = {name: values[i][mask[i]] for name, values in data.items() if name != "l"}
        row["l"] = [data["l"][i, j][item_mask[i, j]].tolist() for j in range(width) if mask[i, j]]
        model.append({name: plain(values) for name, values in row.items()})
    return data, mask, {"l": item_mask}, model
