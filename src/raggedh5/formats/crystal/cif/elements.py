"""What element an atom of a CIF is."""

import math
import re
from dataclasses import dataclass
from functools import lru_cache

from raggedh5.formats.crystal.cif.parser import require_gemmi

__all__ = ["Element", "element_of", "formula_weight"]

_LETTERS = re.compile(r"[A-Za-z]*")
_LABEL = re.compile(r"[A-Z][a-z]?")
_PART = re.compile(r"([A-Z][a-z]?)(\d*\.?\d*)")


@dataclass(frozen=True)
class Element:
    """An element, or something that is none.

    Attributes
    ----------
    symbol
        Its symbol; ``"D"`` for deuterium. Of what is none, as the file gives it.
    number
        Atomic number; 0 for what is none.
    weight
        Standard atomic weight in Da; NaN for what is none.
    """

    symbol: str
    number: int
    weight: float


def element_of(type_symbol: str | None, label: str) -> Element:
    """Return the element of an atom.

    Parameters
    ----------
    type_symbol
        ``_atom_site_type_symbol``, which may go on with a charge or more; None where it is lacking.
    label
        The label, which begins with the symbol then: ``"CA1"`` is carbon, and ``"Ca1"`` calcium.

    Examples
    --------
    >>> element_of("Fe3+", "M1").number, element_of("CL", "X").symbol, element_of("D", "D1").number
    (26, 'Cl', 1)
    >>> element_of(None, "CA1").symbol, element_of(None, "Ca1").symbol
    ('C', 'Ca')
    >>> element_of("Wat", "Wat1")
    Element(symbol='Wat', number=0, weight=nan)
    """
    return _of_type(type_symbol) if type_symbol else _of_label(label)


@lru_cache(4096)
def _of_type(type_symbol: str) -> Element:
    letters = _LETTERS.match(type_symbol)
    symbol = letters[0] if letters else ""
    return _known(symbol) or Element(type_symbol, 0, math.nan)


@lru_cache(4096)
def _of_label(label: str) -> Element:
    letters = _LABEL.match(label)
    symbol = letters[0] if letters else ""
    return _known(symbol) or _known(symbol[:1]) or Element(label, 0, math.nan)


@lru_cache(4096)
def _known(symbol: str) -> Element | None:
    if not 1 <= len(symbol) <= 2:
        return None
    element = require_gemmi().Element(symbol.capitalize())
    number = int(element.atomic_number)
    return Element(str(element.name), number, float(element.weight)) if number else None


@lru_cache(4096)
def formula_weight(formula: str) -> float | None:
    """Return the weight of a formula in Da; None where it is not understood.

    Examples
    --------
    >>> round(formula_weight("C9 H8 O4"), 2), formula_weight("(C2 H4)n")
    (180.16, None)
    """
    total = 0.0
    for part in formula.split():
        found = _PART.fullmatch(part)
        element = _known(found[1]) if found else None
        if found is None or element is None or found[2] == ".":
            return None
        total += element.weight * float(found[2] or 1)
    return total or None
