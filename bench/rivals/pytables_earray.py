"""PyTables: enlargeable arrays with its own Blosc, on all cores."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import tables

from bench.flat import Batch, Table
from bench.rivals import compact
from bench.rivals.base import Rival

CHUNK = 512 * 1024


class PytablesEarray(Rival):
    name = "pytables"
    what = "PyTables EArrays and offsets, Blosc-LZ4, appended batch by batch"

    def write(self, path: Path, batches: list[Batch]) -> None:
        tables.set_blosc_max_threads(os.cpu_count() or 1)
        filters = tables.Filters(complevel=5, complib="blosc:lz4", shuffle=True)
        ends: dict[str, int] = {}

        with tables.open_file(path, "w", filters=filters) as file:

            def append(place: str, values: np.ndarray) -> None:
                group, _, name = place.rpartition("/")
                if place not in ends:
                    ends[place] = 0
                    items = CHUNK // (values.itemsize * int(np.prod(values.shape[1:])))
                    file.create_earray(
                        group,
                        name,
                        atom=tables.Atom.from_dtype(values.dtype),
                        shape=(0, *values.shape[1:]),
                        chunkshape=(items, *values.shape[1:]),
                        createparents=True,
                    )
                file.get_node(place).append(values)

            def append_lengths(place: str, lengths: np.ndarray) -> None:
                if place not in ends:
                    append(place, np.zeros(1, np.int64))
                append(place, np.cumsum(lengths) + ends[place])
                ends[place] += int(lengths.sum())

            for batch in batches:
                for name, (columns, mask) in batch.items():
                    items = compact.valid_items(mask)
                    append_lengths(f"/{name}/offsets", np.count_nonzero(mask, axis=1))
                    for key, column in columns.items():
                        if compact.is_text(column):
                            data, lengths = compact.utf8(column, items)
                            append(f"/{name}/{key}_bytes", data)
                            append_lengths(f"/{name}/{key}_offsets", lengths)
                        else:
                            append(f"/{name}/{key}", compact.take(column, items))

    def read_all(self, path: Path) -> dict[str, Table]:
        tables.set_blosc_max_threads(os.cpu_count() or 1)
        found = {}
        with tables.open_file(path) as file:
            for group in file.iter_nodes("/"):
                columns: dict[str, np.ndarray] = {}
                for name, node in group._v_children.items():
                    if name.endswith("_bytes"):
                        text = name.removesuffix("_bytes")
                        columns[text] = compact.text(node[:], group[f"{text}_offsets"][:])
                    elif not name.endswith("offsets"):
                        columns[name] = node[:]
                found[group._v_name] = Table(group["offsets"][:], columns)
        return found
