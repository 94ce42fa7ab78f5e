"""Values of a configuration, checked one by one; an error names the key that it is of."""

import math
import numbers
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

from raggedh5.core.closest import closest
from raggedh5.errors import SchemaError

__all__ = [
    "check_keys",
    "flag",
    "listed",
    "number",
    "one_of",
    "refused",
    "shown",
    "whole_number",
]

_BRIEF = reprlib.Repr()
_BRIEF.maxlevel = 2
_BRIEF.maxstring = _BRIEF.maxother = 80


def shown(value: object) -> str:
    """Return a value as an error message shows it: never long, whatever it is.

    Examples
    --------
    >>> shown([1, [2, [3, [4]]]])
    '[1, [2, [...]]]'
    """
    try:
        return " ".join(_BRIEF.repr(value).split())
    except ValueError:  # a whole number of thousands of digits
        return f"a very long {type(value).__name__}"


def refused(key: str, value: object, allowed: str) -> SchemaError:
    """Return the error for a value that a key cannot have.

    Examples
    --------
    >>> refused("performance.buffer_size", 0, "a whole number of 1 or more")
    SchemaError('performance.buffer_size is 0; allowed: a whole number of 1 or more')
    """
    return SchemaError(f"{key} is {shown(value)}; allowed: {allowed}")


def listed(names: Iterable[str]) -> str:
    """Return names as a message lists them.

    Examples
    --------
    >>> listed(["gzip", "lzf"])
    "'gzip', 'lzf'"
    """
    return ", ".join(map(repr, names))


def one_of(key: str, value: object, names: Iterable[str]) -> str:
    """Return one of some names; the error for another one says which is most like it."""
    names = list(names)
    if isinstance(value, str) and value in names:
        return value
    near = closest(value, names, 1) if isinstance(value, str) else []
    hint = f" (the closest is {near[0]!r})" if near else ""
    raise refused(key, value, f"{listed(names)}{hint}")


def flag(key: str, value: object) -> bool:
    """Return true or false; 0, 1 and texts are neither."""
    if not isinstance(value, bool):
        raise refused(key, value, "true, false")
    return value


def whole_number(key: str, value: object, lowest: int, highest: int | None = None) -> int:
    """Return a whole number within bounds; true, 10.0 and "10" are none."""
    if not isinstance(value, bool) and isinstance(value, numbers.Integral):
        found = int(value)
        if found >= lowest and (highest is None or found <= highest):
            return found
    bounds = f"of {lowest} or more" if highest is None else f"from {lowest} to {highest}"
    raise refused(key, value, f"a whole number {bounds}")


def number(
    key: str,
    value: object,
    *,
    above: float | None = None,
    lowest: float | None = None,
    highest: float | None = None,
) -> float:
    """Return a finite number within bounds.

    It may be written as a text: YAML 1.1 takes 1e-4, without a point, for one.

    Parameters
    ----------
    key, value
        What is checked.
    above, lowest, highest
        What it must be greater than, not less than, and not more than.
    """
    bounds = [
        *([f"greater than {above:g}"] if above is not None else []),
        *([f"of {lowest:g} or more"] if lowest is not None else []),
        *([f"up to {highest:g}"] if highest is not None else []),
    ]
    allowed = " ".join(["a number", " and ".join(bounds)]).rstrip()
    if isinstance(value, bool) or not isinstance(value, str | numbers.Real):
        raise refused(key, value, allowed)
    try:
        found = float(value)
    except (ValueError, OverflowError) as error:
        raise refused(key, value, allowed) from error
    if (
        not math.isfinite(found)
        or (above is not None and not found > above)
        or (lowest is not None and found < lowest)
        or (highest is not None and found > highest)
    ):
        raise refused(key, value, allowed)
    return found


def check_keys(key: str, value: object, known: Iterable[str]) -> dict[str, Any]:
    """Return a section as a dict; the error for an unknown key names the closest known one.

    Nothing at all, as YAML has it for a section without entries, is an empty one.
    """
    known = list(known)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise refused(key, value, f"a mapping with any of the keys {listed(known)}")
    for name in value:
        if name not in known:
            near = closest(name, known, 1) if isinstance(name, str) else []
            hint = f"the closest is {near[0]!r}" if near else f"it has {listed(known)}"
            raise SchemaError(f"{key} has no key {shown(name)}; {hint}")
    return dict(value)
