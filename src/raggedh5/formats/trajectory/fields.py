"""What the fields of a frame are, what they are measured in, and where they are kept."""

import re
from collections.abc import Container, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.frames import FrameField
from raggedh5.errors import SchemaError

__all__ = [
    "EVENTS",
    "PARTICLES",
    "STANDARD",
    "StandardField",
    "check_name",
    "check_names",
    "check_no_events",
    "check_trajectory_id",
    "column_of",
    "field_of",
    "file_stem",
    "is_of_particles",
    "number_of",
]

PARTICLES = "particles"
"""The table of particles, where their number varies."""

EVENTS = "events"
"""The group of fields whose rows are of events of their own, and of no known frames."""

RESERVED = ("metadata", "frames", PARTICLES, EVENTS)
"""Names in the group of a trajectory that are no fields."""


class StandardField(NamedTuple):
    """A field that every program knows.

    Attributes
    ----------
    units : str or None
        What its values are measured in.
    stem : str
        Name of its NumPy file, without ``.npy``.
    """

    units: str | None
    stem: str


STANDARD = {
    "coordinates/unwrapped": StandardField("bohr", "unwrapped_traj"),
    "coordinates/wrapped": StandardField("bohr", "wrapped_traj"),
    "time": StandardField("s", "time_data"),
    "energy": StandardField("hartree", "energy"),
    "delg_0": StandardField(None, "delg_0"),
    "potential": StandardField(None, "potential"),
}


def is_of_particles(name: str) -> bool:
    """Whether a field has a value for each particle, by its name.

    Examples
    --------
    >>> is_of_particles("coordinates/wrapped"), is_of_particles("particles/charge")
    (True, True)
    >>> is_of_particles("energy")
    False
    """
    return name.startswith(("coordinates/", f"{PARTICLES}/"))


def column_of(name: str) -> str:
    """Return the column of the table of particles that a field of theirs is.

    Examples
    --------
    >>> column_of("coordinates/unwrapped")
    'unwrapped'
    """
    return name.partition("/")[2].replace("/", ".")


def field_of(name: str, array: NDArray[Any], ragged: bool = False) -> FrameField:
    """Return what a field is, from its first value.

    Coordinates are float64, whatever they come in: (n_species, 3) or flat. Any other field keeps
    its dtype, and the standard ones are float64.

    Parameters
    ----------
    name
        Its name.
    array
        Its value in a frame.
    ragged
        Whether the number of particles varies.

    Raises
    ------
    SchemaError
        If the name is none, or coordinates are no vectors of three.
    """
    check_name(name, ragged)
    name = str.__str__(name)  # NumPy and enumerations have kinds of their own
    vectors = name.startswith("coordinates/")
    dtype = np.dtype(np.float64) if vectors or name in STANDARD else array.dtype
    if vectors:
        flat = array.ndim == 1 and len(array) % 3 == 0
        if not flat and (array.ndim != 2 or array.shape[1] != 3):
            raise SchemaError(
                f"{name}: coordinates are (n_species, 3) or flat (n_species * 3,), not of shape "
                f"{array.shape}"
            )
        if ragged:
            return FrameField(name, dtype, (3,), ragged=True)
        return FrameField(name, dtype, (array.size,), vectors=True)
    if ragged and is_of_particles(name):
        if array.ndim == 0:
            raise SchemaError(f"{name}: it has a value for each particle, not a single one")
        return FrameField(name, dtype, array.shape[1:], ragged=True)
    return FrameField(name, dtype, array.shape)


def check_name(name: Any, ragged: bool = False) -> None:
    """Refuse what cannot be the name of a field.

    Raises
    ------
    SchemaError
        Naming it.
    """
    parts = name.split("/") if isinstance(name, str) else []
    if not parts or any(part in ("", ".", "..") for part in parts) or not _is_text(name):
        raise SchemaError(f"{name!r} is no name of a field; write 'energy' or 'group/energy'")
    stem = file_stem(name)
    if stem.endswith(".frames") or stem == f"{PARTICLES}_offsets":
        raise SchemaError(f"{name!r} is no name of a field: its NumPy file has another use")
    if parts[0] in RESERVED and not (ragged and parts[0] == PARTICLES and len(parts) > 1):
        raise SchemaError(f"{name!r} is no name of a field: {parts[0]!r} is in use already")


def check_names(names: Iterable[str]) -> None:
    """Refuse fields that would be kept in the same place.

    Raises
    ------
    SchemaError
        Naming two of them.
    """
    everything = list(names)
    of_particles = [name for name in everything if is_of_particles(name)]
    for place, kept, known in (
        ("NumPy file", everything, {file_stem(name): name for name in everything}),
        ("column", of_particles, {column_of(name): name for name in of_particles}),
    ):
        if len(known) < len(kept):
            name = next(name for name in kept if name not in known.values())
            raise SchemaError(f"{name!r} would be kept in the same {place} as another field")
    for name in everything:
        inside = next((other for other in everything if other.startswith(f"{name}/")), None)
        if inside is not None:
            raise SchemaError(f"{name!r} is a field, and cannot hold {inside!r} as well")


def check_no_events(name: str, events: Container[str], place: object) -> None:
    """Refuse a field of frames where rows of that name are events of their own.

    Raises
    ------
    SchemaError
        Naming it.
    """
    if name in events:
        raise SchemaError(
            f"{place}: {name!r} is there already, as events of which nobody knows the frames; give "
            "it another name"
        )


def file_stem(name: str) -> str:
    """Return the name of the NumPy file of a field, without ``.npy``.

    Examples
    --------
    >>> file_stem("coordinates/unwrapped"), file_stem("forces/total")
    ('unwrapped_traj', 'forces.total')
    """
    return STANDARD[name].stem if name in STANDARD else name.replace("/", ".")


def check_trajectory_id(traj_id: Any) -> None:
    """Refuse what cannot be the name of a trajectory.

    Raises
    ------
    SchemaError
        Naming it.
    """
    fine = isinstance(traj_id, str) and re.fullmatch(r"[^/\\\0]+", traj_id)
    if not fine or traj_id in (".", "..") or not _is_text(traj_id):
        raise SchemaError(f"{traj_id!r} is no name of a trajectory; write 'traj_001'")


def _is_text(name: str) -> bool:
    """Whether files can hold a name: no half of a character, no end of a text in C."""
    try:
        return b"\0" not in name.encode()
    except UnicodeEncodeError:
        return False


def number_of(traj_id: str) -> str:
    """Return what follows ``traj`` in the name of a trajectory's folder.

    Examples
    --------
    >>> number_of("traj_001"), number_of("traj12"), number_of("run-7b")
    ('1', '12', '_run-7b')
    """
    match = re.fullmatch(r"traj_?0*(\d+)", traj_id)
    return match[1] if match else f"_{traj_id}"
