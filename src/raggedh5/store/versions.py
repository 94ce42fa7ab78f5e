"""Which versions of the libraries are at work, and where HDF5 looks for filters."""

import platform

import h5py
import hdf5plugin
import numpy as np
from h5py import h5pl

from raggedh5._version import __version__

__all__ = ["library_versions", "plugin_folders"]


def library_versions() -> dict[str, str]:
    """Return the versions of raggedh5, Python, NumPy, h5py, HDF5 and hdf5plugin.

    Examples
    --------
    >>> list(library_versions())
    ['raggedh5', 'python', 'numpy', 'h5py', 'hdf5', 'hdf5plugin']
    """
    return {
        "raggedh5": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "h5py": h5py.__version__,
        "hdf5": h5py.version.hdf5_version,
        "hdf5plugin": str(hdf5plugin.version),
    }


def plugin_folders() -> list[str]:
    """Return the folders in which HDF5 looks for filters that were not registered."""
    return [h5pl.get(i).decode("utf-8", "surrogateescape") for i in range(h5pl.size())]
