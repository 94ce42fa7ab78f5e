"""What the figures were measured on, and with."""

from __future__ import annotations

import importlib
import platform
from pathlib import Path

import psutil

from bench.ideal import cores
from bench.place import Place

PACKAGES = ("raggedh5", "numpy", "h5py", "hdf5plugin", "tables", "pyarrow", "zarr")


def describe() -> dict[str, str]:
    facts = {
        "CPU": f"{_cpu()}, {cores()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}, {platform.libc_ver()[0]} "
        f"{platform.libc_ver()[1]}",
        "Python": platform.python_version(),
    }
    for name in ("memory", "disk"):
        with Place(name) as place:
            facts[f"files in {name}" if name == "memory" else "files on disk"] = _filesystem(
                place.directory
            )
    return facts | versions()


def versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = str(importlib.import_module(name).__version__)
        except ImportError:
            continue
    import h5py

    found["HDF5"] = h5py.version.hdf5_version
    return found


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
