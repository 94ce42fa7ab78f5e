"""What is known of a simulation, in the group ``/metadata`` of an HDF5 file."""

from typing import Any

import numpy as np

from raggedh5.formats.trajectory.metadata import TrajectoryMetadata
from raggedh5.store.array import Array
from raggedh5.store.attributes import set_attributes
from raggedh5.store.file import File

__all__ = ["read_metadata", "write_metadata"]

GROUP = "/metadata"


def write_metadata(file: File, metadata: TrajectoryMetadata) -> None:
    """Write it to an open file that has none.

    Raises
    ------
    WriteError
        If the file cannot be written.
    """
    for name, (datasets, attributes) in metadata.as_groups().items():
        group = file.h5.require_group(f"{GROUP}/{name}")
        set_attributes(group, attributes)
        for key, value in datasets.items():
            group.create_dataset(key, data=value)


def read_metadata(file: File) -> TrajectoryMetadata:
    """Return what an open file says; where it says nothing, nothing is known.

    Raises
    ------
    FormatError
        If an entry is of another type or shape than it should be.
    """
    groups: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    for name in TrajectoryMetadata().as_groups():
        path = f"{GROUP}/{name}"
        if path in file:
            group = file.h5[path]
            datasets = {
                key: np.asarray(file[f"{path}/{key}"].h5[()])
                for key in group
                if isinstance(file[f"{path}/{key}"], Array)
            }
            groups[name] = datasets, dict(group.attrs)
    return TrajectoryMetadata.from_groups(groups)
