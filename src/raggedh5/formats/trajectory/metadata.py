"""What is known of a simulation: the system, the times, and what wrote it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5._version import __version__
from raggedh5.errors import FormatError, SchemaError
from raggedh5.formats.trajectory.configuring.values import shown
from raggedh5.formats.trajectory.describing import values
from raggedh5.formats.trajectory.describing.layout import (
    ATTRIBUTES,
    DATASETS,
    FORMAT_VERSION,
    GROUPS,
    PARAMETERS,
    place,
    sort_out,
)
from raggedh5.formats.trajectory.describing.parameters import (
    Parameter,
    parameter,
    parameter_name,
    plain,
    same,
)

__all__ = ["Groups", "TrajectoryMetadata"]

Groups = dict[str, tuple[dict[str, NDArray[Any]], dict[str, Any]]]
"""Datasets and attributes by name, of each group below /metadata by its path."""

_CHECKS: dict[str, Any] = {
    "program": values.text,
    "program_version": values.text,
    "lattice_matrix": values.matrix,
    "pbc": values.periodic,
    "system_size": values.axes,
    "temperature": values.quantity,
    "species_count": values.counts,
    "total_species": values.count,
    "time_interval": values.quantity,
    "t_final": values.quantity,
    "n_traj": values.count,
    "random_seed": values.seed,
    "version": values.text,
    "created_on": values.moment,
}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, eq=False)
class TrajectoryMetadata:
    """What describes the trajectories of a run; None is what is not known.

    Two are equal if all that they say is, `created_on` included.

    Parameters
    ----------
    program, program_version
        What simulated.
    lattice_matrix
        Lattice vectors as rows, float64 of shape (3, 3), in bohr.
    pbc
        Which axes are periodic, bool of shape (3,), or one for all. By default all of them where
        there is a lattice, and none where there is not.
    system_size
        Unit cells along each axis, int64 of shape (3,).
    temperature
        In kelvin.
    species_count
        Particles of each kind, int64 of shape (kinds,).
    total_species
        Particles together; by default the sum of `species_count`.
    time_interval, t_final
        Time between frames, and at the end.
    n_traj
        Trajectories of the run.
    random_seed
        A whole number of 64 bits.
    parameters
        Further entries: numbers, texts, small arrays of them. Arrays are copied.
    version
        Version of raggedh5 that wrote it.
    created_on
        ISO 8601; by default now, in UTC.

    Raises
    ------
    SchemaError
        If an entry is of another type or shape; it names the entry.

    Examples
    --------
    >>> metadata = TrajectoryMetadata(species_count=[3, 1], parameters={"dopants": ["W", "Mo"]})
    >>> metadata.total_species, metadata.pbc
    (4, array([False, False, False]))
    """

    program: str | None = None
    program_version: str | None = None
    lattice_matrix: Any = None
    pbc: Any = None
    system_size: Any = None
    temperature: float | None = None
    species_count: Any = None
    total_species: int | None = None
    time_interval: float | None = None
    t_final: float | None = None
    n_traj: int | None = None
    random_seed: int | None = None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    version: str | None = __version__
    created_on: str | None = field(default_factory=_now)

    def __post_init__(self) -> None:
        if self.pbc is None:
            object.__setattr__(self, "pbc", self.lattice_matrix is not None)
        for name, check in _CHECKS.items():
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, check(place(name), value))
        if self.total_species is None and self.species_count is not None:
            total = values.count(place("total_species"), sum(self.species_count.tolist()))
            object.__setattr__(self, "total_species", total)
        if not isinstance(self.parameters, Mapping):
            raise SchemaError(f"parameters are a mapping, not {shown(self.parameters)}")
        added = {
            parameter_name(name): parameter(place(name), value)
            for name, value in self.parameters.items()
        }
        for name in added:
            if name in _CHECKS or name == "format_version":
                raise SchemaError(f"{name!r} is no further entry; give it as {place(name)}")
        object.__setattr__(self, "parameters", added)

    def __eq__(self, other: object) -> bool:
        """Return whether both say the same; arrays as a whole, NaN equal to NaN."""
        if not isinstance(other, TrajectoryMetadata):
            return NotImplemented
        return all(
            same(getattr(self, entry.name), getattr(other, entry.name)) for entry in fields(self)
        )

    @classmethod
    def from_mapping(
        cls, mapping: "Mapping[str, Any] | TrajectoryMetadata | None"
    ) -> "TrajectoryMetadata":
        """Return the description that a mapping gives.

        Parameters
        ----------
        mapping
            Entries by name, or in mappings of their groups, ``simulation_info``, ``system_info``,
            ``species_info`` and ``simulation_params``. Entries that are not known become
            `parameters`. What is a description already is returned as it is.

        Raises
        ------
        SchemaError
            If an entry is of another type or shape, there twice, or in a wrong group.

        Examples
        --------
        >>> metadata = TrajectoryMetadata.from_mapping({"temperature": 300, "doping": 0.1})
        >>> metadata.temperature, metadata.parameters
        (300.0, {'doping': 0.1})
        """
        if isinstance(mapping, TrajectoryMetadata):
            return mapping
        if mapping is not None and not isinstance(mapping, Mapping):
            raise SchemaError(f"metadata are a mapping of entries, not {shown(mapping)}")
        known, added = sort_out(mapping or {})
        return cls(**known, parameters=added)

    @classmethod
    def from_groups(
        cls, groups: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]
    ) -> "TrajectoryMetadata":
        """Return the description that a file holds.

        Parameters
        ----------
        groups
            As `as_groups` returns it, but with arrays, datasets and attributes as h5py has them.
            Groups and entries that are not there are not known. Further entries are kept where
            they are in ``simulation_params`` and are numbers, texts or small arrays.

        Raises
        ------
        FormatError
            If an entry is of another type or shape, or the format is another one.
        """
        stored: dict[str, Any] = {"version": None, "created_on": None}
        added: dict[str, Any] = {}
        try:
            for group in GROUPS:
                own = (*ATTRIBUTES[group], *DATASETS.get(group, ()))
                for part in groups.get(group, ({}, {})):
                    for name, value in part.items():
                        if name in own:
                            stored[name] = plain(place(name), value)
                        elif group == PARAMETERS and _is_parameter(name, value):
                            added[name] = plain(place(name), value)
            known, _ = sort_out(stored)
            return cls(**known, parameters=added)
        except SchemaError as error:
            raise FormatError(str(error)) from error

    def as_groups(self) -> Groups:
        """Return what a file is to hold: datasets and attributes of each group below /metadata.

        Texts are Python's, alone or in arrays of objects, which h5py stores with any length.

        Examples
        --------
        >>> TrajectoryMetadata(temperature=300, pbc=True).as_groups()["system_info"]
        ({'pbc': array([ True,  True,  True])}, {'temperature': 300.0})
        """
        found = self._entries()
        groups: Groups = {}
        for group in GROUPS:
            datasets = {name: found[name] for name in DATASETS.get(group, ()) if name in found}
            attributes = {name: found[name] for name in ATTRIBUTES[group] if name in found}
            groups[group] = (datasets, attributes)
        for name, value in self.parameters.items():
            # An attribute holds 64 KiB: arrays are datasets, of any size.
            datasets, attributes = groups[PARAMETERS]
            if isinstance(value, np.ndarray):
                datasets[name] = value
            else:
                attributes[name] = value
        return groups

    def as_dict(self) -> dict[str, Any]:
        """Return it as `from_mapping` takes it, in groups, of types that JSON has."""
        nested: dict[str, Any] = {}
        for path, (datasets, attributes) in self.as_groups().items():
            within = nested
            for step in path.split("/"):
                within = within.setdefault(step, {})
            within.update(attributes)
            within.update({name: array.tolist() for name, array in datasets.items()})
        nested["simulation_info"] = {
            "version": self.version,
            "created_on": self.created_on,
            **nested["simulation_info"],
        }
        return nested

    def _entries(self) -> dict[str, Any]:
        entries = {name: getattr(self, name) for name in _CHECKS}
        entries["format_version"] = FORMAT_VERSION
        return {name: value for name, value in entries.items() if value is not None}


def _is_parameter(name: str, value: Any) -> bool:
    """Return whether an entry of a file can be kept: other programs may have written anything."""
    if name in _CHECKS:
        return False
    try:
        parameter(parameter_name(name), plain(place(name), value))
    except SchemaError:
        return False
    return True
