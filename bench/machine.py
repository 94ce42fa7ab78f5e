"""What the figures were measured on, and with."""

from __future__ import annotations

import importlib
import platform
from importlib import metadata
from pathlib import Path

import h5py
import psutil

from bench.ideal import cores
from bench.place import PLACES, Place

PACKAGES = ("numpy", "h5py", "hdf5plugin", "tables", "pyarrow", "zarr", "MDAnalysis")


def describe() -> dict[str, str]:
    facts = {
        "CPU": f"{_cpu()}, {cores()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}, {platform.libc_ver()[0]} "
        f"{platform.libc_ver()[1]}",
        "Python": platform.python_version(),
    }
    for name in PLACES:
        with Place(name) as place:
            facts[f"files: {name}"] = _filesystem(place.directory)
    return facts | versions()


def versions() -> dict[str, str]:
    found = {"raggedh5": _raggedh5()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found | {"HDF5": h5py.version.hdf5_version}


def _raggedh5() -> str:
    try:
        return importlib.import_module("raggedh5").__version__
    except ImportError:
        return "not installed"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _filesystem(directory: Path) -> str:
    mounts = [m for m in psutil.disk_partitions(all=True) if directory.is_relative_to(m.mountpoint)]
    return max(mounts, key=lambda mount: len(mount.mountpoint)).fstype if mounts else "unknown"
