"""What elements the particles of a trajectory are."""

import re
from collections.abc import Sequence

import numpy as np

from raggedh5.errors import SchemaError
from raggedh5.formats.trajectory.metadata import TrajectoryMetadata

__all__ = ["ELEMENTS", "UNKNOWN", "atomic_number", "elements_of", "parse_elements"]

ELEMENTS = "elements"
"""The parameter of the metadata with the names."""

UNKNOWN = "X"
"""What is no element, or not known."""

_SYMBOLS = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se "
    "Br Kr Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy "
    "Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf "
    "Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og"
)
_NUMBERS = {symbol: number for number, symbol in enumerate(_SYMBOLS.split(), 1)}


def atomic_number(symbol: str) -> int:
    """Return the atomic number; 0 for what is no element.

    Examples
    --------
    >>> atomic_number("Bi"), atomic_number("electron")
    (83, 0)
    """
    return _NUMBERS.get(symbol, 0)


def parse_elements(text: str) -> list[str]:
    """Return the names in a list with commas; ``*4`` stands for four of a kind.

    Raises
    ------
    SchemaError
        If it is no such list.

    Examples
    --------
    >>> parse_elements("Bi, V, O*4")
    ['Bi', 'V', 'O', 'O', 'O', 'O']
    """
    found: list[str] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([^\s*,]+)\s*(?:\*\s*(\d{1,9})\s*)?", part, re.ASCII)
        if match is None:
            raise SchemaError(f"{text!r} is no list of elements; write 'Bi,V,O*4'")
        found += [match[1]] * int(match[2] or 1)
    return found


def elements_of(
    metadata: TrajectoryMetadata, n_species: int, given: Sequence[str] | None = None
) -> list[str]:
    """Return the element of each particle, "X" where it is not known.

    Parameters
    ----------
    metadata
        Its parameter ``"elements"`` counts where none are given.
    n_species
        How many particles there are.
    given
        A name for each particle; or one for each kind, of which the metadata has the count.

    Raises
    ------
    SchemaError
        If there are neither as many names as particles, nor as kinds.

    Examples
    --------
    >>> elements_of(TrajectoryMetadata(species_count=[2, 1]), 3, ["H", "O"])
    ['H', 'H', 'O']
    """
    stored = metadata.parameters.get(ELEMENTS) if given is None else given
    if stored is None:
        return [UNKNOWN] * n_species
    names = [str(name) for name in np.atleast_1d(np.asarray(stored, np.object_))]
    counts = metadata.species_count
    if len(names) == n_species:
        return names
    if counts is not None and len(names) == len(counts) and int(counts.sum()) == n_species:
        return [name for name, count in zip(names, counts, strict=True) for _ in range(int(count))]
    raise SchemaError(
        f"there are names of {len(names)} elements, but {n_species} particles; give one for each "
        "particle, as 'Bi,V,O*4', or one for each kind with its count in the metadata"
    )
