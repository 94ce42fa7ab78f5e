"""One crystal structure as a data block of a CIF gives it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.errors import FormatError
from raggedh5.formats.crystal.cif.atoms import Atoms, atoms_of
from raggedh5.formats.crystal.cif.elements import formula_weight
from raggedh5.formats.crystal.cif.parser import require_gemmi
from raggedh5.formats.crystal.cif.values import column, number, text
from raggedh5.formats.crystal.geometry.cells import cell_matrix, density, matrix_volume

__all__ = ["CifStructure", "is_structure", "structure_of"]

CODES = (
    "_database_code_CSD",
    "_cod_database_code",
    "_database_code_ICSD",
    "_database_code_amcsd",
    "_database_code_PDF",
    "_database_code_depnum_ccdc_archive",
)
SYMBOLS = (
    "_space_group_name_H-M_alt",
    "_symmetry_space_group_name_H-M",
    "_space_group_name_H-M_full",
    "_space_group_name_Hall",
    "_symmetry_space_group_name_Hall",
)
OPERATIONS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
SHORTEST = 1e-3
"""An edge in angstrom below which nothing that is computed would fit single precision."""

VOLUME_OFF = 0.01
"""By how much of itself a volume may differ from the cell's before that is told."""


@dataclass(frozen=True, eq=False)
class CifStructure:
    """A structure: its cell, and its asymmetric unit as the file lists it.

    Attributes
    ----------
    identifier : str
        Code of the entry in the first database of CSD, COD, ICSD, AMCSD, PDF and CCDC that the
        block names; otherwise the name of the block.
    path, block : str
        The file, and the name of the data block in it.
    line : int
        Number of its first line.
    space_group : str or None
        The Hermann-Mauguin symbol as the file has it, or Hall's where there is only that.
    z_value, z_prime : float or None
        Formula units in the cell, and in the asymmetric unit: what the file states, or the first
        divided by the number of symmetry operations, as the file lists them or the symbol says.
    cell_lengths, cell_angles : ndarray of float64, shape (3,)
        In angstrom and degrees.
    cell_volume : float
        Of the cell, in cubic angstrom.
    cell_density : float or None
        In g/cm**3: what the file states as calculated, or Z times the formula weight (stated, or of
        the sum formula) over the volume.
    density_stated : bool
        Whether the file states it.
    atoms : Atoms
        Symmetry operations are not applied.
    warnings : tuple of str
        What is odd.
    """

    identifier: str
    path: str
    block: str
    line: int
    space_group: str | None
    z_value: float | None
    z_prime: float | None
    cell_lengths: NDArray[np.float64]
    cell_angles: NDArray[np.float64]
    cell_volume: float
    cell_density: float | None
    density_stated: bool
    atoms: Atoms
    warnings: tuple[str, ...]


def is_structure(block: Any) -> bool:
    """Whether a block has a cell or atoms at all; many have only text, or powder data."""
    names = ("_cell_length_", "_cell_angle_", "_cell.", "_atom_site_fract_", "_atom_site.")
    tags = (tag for item in block for tag in _tags(item))
    return any(tag.lower().startswith(names) for tag in tags)


def structure_of(block: Any, path: str, name: str, line: int) -> CifStructure:
    """Return the structure of a block.

    Parameters
    ----------
    block
        A block of gemmi.
    path, name, line
        Where it is.

    Raises
    ------
    FormatError
        If it has no cell or no atoms, or numbers of it are none.
    SchemaError
        If there is no such cell.
    """
    lengths, angles, warnings = _cell(block)
    volume = float(matrix_volume(cell_matrix(lengths, angles)))
    stated = number(block, "_cell_volume")
    if stated is not None and abs(stated - volume) > VOLUME_OFF * volume:
        warnings.append(f"the volume is {volume:.2f} by the cell, but stated as {stated:g}")
    atoms, more = atoms_of(block)
    symbol = text(block, *SYMBOLS)
    z_value = number(block, "_cell_formula_units_Z")
    z_prime = number(block, "_cell_formula_units_Z_prime")
    if z_prime is None and z_value is not None:
        operations = _operations(block, symbol, angles)
        z_prime = z_value / operations if operations else None
    mass = number(block, "_exptl_crystal_density_diffrn")
    return CifStructure(
        identifier=text(block, *CODES) or name,
        path=path,
        block=name,
        line=line,
        space_group=symbol,
        z_value=z_value,
        z_prime=z_prime,
        cell_lengths=lengths,
        cell_angles=angles,
        cell_volume=volume,
        cell_density=_density(block, z_value, volume) if mass is None else mass,
        density_stated=mass is not None,
        atoms=atoms,
        warnings=(*warnings, *more),
    )


def _cell(block: Any) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
    warnings: list[str] = []
    lengths = [number(block, f"_cell_length_{axis}") for axis in "abc"]
    if None in lengths:
        raise FormatError("it has no cell: _cell_length_a, _b and _c are wanted")
    short = next((one for one in lengths if one is not None and 0 < one < SHORTEST), None)
    if short is not None:
        raise FormatError(f"a cell has no edge of {short:g} angstrom")
    angles = []
    for axis in ("alpha", "beta", "gamma"):
        tag = f"_cell_angle_{axis}"
        angle = number(block, tag)
        if angle is None:
            if block.find_value(tag) == "?":
                raise FormatError(f"it has no cell: {tag} is unknown")
            # The core dictionary of CIF has this default.
            warnings.append(f"{tag} is not given, and taken to be 90")
            angle = 90.0
        angles.append(angle)
    return np.array(lengths, np.float64), np.array(angles, np.float64), warnings


def _operations(block: Any, symbol: str | None, angles: NDArray[np.float64]) -> int:
    """Return the number of symmetry operations, those of centring included; 0 if unknown."""
    for tag in OPERATIONS:
        listed = column(block, tag)
        if listed is not None:
            return len(listed)
    if symbol is None:
        return 0
    alpha, _, gamma = angles.tolist()
    group = require_gemmi().find_spacegroup_by_name(symbol, alpha, gamma)
    return 0 if group is None else len(group.operations())


def _density(block: Any, z_value: float | None, volume: float) -> float | None:
    weight = number(block, "_chemical_formula_weight")
    if weight is None:
        weight = formula_weight(text(block, "_chemical_formula_sum") or "")
    if weight is None or z_value is None:
        return None
    return float(density(z_value, weight, volume))


def _tags(item: Any) -> list[str]:
    """Return the tags of a pair or a loop."""
    if item.pair is not None:
        return [item.pair[0]]
    return list(item.loop.tags) if item.loop is not None else []
