"""Where trajectories are in an HDF5 file."""

import glob
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from raggedh5.errors import FormatError
from raggedh5.formats.trajectory.fields import EVENTS
from raggedh5.store.array import Array
from raggedh5.store.facts import address_of
from raggedh5.store.file import File
from raggedh5.store.table import Table

__all__ = [
    "HDF5_NAME",
    "events_of",
    "fields_of",
    "group_of",
    "holds_trajectories",
    "ids_in",
    "part_of",
    "parts_of",
]

HDF5_NAME = "trajectories.h5"
"""The HDF5 file in the folder of the output."""

TRAJECTORIES = "/trajectories"


def group_of(traj_id: str) -> str:
    """Return the group of a trajectory.

    Examples
    --------
    >>> group_of("traj_001")
    '/trajectories/traj_001'
    """
    return f"{TRAJECTORIES}/{traj_id}"


def ids_in(file: File) -> list[str]:
    """Return the names of the trajectories in a file."""
    if TRAJECTORIES not in file:
        return []
    group = file[TRAJECTORIES]
    return list(group) if isinstance(group, Mapping) else []


def holds_trajectories(file: File) -> bool:
    """Whether a file has trajectories, and not just a group of that name."""
    return any(f"{group_of(name)}/metadata" in file for name in ids_in(file))


def part_of(path: Path, traj_id: str) -> Path:
    """Return the file of one trajectory, where each has its own, beside the virtual file.

    Examples
    --------
    >>> part_of(Path("results/trajectories.h5"), "traj_001").as_posix()
    'results/trajectories.traj_001.h5'
    """
    return path.with_name(f"{path.stem}.{traj_id}{path.suffix}")


def parts_of(path: Path) -> dict[str, Path]:
    """Return the files of trajectories that there are beside a virtual file, by their names."""
    begin, end = f"{path.stem}.", path.suffix
    return {
        part.name[len(begin) : len(part.name) - len(end)]: part
        for part in sorted(path.parent.glob(f"{glob.escape(begin)}*{glob.escape(end)}"))
        if len(part.name) > len(begin) + len(end)
    }


def fields_of(file: File, path: str) -> Iterator[tuple[str, Array | Table, Array | None]]:
    """Return the fields of a trajectory: name, values, and the numbers of their frames.

    The table of particles is one of them.

    Raises
    ------
    FormatError
        If it is no trajectory.
    """
    group = file[path]
    if not isinstance(group, Mapping):
        raise FormatError(f"{file.path}: {path} is no trajectory")
    for name in _names(file, group, "", ()):
        yield name, file[f"{path}/{name}"], _numbers(file, f"{path}/frames/{name}")


def events_of(file: File, path: str) -> Iterator[tuple[str, Array]]:
    """Return the fields of a trajectory whose rows are events of their own: name, and values.

    Raises
    ------
    FormatError
        If there is something else among them.
    """
    events = f"{path}/{EVENTS}"
    if events not in file or not isinstance(file[events], Mapping):
        return
    for name in _names(file, file[events], "", ()):
        values = file[f"{events}/{name}"]
        if not isinstance(values, Array):
            raise FormatError(f"{file.path}: {events}/{name} is no field of events")
        yield name, values


def _numbers(file: File, path: str) -> Array | None:
    if path not in file:
        return None
    found = _item(file, path)
    if found is None:
        return None
    if not isinstance(found, Array) or found.ndim != 1 or found.dtype.kind not in "iu":
        raise FormatError(f"{file.path}: {path} holds no numbers of frames")
    return found


def _item(file: File, path: str) -> Any:
    """Return what is at a path; None where it came after the last refresh of a live file."""
    try:
        return file[path]
    except KeyError as error:
        if file.h5.get(path) is None:
            raise FormatError(f"{file.path}: {path} leads nowhere") from error
        return None


def _names(file: File, group: Any, prefix: str, above: tuple[int, ...]) -> Iterator[str]:
    address = address_of(group.id)
    if address in above:
        raise FormatError(f"{file.path}: the group {group.name} holds itself")
    for name in group:
        if not prefix and name in ("metadata", "frames", EVENTS):
            continue
        item = _item(file, f"{group.name}/{name}")
        if item is None:
            continue
        if isinstance(item, Array | Table):
            yield f"{prefix}{name}"
        elif not isinstance(item, Mapping):
            raise FormatError(f"{file.path}: {group.name}/{name} is no field")
        else:
            yield from _names(file, item, f"{prefix}{name}/", (*above, address))
