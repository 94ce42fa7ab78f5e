"""The contenders, one file each."""

from __future__ import annotations

import importlib

import pytest

from bench.rivals.base import Rival

__all__ = ["NAMES", "Rival", "contender", "contenders", "installed"]

_WHERE = {
    "raggedh5": "raggedh5_writer:Raggedh5",
    "h5py-vlen-row": "h5py_vlen_row:H5pyVlenRow",
    "h5py-vlen-batch": "h5py_vlen_batch:H5pyVlenBatch",
    "h5py-flat": "h5py_flat:H5pyFlat",
    "h5py-flat-thread": "h5py_flat_thread:H5pyFlatThread",
    "h5py-padded-gzip": "gzip_padded:GzipPadded",
    "pytables": "pytables_earray:PytablesEarray",
    "parquet": "parquet:Parquet",
    "arrow-ipc": "arrow_ipc:ArrowIpc",
    "zarr": "zarr_flat:ZarrFlat",
}
NAMES = tuple(_WHERE)


def contender(name: str) -> Rival:
    module, _, kind = _WHERE[name].partition(":")
    return getattr(importlib.import_module(f"bench.rivals.{module}"), kind)()


def contenders(names: tuple[str, ...] = NAMES) -> list[Rival]:
    """Return the contenders whose library is installed."""
    found = []
    for name in names:
        try:
            found.append(contender(name))
        except ImportError as error:
            print(f"{name} is left out: {error}")
    return found


def installed(name: str) -> Rival:
    """Return a contender for a test, which is skipped where its library is missing."""
    try:
        return contender(name)
    except ImportError as error:
        pytest.skip(f"{name}: {error}")
