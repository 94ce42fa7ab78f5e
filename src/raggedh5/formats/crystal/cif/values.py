"""Single values of a data block."""

from typing import Any

from raggedh5.errors import FormatError
from raggedh5.formats.crystal.cif.parser import require_gemmi

__all__ = ["UNKNOWN", "column", "number", "numbers", "text"]

LARGEST = 1e12
"""A number above is none that says something about a crystal; single precision has room for it."""

UNKNOWN = ("?", ".")
"""What stands for a value that is not known, or that does not apply."""


def text(block: Any, *tags: str) -> str | None:
    """Return the value of the first tag that has one.

    Parameters
    ----------
    block
        A block of gemmi.
    tags
        In the order of preference.
    """
    cif = require_gemmi().cif
    for tag in tags:
        value = block.find_value(tag)
        if value is not None and value not in UNKNOWN:
            found = " ".join(cif.as_string(value).split())
            if found:
                return found
    return None


def number(block: Any, *tags: str) -> float | None:
    """Return a number without its standard uncertainty: ``5.4310(2)`` is 5.431.

    Raises
    ------
    FormatError
        If there is something else.
    """
    cif = require_gemmi().cif
    for tag in tags:
        value = block.find_value(tag)
        if value is not None and value not in UNKNOWN:
            found = float(cif.as_number(cif.as_string(value)))
            if not _sound(found):
                raise FormatError(f"{tag} is {cif.as_string(value)!r}, which is no number")
            return found
    return None


def column(block: Any, tag: str) -> list[str] | None:
    """Return the values of a tag in a loop, or of a single one; None where there are none.

    What is unknown is an empty string.
    """
    cif = require_gemmi().cif
    return list(map(cif.as_string, block.find_values(tag))) or None


def numbers(block: Any, tag: str, names: list[str]) -> list[float] | None:
    """Return the numbers of a tag in a loop, NaN where one is unknown.

    Parameters
    ----------
    names
        What each is a value of, for messages.

    Raises
    ------
    FormatError
        Naming the first value that is no number.
    """
    cif = require_gemmi().cif
    raw = list(block.find_values(tag))
    found = [float(cif.as_number(cif.as_string(value))) for value in raw]
    for place, one in enumerate(found):
        if not _sound(one) and raw[place] not in UNKNOWN:
            of = f" of {names[place]!r}" if place < len(names) else ""
            raise FormatError(f"{tag}{of} is {cif.as_string(raw[place])!r}, which is no number")
    return found or None


def _sound(value: float) -> bool:
    return abs(value) <= LARGEST  # which NaN is not
