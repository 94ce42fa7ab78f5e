"""The workloads by name."""

from __future__ import annotations

from bench import data
from bench.flat import Batch

WORKLOADS = {
    "numbers-64": "crystals, numbers only, batches of 64 rows",
    "numbers-1024": "crystals, numbers only, batches of 1,024 rows",
    "lists-64": "crystals with labels and symbols as lists of str, batches of 64 rows",
    "unicode-64": "crystals with labels and symbols as NumPy text, batches of 64 rows",
    "molecules-64": "real molecules of the component dictionary, batches of 64 rows",
}


def batches(name: str, rows: int) -> list[Batch]:
    if name == "molecules-64":
        return list(data.molecule_batches(batch=64, rows=rows))
    kind, _, batch = name.partition("-")
    return data.crystals(rows, batch=int(batch), text="" if kind == "numbers" else kind)
