"""Where the JSON of a structure has what structures are grouped by.

Pipelines agree on little, so each key is looked for in several places, the first one that is there
counts. A place is a path of keys with dots between; where it comes to a list, it goes on in all of
its items.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from raggedh5.care.organising.composition import formula

__all__ = ["ATOMS", "FORMULAS", "SIZES", "SPACE_GROUPS", "SYMBOLS", "finder"]

SPACE_GROUPS = (
    "space_group",
    "crystal.space_group",
    "symmetry.space_group",
    "spacegroup",
    "space_group_symbol",
    "spacegroup_symbol",
)
"""The space group, for the key ``space_group``."""

ATOMS = ("atoms", "crystal.atoms", "molecule.atoms")
"""The atoms: a list, or an object of parallel lists."""

SYMBOLS = (
    *(f"{atoms}.{name}" for atoms in ATOMS for name in ("symbol", "atom_symbol", "element")),
    "atom_symbol",
    "atom_symbols",
    "symbols",
    "elements",
)
"""The element of every atom, for the keys ``size`` and ``composition``."""

FORMULAS = ("formula", "crystal.formula", "chemical_formula")
"""The composition as text, for ``composition`` where no symbols are found."""

SIZES = ("n_atoms", "crystal.n_atoms")
"""How many atoms there are, for ``size`` where neither symbols nor atoms are found."""

OF_LIST = re.compile(r"(?P<what>size|composition)\(\s*(?P<path>.*?)\s*\)", re.DOTALL)

Find = Callable[[Any], Any]


def finder(by: str) -> Find:
    """Return what finds the value of a key in a structure; it returns None where there is none.

    Parameters
    ----------
    by
        ``"space_group"``, ``"size"`` (how many atoms), ``"composition"`` (their formula in the
        order of Hill); ``"size(path)"`` and ``"composition(path)"`` of another list; or the path
        of any other value.

    Examples
    --------
    >>> water = {"crystal": {"space_group": "P6_3cm"}, "atoms": [{"symbol": s} for s in "OHH"]}
    >>> [finder(by)(water) for by in ("space_group", "size", "composition", "atoms.0", "z")]
    ['P6_3cm', 3, 'H2O', None, None]
    >>> finder("composition(rings.kind)")({"rings": [{"kind": "C6"}, {"kind": "C5"}]})
    'C5:1 C6:1'
    """
    if by == "space_group":
        return lambda value: _first(value, SPACE_GROUPS)
    if by in ("size", "size()"):
        return _size
    if by in ("composition", "composition()"):
        return _composition
    match = OF_LIST.fullmatch(by)
    if match is None:
        return lambda value: _at(value, by)
    path = match["path"]
    if match["what"] == "size":
        return lambda value: _length(_at(value, path))
    return lambda value: _formula(_at(value, path))


def _first(value: Any, places: Sequence[str]) -> Any:
    for place in places:
        found = _at(value, place)
        if found is not None:
            return found
    return None


def _at(value: Any, path: str) -> Any:
    """Return what is at a path; of a list, what is there in each item that has it."""
    if isinstance(value, dict) and path in value:
        return value[path]
    for key in path.split("."):
        if isinstance(value, list):
            value = [item.get(key) if isinstance(item, dict) else None for item in value]
            if all(item is None for item in value) and value:
                return None
        elif isinstance(value, dict) and key in value:
            value = value[key]
        else:
            return None
    return value


def _size(value: Any) -> Any:
    for place in (*SYMBOLS, *ATOMS):
        found = _at(value, place)
        if isinstance(found, list):
            return len(found)
    return _first(value, SIZES)


def _length(value: Any) -> Any:
    return len(value) if isinstance(value, (list, dict)) else None


def _composition(value: Any) -> Any:
    for place in SYMBOLS:
        found = _formula(_at(value, place))
        if found is not None:
            return found
    return _first(value, FORMULAS)


def _formula(value: Any) -> str | None:
    if not isinstance(value, list):
        return None
    counts = Counter(item if isinstance(item, str) else None for item in value)
    return formula(counts)
