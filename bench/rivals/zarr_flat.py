"""Zarr 3 in a local directory: flat arrays and offsets, Blosc-LZ4."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import zarr
from zarr.codecs import BloscCodec

from bench.flat import Batch, Table
from bench.rivals import compact
from bench.rivals.base import Rival

CHUNK = 512 * 1024
# Zarr works on the chunks of one assignment side by side, so it is given several.
CHUNKS = 16


class Column:
    """A flat array that is written sixteen chunks at a time."""

    def __init__(self, group: zarr.Group, name: str, values: np.ndarray):
        inner = values.shape[1:]
        items = CHUNK // (values.itemsize * int(np.prod(inner)))
        self.array = group.create_array(
            name,
            shape=(0, *inner),
            chunks=(items, *inner),
            dtype=values.dtype,
            compressors=BloscCodec(
                cname="lz4", clevel=5, shuffle="shuffle", typesize=values.itemsize
            ),
        )
        self.buffer = np.empty((items * CHUNKS, *inner), values.dtype)
        self.full = 0
        self.end = 0

    def append(self, values: np.ndarray) -> None:
        start = 0
        while start < len(values):
            part = values[start : start + len(self.buffer) - self.full]
            self.buffer[self.full : self.full + len(part)] = part
            start += len(part)
            self.full += len(part)
            if self.full == len(self.buffer):
                self.flush()

    def append_lengths(self, lengths: np.ndarray) -> None:
        ends = np.cumsum(lengths) + self.end
        self.end = int(ends[-1])
        self.append(ends)

    def flush(self) -> None:
        if self.full:
            written = self.array.shape[0]
            self.array.resize((written + self.full, *self.array.shape[1:]))
            self.array[written:] = self.buffer[: self.full]
            self.full = 0


class ZarrFlat(Rival):
    name = "zarr"
    suffix = ".zarr"
    what = "Zarr 3 directory, flat arrays and offsets, Blosc-LZ4, chunks of 512 KiB"

    def write(self, path: Path, batches: list[Batch]) -> None:
        root = zarr.open_group(path, mode="w", zarr_format=3)
        opened: dict[str, Column] = {}

        def column(place: str, values: np.ndarray, first: bool = False) -> Column:
            if place not in opened:
                opened[place] = Column(root, place, values)
                if first:
                    opened[place].append(np.zeros(1, values.dtype))
            return opened[place]

        for batch in batches:
            for name, (columns, mask) in batch.items():
                items = compact.valid_items(mask)
                lengths = np.count_nonzero(mask, axis=1)
                column(f"{name}/offsets", lengths, first=True).append_lengths(lengths)
                for key, values in columns.items():
                    if compact.is_text(values):
                        data, ends = compact.utf8(values, items)
                        column(f"{name}/{key}-bytes", data).append(data)
                        column(f"{name}/{key}-offsets", ends, first=True).append_lengths(ends)
                    else:
                        flat = compact.take(values, items)
                        column(f"{name}/{key}", flat).append(flat)
        for one in opened.values():
            one.flush()

    def read_all(self, path: Path) -> dict[str, Table]:
        tables = {}
        for name, group in zarr.open_group(path, mode="r").groups():
            columns: dict[str, np.ndarray] = {}
            for key, array in group.arrays():
                if key.endswith("-bytes"):
                    text = key.removesuffix("-bytes")
                    columns[text] = compact.text(array[:], group[f"{text}-offsets"][:])
                elif not key.endswith("offsets"):
                    columns[key] = array[:]
            tables[name] = Table(group["offsets"][:], columns)
        return tables
