"""Where each entry of a description is, in HDF5 and in a mapping."""

from collections.abc import Mapping
from typing import Any

from raggedh5.core.closest import closest
from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory.configuring.values import listed, shown
from raggedh5.formats.trajectory.describing.parameters import parameter_name

__all__ = ["ATTRIBUTES", "DATASETS", "FORMAT_VERSION", "GROUPS", "PARAMETERS", "place", "sort_out"]

FORMAT_VERSION = "hdf5_v1"
ROOT = "metadata"
PARAMETERS = "simulation_params"
SPECIES = "species_info"

ATTRIBUTES = {
    "simulation_info": ("version", "created_on", "program", "program_version", "format_version"),
    "system_info": ("temperature",),
    "system_info/species_info": ("total_species",),
    PARAMETERS: ("time_interval", "t_final", "n_traj", "random_seed"),
}
"""Attributes of each group below /metadata."""

DATASETS = {
    "system_info": ("lattice_matrix", "pbc", "system_size"),
    "system_info/species_info": ("species_count",),
}
"""Datasets of each group."""

GROUPS = tuple(ATTRIBUTES)

STATED = ("version", "created_on")
"""Entries of which None says something: a file does not have them."""

_GROUP_OF = {
    name: group for names in (ATTRIBUTES, DATASETS) for group in names for name in names[group]
}


def place(name: str) -> str:
    """Return the path of an entry, as errors name it.

    Examples
    --------
    >>> place("temperature"), place("dopants")
    ('metadata/system_info/temperature', 'metadata/simulation_params/dopants')
    """
    return f"{ROOT}/{_GROUP_OF.get(name, PARAMETERS)}/{name}"


def sort_out(mapping: Mapping[Any, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the entries that are known, and those that the user adds, of a mapping.

    Entries may be in it by their names alone, or in mappings of their groups. What is not known
    counts as one of `simulation_params`. None is an entry that is not there.

    Raises
    ------
    SchemaError
        If an entry is there twice, or in a group that it does not belong to.

    Examples
    --------
    >>> sort_out({"system_info": {"temperature": 300}, "n_traj": 10, "dopants": 2})
    ({'temperature': 300, 'n_traj': 10}, {'dopants': 2})
    """
    known: dict[str, Any] = {}
    added: dict[str, Any] = {}
    _collect(mapping, None, known, added)
    version = known.pop("format_version", FORMAT_VERSION)
    if version != FORMAT_VERSION:
        raise SchemaError(
            f"{place('format_version')} is {shown(version)}; this version of raggedh5 knows "
            f"{FORMAT_VERSION!r} alone"
        )
    return known, added


def _collect(mapping: Any, group: str | None, known: dict[str, Any], added: dict[str, Any]) -> None:
    """Collect the entries of a mapping, which is all of it or that of one group."""
    if not isinstance(mapping, Mapping):
        raise SchemaError(f"{ROOT}/{group or ''} is {shown(mapping)}; it is to be a mapping")
    for name, value in mapping.items():
        inner = _group_within(name, group)
        if inner is not None:
            _collect({} if value is None else value, inner, known, added)
        elif name in _GROUP_OF and group in (None, _GROUP_OF[name]):
            if value is not None or name in STATED:
                _put(known, name, value)
        elif name in _GROUP_OF:
            belongs = _GROUP_OF[name]
            raise SchemaError(f"{ROOT}/{group}/{name} is not known; it belongs to {belongs}")
        elif group in (None, PARAMETERS):
            if value is not None:
                _put(added, parameter_name(name), value)
        else:
            raise _unknown(group or "", name)


def _group_within(name: object, group: str | None) -> str | None:
    if group is None and name in GROUPS:
        return str(name)
    return GROUPS[2] if name == SPECIES and group in (None, GROUPS[1]) else None


def _put(entries: dict[str, Any], name: str, value: Any) -> None:
    if name in entries:
        raise SchemaError(f"{place(name)} is given twice, alone and in a group; give it once")
    entries[name] = value


def _unknown(group: str, name: object) -> SchemaError:
    known = [*ATTRIBUTES[group], *DATASETS.get(group, ())]
    near = closest(name, known, 1) if isinstance(name, str) else []
    hint = f"the closest is {near[0]!r}" if near else f"it has {listed(known)}"
    return SchemaError(
        f"{ROOT}/{group} has no entry {shown(name)}; {hint}; further ones go to {PARAMETERS}"
    )
