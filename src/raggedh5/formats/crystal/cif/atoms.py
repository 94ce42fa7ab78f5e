"""The atoms of a data block: its asymmetric unit, as the file lists it."""

import math
from collections import Counter
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raggedh5.errors import FormatError
from raggedh5.formats.crystal.cif.elements import Element, element_of
from raggedh5.formats.crystal.cif.values import column, numbers

__all__ = ["Atoms", "atoms_of"]

SITE = "_atom_site_"
SHOWN = 5
"""Labels that a warning names."""


@dataclass(frozen=True, eq=False)
class Atoms:
    """Atoms with coordinates.

    Attributes
    ----------
    labels : tuple of str
        As the file has them.
    elements : tuple of Element
        What each is.
    frac_coords : ndarray of float64, shape (atoms, 3)
        Fractional coordinates, not brought into the cell.
    occupancy : ndarray of float64, shape (atoms,)
        1 where the file does not say it.
    disorder_assembly, disorder_group : tuple of str
        As the file has them, empty where it does not.
    """

    labels: tuple[str, ...]
    elements: tuple[Element, ...]
    frac_coords: NDArray[np.float64]
    occupancy: NDArray[np.float64]
    disorder_assembly: tuple[str, ...]
    disorder_group: tuple[str, ...]


def atoms_of(block: Any) -> tuple[Atoms, list[str]]:
    """Return the atoms of a block, and warnings.

    Atoms without coordinates, and dummy atoms, are left out with a warning.

    Parameters
    ----------
    block
        A block of gemmi.

    Raises
    ------
    FormatError
        If there are none, or something is no number.
    """
    types = column(block, f"{SITE}type_symbol")
    labels = column(block, f"{SITE}label")
    if labels is None:
        labels = [f"{symbol}{place}" for place, symbol in enumerate(types or (), 1)]
    axes = [numbers(block, f"{SITE}fract_{axis}", labels) for axis in "xyz"]
    if any(axis is None for axis in axes):
        if block.find_values(f"{SITE}Cartn_x") or block.find_values("_atom_site.Cartn_x"):
            raise FormatError("its atoms have no fractional coordinates, but Cartesian ones")
        raise FormatError("it has no atoms with fractional coordinates")
    count = len(labels)
    occupancy = numbers(block, f"{SITE}occupancy", labels)
    more = {
        name: column(block, f"{SITE}{name}")
        for name in ("calc_flag", "disorder_assembly", "disorder_group")
    }
    for values in (types, *axes, occupancy, *more.values()):
        if values is not None and len(values) != count:
            raise FormatError("its atoms are in several loops of different lengths")
    frac = np.array(axes, np.float64).T
    known = np.isfinite(frac).all(axis=1)
    flags = more["calc_flag"] or [""] * count
    dummy = np.array([flag.lower() == "dum" for flag in flags], bool)
    keep = known & ~dummy
    warnings = _named("atoms without coordinates left out", compress(labels, ~known & ~dummy))
    warnings += _named("dummy atoms left out", compress(labels, dummy))
    if not keep.any():
        raise FormatError("none of its atoms has coordinates")
    chosen = keep.tolist()
    kept = tuple(compress(labels, chosen))
    elements = tuple(
        element_of(symbol, label)
        for symbol, label in zip(compress(types or [""] * count, chosen), kept, strict=True)
    )
    odd = (label for label, element in zip(kept, elements, strict=True) if not element.number)
    warnings += _named("of no element, with atomic number 0", odd)
    twice = (label for label, times in Counter(kept).items() if times > 1)
    warnings += _named("labels used more than once", twice)
    shares = np.array(occupancy if occupancy is not None else [math.nan] * count)[keep]
    atoms = Atoms(
        kept,
        elements,
        frac[keep],
        np.where(np.isnan(shares), 1.0, shares),
        tuple(compress(more["disorder_assembly"] or [""] * count, chosen)),
        tuple(compress(more["disorder_group"] or [""] * count, chosen)),
    )
    return atoms, warnings


def _named(what: str, labels: Any) -> list[str]:
    found = list(labels)
    if not found:
        return []
    more = f", ... ({len(found)} in all)" if len(found) > SHOWN else ""
    return [f"{what}: {', '.join(found[:SHOWN])}{more}"]
