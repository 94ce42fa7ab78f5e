"""Structures as ASE has them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.core.arrays import as_numpy
from raggedh5.errors import SchemaError
from raggedh5.formats.crystal.geometry.cells import cell_matrix
from raggedh5.formats.crystal.geometry.coordinates import fractional_to_cartesian

__all__ = ["to_ase"]

LABELS = "labels"
"""The array of an `ase.Atoms` with the labels."""

INFO = {"refcode": "refcode", "refcode_list": "refcode", "space_group": "space_group"}
"""What goes into the `info` of an `ase.Atoms`, by field."""

DEUTERIUM = "D"
DEUTERIUM_MASS = 2.0141018
"""In Da: M. Wang et al., Chinese Phys. C 45, 030003 (2021)."""


def to_ase(structure: Mapping[str, Any]) -> Any:
    """Return a structure as `ase.Atoms`: the atoms that are stored, no images of them.

    Parameters
    ----------
    structure
        Unpadded values of one structure by field, as a `CrystalFile` gives them. Fields may be
        missing or None. Used are: `atom_number`, or else `atom_symbol`; `atom_coords`, or else
        `atom_frac_coords`; `cell_matrix`, or else `cell_lengths` and `cell_angles`; `atom_charge`,
        `atom_label`, `refcode` or `refcode_list`, and `space_group`. A field with nulls or NaN
        is taken for missing.

    Returns
    -------
    ase.Atoms
        Periodic if there is a cell. Charges are its initial charges, labels its array
        ``"labels"``, refcode and space group are in its `info`. What is no element has number 0,
        "X" in ASE; deuterium is hydrogen of its own mass.

    Raises
    ------
    ImportError
        If ase is not installed.
    SchemaError
        If there are neither numbers nor symbols, or no coordinates, or not as many of one as of
        another.

    Examples
    --------
    >>> salt = {"atom_symbol": ["Na", "Cl"], "atom_frac_coords": [[0, 0, 0], [0.5, 0.5, 0.5]],
    ...         "cell_lengths": [5.64, 5.64, 5.64], "cell_angles": [90, 90, 90]}
    >>> to_ase(salt).get_scaled_positions().tolist()
    [[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]]
    """
    try:
        from ase import Atoms
        from ase.data import atomic_numbers
    except ImportError as error:
        raise ImportError(
            "ase.Atoms need ase; install it with: pip install 'raggedh5[ase]'"
        ) from error
    numbers = _numbers(structure, atomic_numbers)
    count = len(numbers)
    matrix = _matrix(structure)
    atoms = Atoms(
        numbers=numbers,
        positions=_positions(structure, matrix, count),
        cell=matrix,
        pbc=matrix is not None,
    )
    deuterium = _deuterium(structure, count)
    if deuterium.any():
        masses = atoms.get_masses()
        masses[deuterium] = DEUTERIUM_MASS
        atoms.set_masses(masses)
    charges = _finite(structure, "atom_charge", (count,))
    if charges is not None:
        atoms.set_initial_charges(charges)
    labels = _strings(structure, "atom_label", count)
    if labels is not None:
        atoms.set_array(LABELS, np.array(labels, np.str_))
    for name, info in INFO.items():
        value = structure.get(name)
        if value is not None:
            atoms.info[info] = str(value)
    return atoms


def _numbers(structure: Mapping[str, Any], known: Mapping[str, int]) -> NDArray[Any]:
    """Return atomic numbers; 0 for what is no element."""
    numbers = structure.get("atom_number")
    if numbers is not None and not np.ma.is_masked(numbers):
        return as_numpy(numbers)
    symbols = _strings(structure, "atom_symbol")
    if symbols is None:
        raise SchemaError(
            "a structure without 'atom_number' and 'atom_symbol' has no atoms to show"
        )
    return np.array([known.get(_element(symbol), 0) for symbol in symbols], np.int64)


def _deuterium(structure: Mapping[str, Any], count: int) -> NDArray[np.bool_]:
    symbols = _strings(structure, "atom_symbol", count)
    if symbols is None:
        return np.zeros(count, np.bool_)
    return np.array([symbol == DEUTERIUM for symbol in symbols], np.bool_)


def _element(symbol: str) -> str:
    return "H" if symbol == DEUTERIUM else symbol


def _matrix(structure: Mapping[str, Any]) -> NDArray[Any] | None:
    """Return the vectors of the cell; None where it is not known."""
    matrix = _finite(structure, "cell_matrix", (3, 3))
    if matrix is not None:
        return matrix
    lengths = _finite(structure, "cell_lengths", (3,))
    angles = _finite(structure, "cell_angles", (3,))
    if lengths is None or angles is None:
        return None
    found: NDArray[Any] = cell_matrix(lengths, angles)
    return found


def _positions(
    structure: Mapping[str, Any], matrix: NDArray[Any] | None, count: int
) -> NDArray[Any]:
    coords = _finite(structure, "atom_coords", (count, 3))
    if coords is not None:
        return coords
    frac = _finite(structure, "atom_frac_coords", (count, 3))
    if frac is None or matrix is None:
        raise SchemaError(
            "a structure without 'atom_coords' wants 'atom_frac_coords' and a cell: 'cell_matrix', "
            "or 'cell_lengths' and 'cell_angles'"
        )
    found: NDArray[Any] = fractional_to_cartesian(frac, matrix)
    return found


def _finite(
    structure: Mapping[str, Any], name: str, shape: tuple[int, ...]
) -> NDArray[np.float64] | None:
    """Return numbers in float64; None where they are missing, or some are null or NaN."""
    value = structure.get(name)
    if value is None or np.ma.is_masked(value):
        return None
    array = as_numpy(value).astype(np.float64)
    if array.shape != shape:
        raise SchemaError(f"{name!r} has shape {array.shape}, but {shape} is wanted")
    return array if np.isfinite(array).all() else None


def _strings(structure: Mapping[str, Any], name: str, count: int | None = None) -> list[str] | None:
    """Return strings, empty ones for nulls; None where they are missing, or all are null."""
    values = structure.get(name)
    if values is None:
        return None
    found = [value if value is None else str(value) for value in values]
    if count is not None and len(found) != count:
        raise SchemaError(f"{name!r} has {len(found)} values, but there are {count} atoms")
    if found and all(value is None for value in found):
        return None
    return [value or "" for value in found]
